/* dpf/table.h - a dynamic perfect hash table: keys of words to 32-bit values.
 *
 *   h = hash(words)     b = the top bits of h     slot = the top bits of h * disp[b]
 *
 * The keys of a bucket, at most TABLE_BUCKET, each have a slot of their own under their
 * bucket's multiplier, so that a lookup is two loads without a loop, and a miss costs
 * what a hit costs. A bucket that grows past its bound, or finds no multiplier, makes the
 * caller build a table with another key.
 *
 * Readers run at any time. An entry appears by one store, of its value or of its bucket's
 * multiplier, and disappears by one store. What a reader may still look at is not used
 * again before table_reclaim.
 * Model: Dietzfelbinger et al., "Dynamic perfect hashing", SIAM J. Comput. 23(4), 1994.
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC
 */
#pragma once
#include "dpf/shape.h"

enum { TABLE_BUCKET = 8 };

/* The generated code reads key[], disp[] and the slots, and has all the rest in its immediates: a
 * table's place and size never change. A slot is the words, then a 32-bit value (0: nothing here;
 * the one store), in `stride` bytes. Of two words of which the second has 32 bits, it is 16 bytes
 * long (`narrow`), and so never lies across an edge of a cache line. */
struct table {
	uint64_t key[2];
	uint32_t nbuckets, nslots; /* powers of two */
	uint8_t bucket_shift, slot_shift;
	bool narrow;
	uint32_t words, stride;
	uint32_t value;      /* offset in a slot */
	uint32_t slots;      /* offset of the first slot from here */
	uint32_t n, stale;   /* slots in use; slots not to be used before table_reclaim */
	uint32_t stale_list; /* index + 1 */
	uint32_t npages;
	uint32_t *head;      /* [nbuckets]: their first members; writers' */
	uint32_t *ref;       /* [nslots]: members; with TABLE_STALE the next stale slot + 1; writers' */
	struct table *next;  /* retired */
	uint32_t disp[];     /* [nbuckets] */
};
#define TABLE_STALE 0x80000000u

/* An empty table for n keys of s and some more; NULL when there is no memory. */
struct table *table_new(struct store *store, const struct shape *s, uint32_t n,
                        uint64_t *seed);
void table_free(struct store *store, struct table *t);

/* Is there room for one more? */
bool table_has_room(const struct table *t);

/* Add a member, or return false: the table must be built anew. */
bool table_add(struct store *store, const struct shape *s, struct table *t, uint32_t ref);

uint32_t table_find(const struct table *t, const uint64_t *words);
void table_remove(struct store *store, const struct shape *s, struct table *t, uint32_t ref);

/* Another member stands for its key: the next one in the chain `same`. */
void table_replace(struct table *t, const uint64_t *words, uint32_t ref, uint32_t value);

/* After other tables used the members' links, make the buckets' chains anew. */
void table_relink(struct store *store, const struct shape *s, struct table *t);

void table_reclaim(struct table *t);

static inline uint8_t *table_slot(const struct table *t, uint64_t i)
{
	return (uint8_t *)(uintptr_t)t + t->slots + i * t->stride;
}

static inline uint32_t table_value(const struct member *m, uint32_t ref)
{
	return m->shared ? ref : m->filter;
}
