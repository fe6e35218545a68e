/* dpf/path.h - one accepting path of a filter, in canonical form.
 *
 * A path is a conjunction. However its atoms were written, equal conjunctions have equal
 * canonical forms:
 *   bytes  every comparison with one value, taken apart into masked bytes, sorted
 *   tests  what is left: intervals and their complements, sorted
 *   span   for each base, how many bytes from it must have been captured
 *   base   where offsets count from: base[0] is the frame, base[i] is
 *          base[parent] + ((load & mask) shifted), 64-bit arithmetic
 *
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "exo/err.h"
#include "exo/filter.h"

enum {
	PATH_BASES = 1 + FILTER_SHIFTS_MAX,
	PATH_BYTES = 4 * FILTER_ATOMS_MAX,
	PATH_TESTS = FILTER_ATOMS_MAX,
	PATH_OFFSET_MAX = 0xffff, /* of a load; its last byte may lie 3 beyond */
	PATH_LEN = 0,             /* width that stands for the frame's length on the wire */
};

struct path_base {
	uint8_t parent, width; /* width 1, 2 or 4 */
	int8_t shift;          /* left by shift, or right by -shift */
	uint8_t zero;
	uint16_t offset, zero2;
	uint32_t mask;
};

struct path_byte {
	uint16_t offset;
	uint8_t base, mask, value, zero;
};

/* (lo <= v && v <= hi) != negate, where v = load & mask, big-endian. */
struct path_test {
	uint16_t offset;
	uint8_t base, width, negate, zero[3];
	uint32_t mask, lo, hi;
};

struct path {
	uint64_t rank;     /* see path_finish */
	uint16_t priority;
	uint8_t nbases;    /* >= 1 */
	uint8_t nbytes, ntests;
	bool never;        /* contradicts itself: accepts nothing */
	bool residual;     /* holds only where the filter's BPF program accepts, too */
	bool rx_only;
	uint32_t span[PATH_BASES];
	struct path_base base[PATH_BASES];
	struct path_byte byte[PATH_BYTES];
	struct path_test test[PATH_TESTS];
};

/* An empty path: accepts every frame. */
void path_init(struct path *p, uint16_t priority);

/* Require `end` captured bytes from base on. */
void path_need(struct path *p, unsigned base, uint32_t end);

/* Add a test. Loads lie within PATH_OFFSET_MAX. Returns 0, or -E_LIMIT when the path is
 * full. A contradiction sets p->never. */
int path_add(struct path *p, const struct path_test *t);

/* Find or add a base; returns its index, or -E_LIMIT. Its load becomes a need. */
int path_add_base(struct path *p, const struct path_base *b);

/* Bring into canonical form and compute the rank: of two paths that both accept a frame
 * the one of higher rank wins. Rank orders by priority, then by the number of bits
 * compared, then by how narrow the other tests are; it is a function of the path alone. */
void path_finish(struct path *p);

/* No path of this priority has a higher rank, and each of a higher priority has. */
static inline uint64_t path_rank_max(uint16_t priority)
{
	return (uint64_t)priority << 48 | 0xffffffffffff;
}

/* How two finished paths stand to each other, over all frames, by their atoms alone
 * (residuals count as true). DISJOINT: no frame satisfies both, for certain. */
enum path_relation {
	PATH_DISJOINT = 0,
	PATH_OVERLAP = 1,
	PATH_IMPLIES = 2,     /* a implies b; with PATH_OVERLAP */
	PATH_IMPLIED = 4,     /* b implies a; with PATH_OVERLAP */
};
unsigned path_relate(const struct path *a, const struct path *b);

/* The value of a big-endian field of the path's bytes, when all bits of mask are fixed. */
bool path_value(const struct path *p, unsigned base, unsigned offset, unsigned width,
                uint32_t mask, uint32_t *value);

/* The index of the byte at (base, offset), or p->nbytes. */
unsigned path_find(const struct path *p, unsigned base, unsigned offset);

/* The two finished paths are the same conjunction. */
bool path_equal(const struct path *a, const struct path *b);

/* Largest value of a load of this width (0: the length). */
static inline uint32_t path_ones(unsigned width)
{
	return width == 1 ? 0xff : width == 2 ? 0xffff : 0xffffffff;
}

static inline bool path_test_holds(const struct path_test *t, uint32_t v)
{
	return (t->lo <= v && v <= t->hi) != t->negate;
}
