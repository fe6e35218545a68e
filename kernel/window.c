/* kernel/window.c - see window.h. SPDX-License-Identifier: ISC */
#include "kernel/window.h"
#include "exo/ash.h"
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/panic.h"

#define GIB (1ull << 30)
enum {
	STRIDE = 8, FIRST = 2, /* GiB from window to window, and to its offset 0 */
	USED = 2,              /* GiB of it that may hold pages */
};
_Static_assert(ASH_PAGES < USED * GIB && WINDOW_MAX * STRIDE == 512, "one top entry");

uint8_t *window_base(uint32_t window)
{
	return (uint8_t *)(WINDOWS + (window * (uint64_t)STRIDE + FIRST) * GIB);
}

/* The entry for one GiB of the window. */
static uint64_t *directory_entry(uint32_t window, uint32_t gib)
{
	const uint64_t *top = kva(kmap_top());
	uint64_t *pdpt = kva(top[WINDOWS >> 39 & 511] & PTE_ADDR);

	return &pdpt[window * STRIDE + FIRST + gib];
}

static int make_table(uint64_t *entry, uint32_t *tables)
{
	if (*entry & PTE_P)
		return 0;
	uint32_t pfn = page_take_kernel();
	if (!pfn)
		return -E_NOMEM;
	*entry = (uint64_t)pfn << EXO_PAGE_SHIFT | PTE_P | PTE_W;
	++*tables;
	return 0;
}

static uint64_t *table_entry(uint32_t window, uint32_t offset)
{
	uint64_t *directory = kva(*directory_entry(window, offset >> 30) & PTE_ADDR);

	return &directory[offset >> 21 & 511];
}

int window_reserve(uint32_t window, uint32_t offset, uint32_t n, uint32_t *tables)
{
	uint32_t last = offset + (n << EXO_PAGE_SHIFT) - 1;
	int error = make_table(directory_entry(window, offset >> 30), tables);

	assert(n && offset >> 30 == last >> 30 && last < USED * GIB);
	for (uint32_t at = offset >> 21; at <= last >> 21 && error == 0; at++)
		error = make_table(table_entry(window, at << 21), tables);
	return error;
}

void window_map(uint32_t window, uint32_t offset, uint32_t pfn, bool writable)
{
	uint64_t *table = kva(*table_entry(window, offset) & PTE_ADDR);

	table[offset >> 12 & 511] = (uint64_t)pfn << EXO_PAGE_SHIFT | PTE_P | PTE_NX |
	                            (writable ? PTE_W : 0);
}

static void clear_gib(uint64_t *entry)
{
	if (!(*entry & PTE_P))
		return;
	const uint64_t *directory = kva(*entry & PTE_ADDR);
	for (int i = 0; i < 512; i++)
		if (directory[i] & PTE_P)
			page_free_kernel((uint32_t)((directory[i] & PTE_ADDR) >> EXO_PAGE_SHIFT));
	page_free_kernel((uint32_t)((*entry & PTE_ADDR) >> EXO_PAGE_SHIFT));
	*entry = 0;
}

void window_clear(uint32_t window)
{
	for (uint32_t gib = 0; gib < USED; gib++)
		clear_gib(directory_entry(window, gib));
	flush_tlb();
}
