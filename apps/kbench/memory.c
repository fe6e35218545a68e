/* apps/kbench/memory.c - pages, mappings, and the operations of Appel and Li (ASPLOS '91).
 * SPDX-License-Identifier: ISC */
#include "apps/kbench/kbench.h"

enum { PAGES = 100, STEP = 37 }; /* STEP: prime to PAGES, so that all are visited, out of order */

static struct {
	uint32_t slots; /* of PAGES pages */
	volatile uint32_t at; /* the page visited, by number; handlers read it */
} b;

static uint64_t va_of(uint32_t page) { return KTEST_VA + (uint64_t)page * EXO_PAGE_SIZE; }

static void map(uint32_t page, uint32_t n)
{
	sys_page_map(SLOT_SELF, va_of(page), b.slots + page, n, PROT_R | PROT_W);
}

static void protect(uint32_t page, uint32_t n)
{
	sys_page_protect(SLOT_SELF, va_of(page), n, PROT_R | PROT_HELD);
}

static void unprotect(uint32_t page, uint32_t n)
{
	sys_page_protect(SLOT_SELF, va_of(page), n, PROT_R | PROT_W);
}

static void map_1(void) { map(0, 1); }
static void map_100(void) { map(0, PAGES); }
static void unmap_1(void) { sys_page_unmap(SLOT_SELF, KTEST_VA, 1); }
static void unmap_100(void) { sys_page_unmap(SLOT_SELF, KTEST_VA, PAGES); }
static void protect_1(void) { protect(0, 1); }
static void protect_100(void) { protect(0, PAGES); }
static void unprotect_1(void) { unprotect(0, 1); }
static void unprotect_100(void) { unprotect(0, PAGES); }
static void dirty_query(void) { sys_page_scan(SLOT_SELF, KTEST_VA, 0); }
static void dirty_read(void) { b.at = exo_entry(KTEST_VA) & EXO_ENTRY_DIRTY; }
static void alloc_free(void) { sys_page_free((uint32_t)sys_page_alloc(PAGE_ANY, 1), 1); }

static void touch(uint32_t page) { *(volatile char *)va_of(page) = 1; }
static void touch_0(void) { touch(0); }

/* Handlers. */
static void map_it(struct exception *e)
{
	(void)e;
	map_1();
}

static CONTEXT_FAULT_HANDLER bool map_page(uint64_t address, uint64_t error)
{
	(void)error;
	return sys_page_map(SLOT_SELF, address & ~0xfffull, b.slots, 1, PROT_R | PROT_W) == 0;
}

extern const char after_store[];
static void pass_over(struct exception *e) { e->frame.rip = (uint64_t)after_store; }

static void unprotect_it(struct exception *e)
{
	(void)e;
	unprotect(b.at, 1);
}

static void protect_another(struct exception *e)
{
	(void)e;
	protect((b.at + STEP) % PAGES, 1);
	unprotect(b.at, 1);
}

/* A store that the handler passes over. */
static __attribute__((noinline)) void trap(void)
{
	__asm__ volatile("movb $1, (%0)\n\t.globl after_store\nafter_store:" : : "r"(va_of(0)));
}

/* All pages but the first one visited are open; each visit finds its page protected. */
static void appel1(void)
{
	for (uint32_t i = 0; i < PAGES; i++) {
		touch(b.at);
		b.at = (b.at + STEP) % PAGES;
	}
}

static void appel2(void)
{
	protect_100();
	for (uint32_t i = 0; i < PAGES; i++) {
		b.at = (b.at + STEP) % PAGES;
		touch(b.at);
	}
}

static void mapping_rows(void)
{
	kbench_row("map_1", kbench_measure(map_1, unmap_1));
	kbench_row("map_100", kbench_measure(map_100, unmap_100));
	kbench_row("unmap_1", kbench_measure(unmap_1, map_1));
	map_100();
	kbench_row("unmap_100", kbench_measure(unmap_100, map_100));
	map_100();
	kbench_row("protect_1", kbench_measure(protect_1, unprotect_1));
	kbench_row("protect_100", kbench_measure(protect_100, unprotect_100));
	kbench_row("unprotect_1", kbench_measure(unprotect_1, protect_1));
	kbench_row("unprotect_100", kbench_measure(unprotect_100, protect_100));
	kbench_row("dirty_query", kbench_measure(dirty_query, NULL));
	kbench_row("dirty_read", kbench_measure(dirty_read, NULL)); /* without a call */
}

static void fault_rows(void)
{
	context_on_fault(map_page);
	unmap_1();
	kbench_row("page_fault_by_libos", kbench_measure(touch_0, unmap_1));
	context_on_fault(NULL);
	map_100();
	protect_1();
	context_on_exception(pass_over);
	kbench_row("trap", kbench_measure(trap, NULL));
	context_on_exception(unprotect_it);
	kbench_row("trap_unprotect", kbench_measure(touch_0, protect_1));
	context_on_exception(protect_another);
	protect_1();
	kbench_row("appel1", kbench_measure(appel1, NULL) / PAGES);
	context_on_exception(unprotect_it);
	kbench_row("appel2", kbench_measure(appel2, NULL) / PAGES);
	unmap_100();
}

/* Of two pages that share a table, the first; sys_page_scan has taken its mapping from that. */
static uint64_t refill(void)
{
	sys_page_scan(SLOT_SELF, KTEST_VA, 0);
	return raw_touch(KTEST_VA);
}

/* A child whose mappings are in the software TLB: it has used more tables than it may have. */
static uint32_t spilled(uint64_t argument)
{
	(void)argument;
	context_init();
	context_on_exception(map_it);
	b.slots = (uint32_t)sys_page_alloc(PAGE_ANY, 2);
	map(0, 2);
	for (uint64_t i = 1; i < CHILD_TABLES; i++)
		sys_page_map(SLOT_SELF, va_of(2) + (i << 21), b.slots, 1, PROT_R);
	touch(1);
	return (uint32_t)kbench_raw(refill, 1); /* the store itself */
}

static void refill_row(void)
{
	struct child child;

	if (child_start(&child, spilled, 0) && child_wait(&child))
		kbench_row("stlb_refill", child_record(&child)->code);
	child_reap(&child);
}

void kbench_memory(void)
{
	b.slots = (uint32_t)sys_page_alloc(PAGE_ANY, PAGES);
	mapping_rows();
	fault_rows();
	refill_row();
	kbench_row("page_scrub", KBENCH_SCRUB);
	kbench_row("page_alloc_free", kbench_measure(alloc_free, NULL));
}
