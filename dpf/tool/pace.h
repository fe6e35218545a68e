/* dpf/tool/pace.h - when each frame is due, and how well that was kept.
 *
 * Times are nanoseconds. Due times are absolute and computed from totals, so that being late
 * once makes nothing later, and no rounding adds up. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum pace_kind { PACE_RECORDED, PACE_PPS, PACE_MBPS, PACE_TOP };

struct pace {
	enum pace_kind kind;
	double rate;      /* RECORDED: how many times as fast; else the figure */
	uint32_t at_once; /* PPS: frames due at the same time, >= 1 */
};

/* When the next frame is due, counted from the beginning, after `frames` frames of `bytes`
 * bytes; it was recorded `recorded` after the first one. */
uint64_t pace_due(const struct pace *p, uint64_t frames, uint64_t bytes, uint64_t recorded);

/* How late frames were: counts by magnitude, each bucket 1/16 as wide as its value. */
enum { PACE_FINE = 16, PACE_BUCKETS = 64 * PACE_FINE };
struct pace_errors {
	uint64_t count[PACE_BUCKETS], total, max;
};
void pace_note(struct pace_errors *e, uint64_t late);

/* The lateness that a share (0 to 1) of the frames did not exceed, at most 1/16 too high. */
uint64_t pace_percentile(const struct pace_errors *e, double share);
