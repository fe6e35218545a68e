/* kernel/pt.h - environments' hardware page tables: a cache of secure bindings.
 *
 * A mapping is made only through a checked page slot and is broken when the page
 * changes hands: every entry is on its page's chain (struct page_private).
 * Tables are charged to their environment and bounded by its table_limit.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
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

/* Could page pfn be mapped at va with prot, in place of what is there?
 * Returns 0, -E_BUSY (it is writable elsewhere and prot has PROT_X, or the reverse),
 * -E_LIMIT (65,535 mappings) or -E_NOMEM (direct map). After 0 and pt_prepare,
 * pt_map cannot fail. */
int pt_check(struct env *env, uint64_t va, uint32_t pfn, uint32_t prot);
void pt_map(struct env *env, uint64_t va, uint32_t pfn, uint32_t prot);

/* Remove the mapping at va, if there is one. */
void pt_unmap(struct env *env, uint64_t va);

/* The entry for va: 0 if there is none. pt_entry_page: the page it names. */
uint64_t pt_entry(struct env *env, uint64_t va);
static inline uint32_t pt_entry_page(uint64_t e) { return (uint32_t)(e >> 12 & 0xffffffffff); }

/* Clear the given accessed and dirty bits of va's entry. */
void pt_clear(struct env *env, uint64_t va, uint64_t bits);

/* Remove every mapping of page pfn, in all environments. */
void pt_break(uint32_t pfn);

/* Kernel address of n bytes at user address va, if they lie in one page that env maps
 * with the given access; NULL otherwise. The only way the kernel reaches user memory. */
void *pt_reach(struct env *env, uint64_t va, uint32_t n, bool write);
