/* ash_helper.h - the kernel's helpers as handlers call them: by number. ash-helpers(7).
 * SPDX-License-Identifier: ISC
 */
#pragma once
#include "exo/ash.h"

/* Nanoseconds since boot, of this frame. */
static uint64_t (*const ash_time)(void) = (uint64_t(*)(void))ASH_HELPER_TIME;
/* The Internet checksum of n bytes, added to start and folded, not complemented: a number
 * whose high byte is the first one of the frame. Or -E_FAULT. */
static uint64_t (*const ash_sum)(const void *bytes, uint64_t n, uint64_t start) =
	(uint64_t(*)(const void *, uint64_t, uint64_t))ASH_HELPER_SUM;
/* Copy n bytes, which may overlap. 0 or -E_FAULT. */
static uint64_t (*const ash_copy)(void *to, const void *from, uint64_t n) =
	(uint64_t(*)(void *, const void *, uint64_t))ASH_HELPER_COPY;
