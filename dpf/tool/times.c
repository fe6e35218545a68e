/* dpf/tool/times.c - see times.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/times.h"
#include <stdlib.h>
#include <time.h>

double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void times_sort(double *t, size_t n) { qsort(t, n, sizeof *t, by_size); }
