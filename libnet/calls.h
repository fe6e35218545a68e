/* libnet/calls.h - what handlers in the kernel have asked us to run (helper `call`, exo/ash.h).
 * Layer: libnet, pure. SPDX-License-Identifier: ISC */
#pragma once
#include "exo/ash.h"

/* An entry: the argument the handler gave, and the filter whose frame it was. */
typedef void calls_entry(uint64_t arg, uint32_t filter);

/* Run what waits in q, in order, each by its entry; calls of entries that are NULL, or beyond n,
 * are dropped. To be called for UPCALL_HANDLER, or anywhere else in the one thread of control.
 * q lies ASH_CALLS bytes into the page that was bound as the handler's context. Returns how
 * many were run or dropped; at most ASH_CALL_RING. */
uint32_t calls_run(volatile struct ash_calls *q, calls_entry *const entry[], uint32_t n);
