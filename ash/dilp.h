/* ash/dilp.h - dynamic integrated layer processing: one pass over data for all that layers
 * want to do with them, composed at run time to one native loop.
 *
 * A pipeline is a list of pipes. Each word of 8 bytes goes through them in order; COPY
 * writes it to the destination, SUM and CRC take it in, the others change it. A tail of less
 * than 8 bytes is a word padded with zeros, of which only the bytes count.
 *
 * The kinds of pipes and the limits are in exo/ash.h. The attribute of a pipe is its gauge: 1, 2, 4 or 8, the bytes it works on at once. The
 * length of data must be a multiple of every gauge.
 *
 * Layer: leaf library, as ash.h. Sources: Engler, Wallach, Kaashoek, "Efficient, safe,
 * application-specific message processing" (DILP), 1995; RFC 1071; RFC 3720, B.4 (CRC-32C).
 * SPDX-License-Identifier: ISC
 */
#pragma once
#include "ash/ash.h"

struct dilp_pipe {
	uint32_t kind;
	uint32_t gauge; /* of SWAP and USER; the others work on any length, and have 0 here */
	uint64_t key;
	const struct ash_insn *insn; /* private to the caller, as a program's */
	uint32_t ninsn;
};

/* What lives on from one run to the next over the same data. */
struct dilp_state {
	uint64_t sum; /* of words, with the carries added; not folded */
	uint64_t crc; /* as the CRC register has it */
	uint64_t user[DILP_USERS]; /* r6 of each user pipe, in order */
};
#define DILP_BEGIN ((struct dilp_state){ .crc = 0xffffffff })

/* The emitted loop: all of `words` words. to is not used without COPY; it may equal from. */
typedef void dilp_entry(uint8_t *to, const uint8_t *from, uint64_t words,
                        struct dilp_state *state);

enum { DILP_CODE_MAX = 5 * DILP_PIPES * DILP_USER_INSNS * 80 };

/* The gauge of all n pipes together (1, 2, 4 or 8), or
 *   -E_INVAL  a kind, gauge or user instruction that does not exist, or a second COPY, ...
 *   -E_LIMIT  more than DILP_PIPES, DILP_USERS or DILP_USER_INSNS */
int dilp_check(const struct dilp_pipe *pipe, uint32_t n);
/* Emit the loop of pipes that dilp_check accepted. Returns the code's length, or -E_NOSPC.
 * Position-independent; uses 64 bytes of stack, and SSE4.2's crc32 for CRC. */
int dilp_compile(const struct dilp_pipe *pipe, uint32_t n, uint8_t *code, size_t cap);
/* A pipeline that was checked and compiled. */
struct dilp {
	const struct dilp_pipe *pipe;
	uint32_t n, gauge;
	dilp_entry *entry;
};

/* Take n pipes as they cross the boundary apart into pipelines: pipe[0, n) and dilp[] (room for
 * ASH_PIPELINES), which point into in[] and pipe[]; the entries stay to be compiled. Returns
 * how many pipelines there are, or
 *   -E_INVAL  the numbers do not count up, or as dilp_check
 *   -E_LIMIT  n is above ASH_PIPES, more than ASH_PIPELINES, or as dilp_check */
int dilp_gather(const struct ash_pipe *in, uint32_t n, struct dilp_pipe *pipe, struct dilp *dilp);

/* Run it over `length` bytes, a multiple of the gauge (else -E_INVAL, and nothing is done).
 * Several runs continue each other if all but the last are multiples of 8. */
int dilp_run(const struct dilp *d, uint8_t *to, const uint8_t *from, uint64_t length,
             struct dilp_state *state);

/* Results, as the wire has them: the checksum folded, not complemented, its high byte first
 * in the frame (as helper `sum`); the CRC inverted. */
uint32_t dilp_sum(const struct dilp_state *state);
uint32_t dilp_crc(const struct dilp_state *state);
