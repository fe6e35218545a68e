/* kernel/kmap.c - kernel page tables: direct map, image, device windows.
 *
 * Source: Intel SDM vol. 3, chapter 4. SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/panic.h"

extern uint8_t image_start[], text_end[], rodata_end[], image_end[];

static uint64_t top[512] __attribute__((aligned(EXO_PAGE_SIZE)));
static uint32_t device_pages; /* of the MMIO window in use */

/* The entries of the top level that the kernel uses. */
static const uint16_t shared[] = { DIRECT >> 39 & 511, MMIO >> 39 & 511, WINDOWS >> 39 & 511,
	                           KVMA >> 39 & 511 };

enum { BIG = 1 << 21, DEVICE_PAGES_MAX = 511 };

/* The page after the window: for one access at a time. */
static const uint64_t borrowed = MMIO + (uint64_t)DEVICE_PAGES_MAX * EXO_PAGE_SIZE;
static const uint64_t device_flags = PTE_W | PTE_NX | PTE_G | PTE_PCD | PTE_PWT;

/* The table that entry points to, made if there is none. */
static uint64_t *next_level(uint64_t *entry)
{
	if (!(*entry & PTE_P))
		*entry = (uint64_t)page_alloc_kernel() << EXO_PAGE_SHIFT | PTE_P | PTE_W;
	return kva(*entry & PTE_ADDR);
}

static uint64_t *pd_entry(uint64_t va)
{
	uint64_t *pdpt = next_level(&top[va >> 39 & 511]);
	uint64_t *pd = next_level(&pdpt[va >> 30 & 511]);

	return &pd[va >> 21 & 511];
}

static void map_page(uint64_t va, uint64_t phys, uint64_t flags)
{
	next_level(pd_entry(va))[va >> 12 & 511] = phys | flags | PTE_P;
}

static void map_image(void)
{
	for (uint64_t va = (uint64_t)image_start; va < (uint64_t)image_end; va += EXO_PAGE_SIZE) {
		uint64_t flags = va < (uint64_t)text_end     ? PTE_G
		                 : va < (uint64_t)rodata_end ? PTE_G | PTE_NX
		                                             : PTE_G | PTE_NX | PTE_W;

		map_page(va, va - KVMA, flags);
	}
}

void kmap_init(uint32_t npages)
{
	uint64_t end = (uint64_t)npages << EXO_PAGE_SHIFT;

	for (uint64_t phys = 0; phys < end; phys += BIG)
		*pd_entry(DIRECT + phys) = phys | PTE_P | PTE_W | PTE_BIG | PTE_G | PTE_NX;
	map_image();
	for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
		next_level(&top[shared[i]]); /* so that environments' copies never go stale */
	load_cr3(kmap_top());

	/* The image's text and constants: read-only by every name. */
	for (uint64_t va = (uint64_t)image_start; va < (uint64_t)rodata_end; va += EXO_PAGE_SIZE) {
		uint32_t pfn = (uint32_t)((va - KVMA) >> EXO_PAGE_SHIFT);

		if (kmap_split(pfn) < 0)
			panic("kmap_init: no page for page tables");
		kmap_set(pfn, KMAP_READ);
	}
}

uint64_t kmap_top(void) { return (uint64_t)top - KVMA; }

void kmap_share(uint64_t *table, bool on)
{
	for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
		table[shared[i]] = on ? top[shared[i]] : 0;
}

bool kmap_is_data(uint64_t va)
{
	return (va >= (uint64_t)rodata_end && va < (uint64_t)image_end) ||
	       (va >= DIRECT && va < DIRECT + ((uint64_t)page_count() << EXO_PAGE_SHIFT));
}

int kmap_split(uint32_t pfn)
{
	uint64_t phys = (uint64_t)pfn << EXO_PAGE_SHIFT & ~(uint64_t)(BIG - 1);
	uint64_t *entry = pd_entry(DIRECT + phys);

	if (!(*entry & PTE_BIG))
		return 0;
	uint32_t table = page_take_kernel();
	if (!table)
		return -E_NOMEM;
	info.splits++;
	uint64_t *pt = page_kva(table);
	for (int i = 0; i < 512; i++)
		pt[i] = (phys + (uint64_t)i * EXO_PAGE_SIZE) | PTE_P | PTE_W | PTE_G | PTE_NX;
	*entry = (uint64_t)table << EXO_PAGE_SHIFT | PTE_P | PTE_W;
	invlpg(DIRECT + phys);
	return 0;
}

void kmap_set(uint32_t pfn, enum kmap_mode mode)
{
	static const uint64_t flags[] = {
		[KMAP_DATA] = PTE_P | PTE_G | PTE_NX | PTE_W,
		[KMAP_READ] = PTE_P | PTE_G | PTE_NX,
		[KMAP_CODE] = PTE_P | PTE_G,
	};
	uint64_t va = DIRECT + ((uint64_t)pfn << EXO_PAGE_SHIFT);
	uint64_t *entry = pd_entry(va);

	assert(!(*entry & PTE_BIG));
	uint64_t *pt = kva(*entry & PTE_ADDR);
	pt[va >> 12 & 511] = (uint64_t)pfn << EXO_PAGE_SHIFT | flags[mode];
	invlpg(va);
}

volatile void *kmap_device(uint64_t phys, size_t bytes)
{
	uint64_t from = phys & ~(uint64_t)(EXO_PAGE_SIZE - 1);
	uint32_t first = device_pages;

	for (uint64_t at = from; at < phys + bytes; at += EXO_PAGE_SIZE) {
		if (device_pages == DEVICE_PAGES_MAX)
			panic("kmap_device: window of %d pages is full", DEVICE_PAGES_MAX);
		map_page(MMIO + (uint64_t)device_pages++ * EXO_PAGE_SIZE, at, device_flags);
	}
	return (volatile void *)(MMIO + (uint64_t)first * EXO_PAGE_SIZE + (phys - from));
}

volatile void *kmap_register(uint64_t phys)
{
	map_page(borrowed, phys & ~(uint64_t)(EXO_PAGE_SIZE - 1), device_flags);
	invlpg(borrowed);
	return (volatile void *)(borrowed + phys % EXO_PAGE_SIZE);
}
