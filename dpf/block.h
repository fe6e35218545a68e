/* dpf/block.h - a set's function, in blocks: code for a run of its shapes, on pages of its own.
 *
 *   shapes   1 2 3 4 | 5 6 7 8 9 | 10 11 12      in the order in which they win
 *   blocks   first ------> next ------> last      where none of a block's shapes holds
 *
 * A change makes those blocks anew whose shapes it touched, and a neighbour where a block has
 * become too full or too empty, as in a B-tree: two or three, of at most GEN_SHAPES shapes each,
 * however many the set has. The code of a block never changes once it is published. From a block to
 * the next it goes through a word of data, `on`; storing that word publishes.
 * Model: Bayer & McCreight, "Organization and maintenance of large ordered indexes", 1972.
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/gen.h"

enum {
	BLOCK_FEW = 6,    /* fewer shapes than that has only the one block of a small set */
	BLOCKS_MAX = 512, /* in use, being made, and waiting for blocks_reclaim */
};
_Static_assert((int)BLOCK_FEW <= (int)GEN_SHAPES / 2, "a block that is cut is not too empty");
_Static_assert(2 * ((int)DPF_SHAPES_MAX / (int)BLOCK_FEW + 1) < (int)BLOCKS_MAX,
               "all blocks can be made anew at once");

struct block {
	const uint8_t *on; /* the code of the next one: what this one's code reads */
	struct block *next;
	struct block *instead, *upto; /* while a change is made: what takes the place of all from here to upto */
	struct dpf_code code;
	const uint8_t *begin; /* of the code, on its pages */
	uint32_t bytes; /* of code */
	uint16_t n;     /* shapes */
	bool dirty;     /* the code does not say what they say */
};

struct blocks {
	struct block *first;
	const uint8_t *entry; /* the code of the first one: what readers read */
	bool dirty;           /* one of them is */
	bool wirelen;         /* the first one keeps the length on the wire */
	uint32_t used;        /* of pool */
	struct block *free, *retired;
	uint32_t generated;   /* blocks since the beginning, */
	uint64_t emitted;     /* and bytes of code */
	struct block pool[BLOCKS_MAX];
};

struct set; /* dpf/set.h; blocks are its part */

/* One block, of no shapes, without code. */
void blocks_init(struct blocks *b);

/* The code about the shape at this place of the order must change; a shape has come there; the
 * one that is there leaves. */
void blocks_touch(struct blocks *b, uint32_t at);
void blocks_insert(struct blocks *b, uint32_t at);
void blocks_remove(struct blocks *b, uint32_t at);

/* Make anew what must be, and publish it. -E_NOMEM: the code is as it was, and what must change
 * still must. */
int blocks_generate(struct set *set, struct store *store, struct gen_scratch *scratch);

/* Emit all blocks once more, one behind the other. */
void blocks_tell(const struct set *set, const struct store *store, struct gen_scratch *scratch,
                 struct x86 *a, const struct gen_listener *listener);

/* Free what was replaced. Destroy: free all. */
void blocks_reclaim(struct blocks *b, struct store *store);
void blocks_destroy(struct blocks *b, struct store *store);
