/* kernel/code.c - see code.h. Everything goes through the direct map.
 * SPDX-License-Identifier: ISC */
#include <stdint.h>
#include "exo/layout.h"
#include "kernel/code.h"
#include "kernel/kmap.h"
#include "kernel/page.h"

static uint32_t first_page(const void *at)
{
	return (uint32_t)(kmap_phys((uint64_t)at) >> EXO_PAGE_SHIFT);
}

static void set_mode(const void *at, size_t npages, enum kmap_mode mode)
{
	for (size_t i = 0; i < npages; i++)
		kmap_set(first_page(at) + (uint32_t)i, mode);
}

void *code_take(size_t npages)
{
	uint32_t pfn = page_take_kernel_run((uint32_t)npages);

	if (!pfn)
		return NULL;
	for (size_t i = 0; i < npages; i++) {
		if (kmap_split(pfn + (uint32_t)i) < 0) {
			page_free_kernel_run(pfn, (uint32_t)npages);
			return NULL;
		}
	}
	return page_kva(pfn);
}

void code_seal(const void *at, size_t npages) { set_mode(at, npages, KMAP_CODE); }

void code_give(void *at, size_t npages)
{
	set_mode(at, npages, KMAP_DATA);
	page_free_kernel_run(first_page(at), (uint32_t)npages);
}
