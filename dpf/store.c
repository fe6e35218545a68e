/* dpf/store.c - see store.h. Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/store.h"

enum { PER_PAGE = DPF_PAGE / MEMBER_UNIT };

void *store_take(struct store *s, size_t npages)
{
	if (npages > s->max_pages - s->pages)
		return NULL;
	void *p = s->mem.alloc(s->mem.ctx, npages);
	s->pages += p ? npages : 0;
	return p;
}

void store_give(struct store *s, void *p, size_t npages)
{
	if (!p)
		return;
	s->mem.free(s->mem.ctx, p, npages);
	s->pages -= npages;
}

bool store_take_code(struct store *s, struct dpf_code *c, size_t npages)
{
	if (npages > s->max_pages - s->pages || !s->mem.code_alloc(s->mem.ctx, c, npages))
		return false;
	s->pages += npages;
	return true;
}

void store_give_code(struct store *s, const struct dpf_code *c)
{
	if (!c->npages)
		return;
	s->mem.code_free(s->mem.ctx, c);
	s->pages -= c->npages;
}

int store_init(struct store *s, const struct dpf_memory *mem, size_t max_pages)
{
	enum { REFS_MAX = 0x7fffffff / PER_PAGE }; /* the top bit of a reference is free */
	size_t refs = max_pages < REFS_MAX ? max_pages : REFS_MAX;

	s->mem = *mem;
	s->max_pages = max_pages;
	s->page_max = (uint32_t)refs;
	s->page_pages = pages_for(refs * sizeof *s->page);
	s->page = store_take(s, s->page_pages);
	return s->page ? 0 : -E_NOMEM;
}

void store_destroy(struct store *s)
{
	for (uint32_t i = 0; i < s->npages; i++)
		store_give(s, s->page[i], 1);
	store_give(s, s->page, s->page_pages);
}

/* A new page of records. Unit 0 of page 0 stays unused: reference 0 is none. */
static bool grow(struct store *s)
{
	uint8_t *p = s->npages < s->page_max ? store_take(s, 1) : NULL;

	if (!p)
		return false;
	s->page[s->npages++] = p;
	s->used = s->npages == 1;
	return true;
}

uint32_t store_member(struct store *s, unsigned nbytes)
{
	unsigned units = (unsigned)(sizeof(struct member) + nbytes + MEMBER_UNIT - 1) / MEMBER_UNIT;
	uint32_t ref = s->free[units];

	if (ref) {
		s->free[units] = member_at(s, ref)->link;
	} else {
		if ((s->npages == 0 || s->used + units > PER_PAGE) && !grow(s))
			return 0;
		ref = (s->npages - 1) * PER_PAGE + s->used;
		s->used += units;
	}
	*member_at(s, ref) = (struct member){ .units = (uint8_t)units };
	return ref;
}

void store_free_member(struct store *s, uint32_t ref)
{
	struct member *m = member_at(s, ref);

	m->link = s->free[m->units];
	s->free[m->units] = ref;
}
