/* kernel/chain.c - see chain.h. SPDX-License-Identifier: ISC */
#include "kernel/chain.h"
#include "kernel/panic.h"

uint64_t chain_removals;

static uint64_t *next_of(const uint64_t *e) { return *chain_link(e, chain_distance(e)); }

bool chain_has(uint32_t pfn, const uint64_t *but, bool to_execute)
{
	for (const uint64_t *e = page_private[pfn].mappings; e; e = next_of(e))
		if (e != but && (to_execute ? pt_executable(*e) : *e & PTE_HELD))
			return true;
	return false;
}

void chain_set_executable(uint32_t pfn, bool on)
{
	if (pages[pfn].executable == on)
		return;
	pages[pfn].executable = on;
	kmap_set(pfn, on ? KMAP_READ : KMAP_DATA);
}

void chain_remove_inner(const uint64_t *e, uint64_t *at)
{
	while (next_of(at) != e) {
		at = next_of(at);
		assert(at);
	}
	*chain_link(at, chain_distance(at)) = next_of(e);
}

void chain_move(uint64_t *from, uint64_t *to)
{
	chain_add(to, chain_distance(to), pt_page(*from), *from & ~PTE_ADDR);
	chain_remove(from, chain_distance(from));
}
