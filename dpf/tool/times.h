/* dpf/tool/times.h - what every bench on the host does with times. Layer: hosted tools.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stddef.h>

/* Nanoseconds of a clock that only goes forward. */
double now_ns(void);

/* Nanoseconds of the processor in this thread, kernel included. Beside now_ns it takes a system
 * call, and leaves out what others use. */
double used_ns(void);

/* Sort t[0, n), the shortest first: t[n / 2] is the median. */
void times_sort(double *t, size_t n);
