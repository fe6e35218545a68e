/* dpf/tool/times.c - see times.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/times.h"
#include <stdlib.h>
#include <time.h>

static double read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double now_ns(void) { return read_clock(CLOCK_MONOTONIC); }

double used_ns(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void times_sort(double *t, size_t n) { qsort(t, n, sizeof *t, by_size); }
