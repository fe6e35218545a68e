/* dpf/set.h - shapes in the order in which they win, and the function made from them.
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/gen.h"
#include "dpf/table.h"

enum { SET_RETIRED_MAX = 64 };

struct set_entry {
	uint64_t sign, rank;
	struct shape *shape;
};

struct set {
	enum gen_mode mode;
	bool shared;
	bool stale;   /* the function does not say what the shapes say: no memory for it */
	bool touched; /* something waits for set_reclaim */
	uint32_t n;   /* shapes */
	uint64_t seed;
	struct dpf_code code;
	uint32_t code_bytes, generated, rekeyed;
	struct set_entry order[DPF_SHAPES_MAX]; /* by rank, the highest first */
	struct shape *by_index[DPF_SHAPES_MAX];
	struct dpf_code retired[SET_RETIRED_MAX];
	uint32_t nretired;
	struct shape *retired_shapes;
	struct table *retired_tables;
};

/* The member with a path's key: 0 when there is none. *shape: its shape, or NULL. */
uint32_t set_find(const struct set *set, const struct store *store, const struct path *p,
                  uint32_t filter, struct shape **shape);

/* Add a path for filter `id`; program is its residual's code, or NULL. *ref is 0 when the
 * filter has that path already. The function is not made anew; *regenerate says that it must be.
 * -E_NOMEM or -E_LIMIT (shapes) with nothing changed. */
int set_add(struct set *set, struct store *store, const struct path *p, uint32_t id,
            const uint8_t *program, uint32_t *ref, bool *regenerate);

/* Take a member out; it is not freed. */
void set_remove(struct set *set, struct store *store, uint32_t ref, bool *regenerate);

/* Make the function anew. -E_NOMEM: it is as before. */
int set_generate(struct set *set, struct store *store, struct gen_scratch *scratch);

/* Emit the function once more, into code[0, room), for a listener; as it is published unless
 * the set is stale. Returns its length; 0: no room. Uses 8 * DPF_SHAPES_MAX bytes of stack:
 * for tools. */
uint32_t set_tell(struct set *set, const struct store *store, struct gen_scratch *scratch,
                  uint8_t *code, size_t room, const struct gen_listener *listener);

/* Nobody runs code older than the newest. */
void set_reclaim(struct set *set, struct store *store);
void set_destroy(struct set *set, struct store *store);
