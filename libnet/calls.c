/* libnet/calls.c - see calls.h. SPDX-License-Identifier: ISC */
#include "libnet/calls.h"
#include <stddef.h>

uint32_t calls_run(volatile struct ash_calls *q, calls_entry *const entry[], uint32_t n)
{
	uint32_t done = 0;

	for (; done < ASH_CALL_RING && q->tail != q->head; done++) {
		const volatile struct ash_call *at = &q->call[q->tail % ASH_CALL_RING];
		uint32_t which = at->entry, filter = at->filter;
		uint64_t arg = at->arg;

		q->tail++; /* its place is free: an entry may take long */
		if (which < n && entry[which])
			entry[which](arg, filter);
	}
	return done;
}
