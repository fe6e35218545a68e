/* exo/wait.h - wakeup predicates (SOSP '97, section 4.1).
 *
 * A sleeping environment leaves a predicate over words of memory: a sum of
 * products. The kernel evaluates it when the environment would be scheduled.
 *
 *   { &ring->used_head, NE, 7 }, { &info->console_in, NE, 3, OR }   either one
 *
 * Layer: ABI. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdint.h>

enum { EXO_WAIT_TERMS = 16 };

enum exo_wait_op { WAIT_EQ, WAIT_NE, WAIT_LT, WAIT_GE, WAIT_OPS }; /* unsigned */

struct exo_wait_term {
	uint64_t address; /* of an aligned 32-bit word, mapped readable in the sleeper */
	uint32_t value;
	uint8_t op;    /* word OP value */
	uint8_t or_;   /* 1: begins a new product; the first term's is ignored */
	uint16_t zero;
};
_Static_assert(sizeof(struct exo_wait_term) == 16, "ABI");

/* Deadlines are absolute values of the time stamp counter. */
#define WAIT_FOREVER UINT64_MAX
