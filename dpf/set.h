/* dpf/set.h - shapes in the order in which they win, and the function made from them.
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/block.h"
#include "dpf/digest.h"
#include "dpf/table.h"

struct set_entry {
	uint64_t sign, rank;
	struct shape *shape;
	struct digest digest; /* of its constants */
};

struct set {
	enum gen_mode mode;
	bool shared;
	bool stale;   /* for readers: the function does not say what the shapes say, no memory for it */
	bool touched; /* something waits for set_reclaim */
	uint32_t n;   /* shapes, */
	uint32_t nwirelen; /* and those that ask for the length on the wire */
	uint64_t seed;
	uint32_t rekeyed;
	struct set_entry order[DPF_SHAPES_MAX]; /* by rank, the highest first */
	struct shape *by_index[DPF_SHAPES_MAX];
	struct blocks blocks; /* the function */
	struct shape *retired_shapes, *stale_shapes;
	struct table *retired_tables;
};

/* The member with a path's key: 0 when there is none. *shape: its shape, or NULL. */
uint32_t set_find(const struct set *set, const struct store *store, const struct path *p,
                  uint32_t filter, struct shape **shape);

void set_init(struct set *set, bool shared, uint64_t seed);

/* Where the shapes of this priority begin, those above being before them. */
uint32_t set_priority(const struct set *set, uint16_t priority);

/* Add a path for filter `id`; program is its residual's code, or NULL. *ref is 0 when the
 * filter has that path already. The function does not say so before set_generate.
 * -E_NOMEM or -E_LIMIT (shapes) with nothing changed. */
int set_add(struct set *set, struct store *store, const struct path *p, uint32_t id,
            const uint8_t *program, uint32_t *ref);

/* Take a member out; it is not freed, and the function does not say so before set_generate. */
void set_remove(struct set *set, struct store *store, uint32_t ref);

/* Make anew what changes left out of date in the function, if anything. -E_NOMEM: it is as before,
 * and may know what is no more. */
int set_generate(struct set *set, struct store *store, struct gen_scratch *scratch);

/* Emit the function once more, into code[0, room), for a listener; as it is published unless
 * the set is stale. Returns its length; 0: no room. */
uint32_t set_tell(struct set *set, const struct store *store, struct gen_scratch *scratch,
                  uint8_t *code, size_t room, const struct gen_listener *listener);

/* Nobody runs code older than the newest. */
void set_reclaim(struct set *set, struct store *store);
void set_destroy(struct set *set, struct store *store);
