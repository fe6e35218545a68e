/* apps/ktest/calls.h - the system calls, as exo/stub.h has them, for tests: each error that a call
 * returns is noted, so that errors_test.c can compare what came with what is documented.
 * Layer: apps. SPDX-License-Identifier: ISC */
#pragma once
#include "apps/ktest/ktest.h"
#include "exo/call.h"

/* Errors seen so far, 1 << E_X each, by number of the call; in the page that all share. */
static inline volatile uint32_t *calls_seen(void)
{
	return (volatile uint32_t *)KTEST_SHARED + KTEST_SEEN;
}

/* Returns what it is given. For calls that do not go through a stub. */
static inline long calls_note(uint32_t number, long result)
{
	if (result < 0 && result > -E_COUNT && number < SYS_COUNT)
		calls_seen()[number] |= 1u << -result;
	return result;
}

static inline long calls_syscall(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                                 uint64_t e, uint64_t f)
{
	return calls_note((uint8_t)number, exo_syscall(number, a, b, c, d, e, f));
}

#define exo_syscall calls_syscall
#include "exo/stub.h"
