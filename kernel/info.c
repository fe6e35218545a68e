/* kernel/info.c - the exposed structures' page tables. SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "kernel/entry.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/panic.h"

static union {
	struct exo_info info;
	uint8_t fill[EXO_PAGE_SIZE];
} exposed __attribute__((aligned(EXO_PAGE_SIZE), used));
_Static_assert(sizeof(struct exo_info) <= EXO_PAGE_SIZE, "one page");
_Static_assert(offsetof(struct exo_info, slice_cycles) == INFO_SLICE_CYCLES, "transfer.S");
_Static_assert(offsetof(struct exo_info, slice_now) == INFO_SLICE_NOW, "transfer.S");
_Static_assert(offsetof(struct exo_info, running) == INFO_RUNNING, "transfer.S");
_Static_assert(offsetof(struct exo_info, stlb_refills) == INFO_REFILLS, "entry.S");
extern struct exo_info info __attribute__((alias("exposed")));

static uint64_t top[512] __attribute__((aligned(EXO_PAGE_SIZE)));

static uint64_t *next_level(uint64_t *entry)
{
	if (!(*entry & PTE_P))
		*entry = (uint64_t)page_alloc_kernel() << EXO_PAGE_SHIFT | PTE_P | PTE_U;
	return kva(*entry & PTE_ADDR);
}

void info_expose(uint64_t va, const void *start, uint64_t bytes)
{
	uint64_t from = (uint64_t)start;

	assert(va % EXO_PAGE_SIZE == 0 && from % EXO_PAGE_SIZE == 0);
	for (uint64_t at = 0; at < bytes; at += EXO_PAGE_SIZE) {
		uint64_t *pd = next_level(&top[(va + at) >> 30 & 511]);
		uint64_t *pt = next_level(&pd[(va + at) >> 21 & 511]);

		pt[(va + at) >> 12 & 511] = kmap_phys(from + at) | PTE_P | PTE_U | PTE_NX;
	}
}

uint64_t info_table(void) { return kmap_phys((uint64_t)top); }
