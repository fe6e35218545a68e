/* kernel/cap.h - capabilities and binding slots. Layout: exo/cap.h.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/cap.h"
#include "kernel/page.h"

struct env;

struct slot {
	uint8_t type; /* enum exo_cap_type */
	uint8_t rights;
	uint16_t zero;
	uint32_t index;
	uint32_t generation;
	uint32_t zero2;
};

enum {
	SLOTS_PER_PAGE = 256,
	SLOT_PAGES = 64,
	SLOT_MAX = SLOTS_PER_PAGE * SLOT_PAGES, /* bindings of one environment */
};
_Static_assert(sizeof(struct slot) * SLOTS_PER_PAGE == 4096, "a page of slots");

/* Make this boot's key: random, or the loud test key where there is no generator. */
void cap_init(void);

/* Generation of an object as it is now; types without one: 0. */
uint32_t cap_generation(enum exo_cap_type type, uint32_t index);

/* The slot env calls `slot`, if it names a live object of this type and has these
 * rights. NULL otherwise, counted. */
struct slot *slot_get(struct env *env, uint32_t slot, enum exo_cap_type type, uint8_t rights);

/* The same for n slots in a row: true if all are good. */
bool slot_check(struct env *env, uint32_t slot, uint32_t n, enum exo_cap_type type,
                uint8_t rights);

/* The same for n page slots; *executable becomes 1 if anybody may execute one of the pages. */
bool slot_check_pages(struct env *env, uint32_t slot, uint32_t n, uint8_t rights,
                      uint32_t *executable);

/* Is it a live page slot with these rights? */
static inline bool slot_is_page(const struct slot *s, uint8_t rights)
{
	return s->type == CAP_PAGE && (s->rights & rights) == rights &&
	       s->generation == pages[s->index].generation;
}

/* n empty slots in a row: the first one's number, or -E_NOSPC or -E_NOMEM. */
long slot_reserve(struct env *env, uint32_t n);

/* Fill a reserved slot. */
void slot_fill(struct env *env, uint32_t slot, enum exo_cap_type type, uint32_t index,
               uint8_t rights);

void slot_clear(struct env *env, uint32_t slot);

/* The owner gives up the object that a slot of this type names: `end` ends it, and the slot is empty.
 * Returns 0, or -E_PERM (no such slot with RIGHT_OWN). */
long slot_end(struct env *env, uint32_t slot, enum exo_cap_type type, void (*end)(uint32_t index));

/* Free the table's pages. */
void slot_destroy(struct env *env);

/* Make and verify bearer values. cap_verify: type, index, rights of a good one. */
struct exo_cap cap_make(enum exo_cap_type type, uint32_t index, uint8_t rights);
bool cap_verify(const struct exo_cap *cap, struct slot *out);
