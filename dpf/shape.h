/* dpf/shape.h - paths that ask the same questions of a frame.
 *
 * A shape is a path without the values of its bytes, at one priority: all its paths have
 * one rank, and a frame satisfies at most one of them. Values on which all of them agree
 * are constants, immediates of the code. The others are the key, packed into words:
 *
 *   path   12:0800  20&1fff:0  23:06  26:0a000001  [14&0f<<2]+14:0050  ...
 *          `------- constants ------'  `------------- key -----------'
 *
 * Up to SHAPE_SMALL keys are compared in code; more are in a table (dpf/table.h). Bytes
 * become constant or open by pieces of at most four adjacent ones.
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC
 */
#pragma once
#include "dpf/store.h"
#include "dpf/x86.h"

enum { SHAPE_SMALL = 3, SHAPE_WORDS = FILTER_ATOMS_MAX, SHAPE_PARTS = 2 };

/* A load of the frame, masked: the low half of a word, or its high half. */
struct shape_part {
	uint64_t mask;
	uint16_t offset;
	uint8_t base, width; /* 1, 2, 4 or 8; 0: no part */
};

struct shape {
	struct path form;    /* bytes that are open have the value 0 */
	uint64_t sign;       /* equal for equal shapes */
	uint32_t filter;     /* of a residual path, which has a shape of its own; else 0 */
	uint16_t index;
	bool shared;
	bool wirelen;        /* asks for the length on the wire */
	uint8_t nwords;
	uint32_t n, floor;   /* keys; at this many look for agreement again */
	uint32_t small[SHAPE_SMALL]; /* members, while there is no table */
	struct table *table;
	const uint8_t *program; /* residual: its machine code */
	struct shape *next;  /* retired */
	struct shape *stale; /* in the list of those whose table has slots to reclaim, */
	bool is_stale;       /* if it is in it */
	uint8_t open[PATH_BYTES];   /* is this byte part of the key? */
	uint16_t place[PATH_BYTES]; /* its bit in the words */
	struct shape_part word[SHAPE_WORDS][SHAPE_PARTS];

	/* The generator's: since which level a byte, test, base is dealt with; 0: not yet. */
	uint8_t byte_done[PATH_BYTES], test_done[PATH_TESTS], base_done[PATH_BASES];
	uint8_t base_at[PATH_BASES]; /* where the generator keeps it */
	uint32_t field;
	struct x86_label label;
};

/* What all paths of p's shape have in common, as a number. filter as in struct shape. */
uint64_t shape_sign(const struct path *p, uint32_t filter);
bool shape_is(const struct shape *s, const struct path *p, uint32_t filter);

/* A new shape, without members, for a path; NULL when there is no memory. */
struct shape *shape_new(struct store *store, const struct path *p, uint32_t filter);
void shape_free(struct store *store, struct shape *s);

/* The words of a key. */
void shape_words(const struct shape *s, const uint8_t *key, uint64_t w[SHAPE_WORDS]);

/* The first member with this key, or 0. */
uint32_t shape_find(const struct store *store, const struct shape *s, const uint8_t *key);

/* Does word i of a key fit 32 bits? */
static inline bool shape_is_half(const struct shape *s, unsigned i)
{
	return s->word[i][0].width <= 4 && !s->word[i][1].width;
}

/* Add a member whose key is not there yet. *regenerate: the code must change. Replaced
 * tables go to *retired. Returns 0, or -E_NOMEM with nothing changed. */
int shape_add(struct store *store, struct shape *s, uint32_t ref, uint64_t *seed,
              struct table **retired, bool *regenerate);

/* Take out a member that is the only one of its key. If there is no memory to make the shape
 * smaller, it stays as large as it was. */
void shape_remove(struct store *store, struct shape *s, uint32_t ref, uint64_t *seed,
                  struct table **retired, bool *regenerate);

/* No code older than the newest runs any more. */
void shape_reclaim(struct shape *s);

/* The first member whose path holds for the frame, its residual apart, or 0. */
uint32_t shape_match(const struct store *store, const struct shape *s, const uint8_t *frame,
                     uint32_t caplen, uint32_t wirelen);

/* The whole path of a member. */
void shape_path(const struct shape *s, const struct member *m, struct path *p);

/* Members one after another: *cursor starts as 0. Returns 0 at the end. Members of one
 * key follow the first one's `same`. */
uint32_t shape_next(const struct shape *s, uint32_t *cursor);
