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
#include "exo/layout.h"

struct env;
struct slot;

enum { PT_N_MAX = 4096 }; /* pages in one call */

/* Give env a top-level table. Returns 0 or -E_NOMEM. */
int pt_create(struct env *env);

/* Drop every mapping and table of env. */
void pt_destroy(struct env *env);

/* Is [va, va + n pages) aligned and an environment's to map? */
static inline bool pt_range_ok(uint64_t va, uint32_t n)
{
	return va % EXO_PAGE_SIZE == 0 && va > EXO_ENVPAGE && va < EXO_USER_TOP && n > 0 &&
	       n <= PT_N_MAX && va + (uint64_t)n * EXO_PAGE_SIZE <= EXO_USER_TOP;
}

/* Make sure tables exist for n pages from va; others of env's may be recycled for that. Returns 0,
 * or -E_NOMEM when memory or env's table_limit is used up (tables made so far stay, empty). */
int pt_prepare(struct env *env, uint64_t va, uint32_t n);

/* A page for a table, slots or a list of env's, charged to it as a table; one of its page tables may
 * be recycled for that. 0 when memory or env's table_limit is used up. */
uint32_t pt_take(struct env *env);

/* The running environment's page at va is in no table: copy its mapping from the software
 * TLB. False if it is not there either. */
bool pt_refill(uint64_t va);

/* A run: entries of consecutive pages in one table, and slots for them in one page of slots.
 * Operations on runs do not flush the TLB: pt_flush ends each call that changed something. */
struct pt_run {
	uint64_t *e;          /* NULL: there is no table */
	const struct slot *s; /* NULL: no slots are involved */
	uint32_t n;
};

/* The run at va, at most n long. */
struct pt_run pt_run(struct env *env, uint64_t va, uint32_t n);

/* Could the pages of the run's slots take its entries' places with prot? Returns 0, -E_BUSY
 * (one is writable elsewhere and prot has PROT_X, or the reverse) or -E_NOMEM (direct map).
 * After 0 pt_set cannot fail. */
int pt_check(const struct pt_run *r, uint32_t prot);

/* Map the pages of the run's slots in place of what is there. */
void pt_set(const struct pt_run *r, uint32_t prot);

/* Remove the run's mappings, where there are some. */
void pt_clear(const struct pt_run *r);

/* Have all mappings of the run been granted the rights of prot? */
bool pt_granted(const struct pt_run *r, uint32_t prot);

/* Change the run's mappings to prot, which they have been granted. */
void pt_protect(const struct pt_run *r, uint32_t prot);

/* The short ways, for one page of whose table another was the last to be looked up: nothing to
 * prepare, no run. They need no pt_range_ok: only what may be mapped has a table. False,
 * with nothing changed, if it is not the usual case; the functions above decide then.
 * pt_map_near REQUIRES a checked slot that names page pfn, and knows PROT_W and PROT_SOFT only. */
bool pt_map_near(struct env *env, uint64_t va, uint32_t pfn, uint32_t prot);
bool pt_unmap_near(struct env *env, uint64_t va);
bool pt_protect_near(struct env *env, uint64_t va, uint32_t prot);

/* Make the CPU forget what it knows of n pages from va. */
void pt_flush(const struct env *env, uint64_t va, uint32_t n);

/* The entry of one page: in the software TLB, or in its table; NULL where there is none. */
uint64_t *pt_entry(struct env *env, uint64_t va);

/* Hardware bits for enum exo_prot; without PTE_P and PTE_U. */
uint64_t pt_bits(uint32_t prot);

/* Remove every mapping of page pfn, in all environments. */
void pt_break(uint32_t pfn);

/* Kernel address of n bytes at user address va, if they lie in one page that env maps
 * with the given access; NULL otherwise. The only way the kernel reaches user memory. */
void *pt_reach(struct env *env, uint64_t va, uint32_t n, bool write);
