/* libnet/exos/memory.c - see memory.h. SPDX-License-Identifier: ISC */
#include "libnet/exos/memory.h"
#include "exo/cap.h"
#include "exo/page.h"
#include "exo/stub.h"

long memory_new(uint64_t va, uint32_t n)
{
	long slot = sys_page_alloc(PAGE_ANY, n);

	if (slot < 0)
		return slot;
	long error = sys_page_map(SLOT_SELF, va, (uint32_t)slot, n, PROT_R | PROT_W);
	if (error < 0) {
		sys_page_free((uint32_t)slot, n);
		return error;
	}
	return slot;
}

long memory_make_code(uint64_t va, uint32_t slot, uint32_t n)
{
	long error = sys_page_unmap(SLOT_SELF, va, n);

	return error < 0 ? error : sys_page_map(SLOT_SELF, va, slot, n, PROT_R | PROT_X);
}
