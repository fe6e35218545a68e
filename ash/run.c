/* ash/run.c - what both engines and the helpers ask about a run.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "ash/ash.h"

bool ash_mapped(const struct ash_run *run, uint64_t offset, uint64_t length, bool write)
{
	if (length > ASH_END || offset >= ASH_END)
		return length == 0;
	for (uint32_t k = 0; k < run->nextent && length > 0; k++) {
		const struct ash_extent *e = &run->extent[k];
		uint64_t end = (uint64_t)e->first + e->length;

		if (offset < e->first || offset >= end || (write && !e->writable))
			continue;
		uint64_t here = end - offset < length ? end - offset : length;
		offset += here;
		length -= here;
	}
	return length == 0;
}

bool ash_charge(struct ash_run *run, uint64_t n)
{
	if (run->budget < n) {
		run->stop = ASH_STOP_BUDGET;
		run->budget = 0;
		return false;
	}
	run->budget -= n;
	return true;
}
