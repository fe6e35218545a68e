/* kernel/chain.h - for each page, the chain of the entries that map it.
 *
 * Entries of last-level page tables and of the software TLB. Each entry's successor stands at the same
 * offset in the shadow of its table (struct page_private), so that a mapping never needs
 * memory of its own.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "exo/layout.h"
#include "kernel/kmap.h"
#include "kernel/page.h"

/* In an entry, a bit that the CPU ignores: the right to write was granted when the mapping
 * was made. Set wherever PTE_W is. */
#define PTE_HELD (1ull << 52)

static inline uint32_t pt_page(uint64_t e) { return (uint32_t)(e >> 12 & 0xffffffffff); }
static inline bool pt_executable(uint64_t e) { return !(e & PTE_NX); }

/* What the kernel knows of the table that an entry is in. */
static inline struct page_private *table_of(const uint64_t *e)
{
	return &page_private[((uint64_t)e - DIRECT) >> EXO_PAGE_SHIFT];
}

/* Where the link of entry e lies, in bytes from e. All entries of a table are as far from theirs. */
static inline int64_t chain_distance(const uint64_t *e)
{
	const struct page_private *t = table_of(e);

	return (int64_t)page_kva(t->shadow) - (int64_t)((uint64_t)e & ~(EXO_PAGE_SIZE - 1ull));
}

static inline uint64_t **chain_link(const uint64_t *e, int64_t distance)
{
	return (uint64_t **)((uint64_t)e + (uint64_t)distance);
}

/* Does page pfn have a mapping, other than `but`, that can execute (or else, be made to
 * write)? */
bool chain_has(uint32_t pfn, const uint64_t *but, bool to_execute);

/* The page's alias in the direct map follows: read-only while anybody may execute it. */
void chain_set_executable(uint32_t pfn, bool on);

/* Take e, which is not the first, out of the chain that begins at `at`. */
void chain_remove_inner(const uint64_t *e, uint64_t *at);

/* e, whose link is `link`, becomes the first in page pfn's chain. */
static inline void chain_link_first(uint64_t *e, uint64_t **link, uint32_t pfn)
{
	struct page_private *p = &page_private[pfn];

	*link = p->mappings;
	p->mappings = e;
}

/* Fill an entry that is 0: map page pfn with these bits. */
static inline void chain_add(uint64_t *e, int64_t distance, uint32_t pfn, uint64_t bits)
{
	chain_link_first(e, chain_link(e, distance), pfn);
	*e = (uint64_t)pfn << EXO_PAGE_SHIFT | bits;
	if (pt_executable(bits))
		chain_set_executable(pfn, true);
}

/* How many mappings have been removed or moved: what was found by a walk before the last one
 * may be stale. */
extern uint64_t chain_removals;

/* Empty an entry that is not 0; the caller counts it in chain_removals. */
static inline void chain_unlink(uint64_t *e, int64_t distance)
{
	uint64_t old = *e;
	uint32_t pfn = pt_page(old);
	struct page_private *p = &page_private[pfn];

	if (p->mappings == e)
		p->mappings = *chain_link(e, distance);
	else
		chain_remove_inner(e, p->mappings);
	*e = 0;
	if (pt_executable(old))
		chain_set_executable(pfn, chain_has(pfn, NULL, true));
}

static inline void chain_remove(uint64_t *e, int64_t distance)
{
	chain_unlink(e, distance);
	chain_removals++;
}

/* The mapping moves from one entry to another, which is 0, with all its bits. */
void chain_move(uint64_t *from, uint64_t *to);
