/* dpf/store.h - a classifier's memory: pages within a bound, and the records of paths.
 *
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC
 */
#pragma once
#include "dpf/dpf.h"
#include "dpf/path.h"

/* One accepting path of one filter: what its shape leaves open is its key. Records are
 * named by 32-bit references; 0 is none. */
struct member {
	uint32_t filter; /* id */
	uint32_t next;   /* of the same filter */
	uint32_t same;   /* of the same key: shared filters only */
	uint32_t link;   /* of a bucket, or of a list of free or retired records */
	uint16_t shape;  /* index in its set */
	uint8_t shared;  /* which set */
	uint8_t units;   /* of MEMBER_UNIT bytes */
	uint8_t key[];   /* the values of the path's bytes, in order */
};

enum { MEMBER_UNIT = 8, MEMBER_UNITS_MAX = (sizeof(struct member) + PATH_BYTES + 7) / 8 };

struct store {
	struct dpf_memory mem;
	size_t pages, max_pages; /* in use, and the bound */
	uint8_t **page;          /* pages of records */
	uint32_t npages, page_max, used; /* used: units of the newest page */
	size_t page_pages;
	uint32_t free[MEMBER_UNITS_MAX + 1]; /* lists by size */
};

static inline size_t pages_for(size_t bytes) { return (bytes + DPF_PAGE - 1) / DPF_PAGE; }

/* Zeroed pages, or NULL. */
void *store_take(struct store *s, size_t npages);
void store_give(struct store *s, void *p, size_t npages); /* NULL: nothing */
bool store_take_code(struct store *s, struct dpf_code *c, size_t npages);
void store_give_code(struct store *s, const struct dpf_code *c);

/* Room for references to pages of records. -E_NOMEM when there is none. */
int store_init(struct store *s, const struct dpf_memory *mem, size_t max_pages);
void store_destroy(struct store *s);

/* A record with a key of nbytes, not cleared beyond its size; 0 when there is no memory. */
uint32_t store_member(struct store *s, unsigned nbytes);
void store_free_member(struct store *s, uint32_t ref);

static inline struct member *member_at(const struct store *s, uint32_t ref)
{
	enum { PER_PAGE = DPF_PAGE / MEMBER_UNIT };
	uint8_t *at = s->page[ref / PER_PAGE] + ref % PER_PAGE * MEMBER_UNIT;

	return (struct member *)(void *)at;
}
