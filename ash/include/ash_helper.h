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
/* 64 bits of a stream; not for secrets. */
static uint64_t (*const ash_random)(void) = (uint64_t(*)(void))ASH_HELPER_RANDOM;
/* Wake the owner, and add n to the binding's counter k (below ASH_COUNTERS): both happen
 * only if the handler ends well. 0 or -E_INVAL. */
static uint64_t (*const ash_wake)(void) = (uint64_t(*)(void))ASH_HELPER_WAKE;
static uint64_t (*const ash_count)(uint64_t k, uint64_t n) =
	(uint64_t(*)(uint64_t, uint64_t))ASH_HELPER_COUNT;
/* Run the owner's DILP pipeline k; its checksum and CRC go to *result. 0, -E_INVAL (no such
 * pipeline, or length is no multiple of its gauge) or -E_FAULT. */
static uint64_t (*const ash_dilp)(uint64_t k, void *to, const void *from, uint64_t length,
                                  struct ash_dilp_result *result) =
	(uint64_t(*)(uint64_t, void *, const void *, uint64_t,
	             struct ash_dilp_result *))ASH_HELPER_DILP;
/* Have the owner run its entry (below ASH_ENTRIES) with arg, in its next upcall: to take a lock
 * that is busy now, or to let a thread run. 0, -E_INVAL, or -E_NOSPC: ASH_RUN_CALLS in this
 * run, or ASH_CALL_RING that the owner has not come to. */
static uint64_t (*const ash_call)(uint64_t entry, uint64_t arg) =
	(uint64_t(*)(uint64_t, uint64_t))ASH_HELPER_CALL;
/* Send a frame, or copy it to the owner's next ring slot, from anywhere in the window, besides
 * what the verdict does; ASH_RUN_FRAMES in a run. What may be sent is as for a reply. 0,
 * -E_FAULT, -E_INVAL (length), -E_NOSPC. These three happen only if the handler ends well. */
static uint64_t (*const ash_send)(const void *frame, uint64_t length) =
	(uint64_t(*)(const void *, uint64_t))ASH_HELPER_SEND;
static uint64_t (*const ash_deliver)(const void *frame, uint64_t length) =
	(uint64_t(*)(const void *, uint64_t))ASH_HELPER_DELIVER;
