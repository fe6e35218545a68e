/* kernel/pt.h - environments' hardware page tables: a cache of secure bindings.
 *
 * A mapping is made only through a checked page slot and is broken when the page
 * changes hands: every entry is on its page's chain (struct page_private).
 * Tables are charged to their environment and bounded by its table_limit.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct env;

enum { PT_N_MAX = 4096 }; /* pages in one call */

/* Give env a top-level table. Returns 0 or -E_NOMEM. */
int pt_create(struct env *env);

/* Drop every mapping and table of env. */
void pt_destroy(struct env *env);

/* Is [va, va + n pages) aligned and an environment's to map? */
bool pt_range_ok(uint64_t va, uint32_t n);

/* Make sure tables exist for n pages from va. Returns 0, or -E_NOMEM when memory or
 * env's table_limit is used up (tables made so far stay, empty). */
int pt_prepare(struct env *env, uint64_t va, uint32_t n);

/* Entries of consecutive pages: one walk for each table. */
struct pt_walk {
	struct env *env;
	uint64_t va;     /* of the next entry */
	uint64_t *table; /* that it is in; NULL: there is none */
};
struct pt_walk pt_walk(struct env *env, uint64_t va);
uint64_t *pt_table(struct env *env, uint64_t va);

/* The entry of the next page, NULL where there is no table. */
static inline uint64_t *pt_next(struct pt_walk *w)
{
	uint32_t at = w->va >> 12 & 511;

	if (at == 0)
		w->table = pt_table(w->env, w->va);
	w->va += 4096;
	return w->table ? &w->table[at] : NULL;
}

/* Could page pfn take entry e's place with prot? Returns 0, -E_BUSY (it is writable
 * elsewhere and prot has PROT_X, or the reverse) or -E_NOMEM (direct map). After 0
 * pt_set cannot fail. */
int pt_check(const uint64_t *e, uint32_t pfn, uint32_t prot);

/* Map page pfn by entry e in place of what is there; e's address is va in env. */
void pt_set(struct env *env, uint64_t va, uint64_t *e, uint32_t pfn, uint32_t prot);

/* Remove the mapping of entry e, if there is one. */
void pt_clear(struct env *env, uint64_t va, uint64_t *e);

/* Replace the bits `mask` of entry e, which is present, by `bits`: none of them PTE_P,
 * PTE_NX or the page's number. */
void pt_change(struct env *env, uint64_t va, uint64_t *e, uint64_t mask, uint64_t bits);

/* Hardware bits for enum exo_prot; without PTE_P and PTE_U. */
uint64_t pt_bits(uint32_t prot);

static inline uint32_t pt_page(uint64_t e) { return (uint32_t)(e >> 12 & 0xffffffffff); }

/* Remove every mapping of page pfn, in all environments. */
void pt_break(uint32_t pfn);

/* Kernel address of n bytes at user address va, if they lie in one page that env maps
 * with the given access; NULL otherwise. The only way the kernel reaches user memory. */
void *pt_reach(struct env *env, uint64_t va, uint32_t n, bool write);
