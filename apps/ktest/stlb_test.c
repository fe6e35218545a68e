/* apps/ktest/stlb_test.c - page tables as a cache: more is mapped than the tables an environment may
 * have can hold. Each test is a child's, with CHILD_TABLES; it ends with the line of the
 * first check that fails, 0 if none does.
 * SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"

enum {
	REGIONS = 40, /* of 2 MB, a table and its shadow each: more than CHILD_TABLES */
	PER = 4,      /* pages in a region */
	PAGES = REGIONS * PER,
	REGION = 0x200000,
	STRIDE = 0x1000000, /* addresses so far apart share an entry of the software TLB */
	FAR = 0x40000000,
};
_Static_assert(2 * REGIONS > CHILD_TABLES, "they do not fit");

#define SAY(x)                           \
	do {                             \
		if (!(x))                \
			return __LINE__; \
	} while (0)

static struct child child;
static struct {
	uint32_t slot;  /* first of PAGES */
	uint32_t spare; /* a page that faults are mapped to */
	volatile uint32_t faults;
	volatile uint64_t address, error;
} t;

/* Page i of a working set no two of which share an entry. */
static uint64_t va_of(uint32_t i)
{
	uint32_t region = i % REGIONS, k = i / REGIONS;

	return KTEST_VA + (uint64_t)region * REGION + (region / 8 * PER + k) * EXO_PAGE_SIZE;
}

static volatile uint64_t *word(uint32_t i) { return (volatile uint64_t *)va_of(i); }

/* Page i of a set all of which share one. */
static uint64_t far_va(uint32_t i) { return FAR + (uint64_t)i * STRIDE; }

static void note(const struct exception *e)
{
	t.faults++;
	t.address = e->address;
	t.error = e->error;
}

static void map_spare(struct exception *e)
{
	note(e);
	sys_page_map(SLOT_SELF, e->address & ~4095ull, t.spare, 1, PROT_R | PROT_W);
}

static uint32_t map_all(exception_handler *handler)
{
	long slot = sys_page_alloc(PAGE_ANY, PAGES + 1);

	SAY(slot > 0);
	context_init();
	context_on_exception(handler);
	t.slot = (uint32_t)slot;
	t.spare = t.slot + PAGES;
	for (uint32_t i = 0; i < PAGES; i++)
		SAY(sys_page_map(SLOT_SELF, va_of(i), t.slot + i, 1, PROT_R | PROT_W) == 0);
	return 0;
}

static uint32_t tables(void) { return exo_env(exo_self())->tables; }

static uint32_t uses_all(uint64_t argument)
{
	uint64_t refills = exo_info()->stlb_refills, lost = exo_info()->stlb_lost;

	(void)argument;
	SAY(map_all(map_spare) == 0);
	for (uint32_t round = 0; round < 3; round++)
		for (uint32_t i = 0; i < PAGES; i++)
			word(i)[round] = i + round;
	for (uint32_t i = 0; i < PAGES; i++)
		SAY(word(i)[0] == i && word(i)[1] == i + 1 && word(i)[2] == i + 2);
	SAY(t.faults == 0);
	SAY(exo_info()->stlb_refills >= refills + 3 * PAGES);
	SAY(exo_info()->stlb_lost == lost);
	SAY(tables() <= CHILD_TABLES);
	return 0;
}

/* Our own page table: page i is at far_va(i). */
static void map_far(struct exception *e)
{
	note(e);
	sys_page_map(SLOT_SELF, e->address & ~4095ull,
	             t.slot + (uint32_t)((e->address - FAR) / STRIDE), 1, PROT_R | PROT_W);
}

static uint32_t shares_an_entry(uint64_t argument)
{
	uint64_t lost = exo_info()->stlb_lost;
	long slot = sys_page_alloc(PAGE_ANY, REGIONS);
	struct exo_cap cap = { 0 };
	uint32_t dirty = 0;

	(void)argument;
	SAY(slot > 0);
	t.slot = (uint32_t)slot;
	context_init();
	context_on_exception(map_far);
	for (uint32_t round = 0; round < 3; round++)
		for (uint32_t i = 0; i < REGIONS; i++)
			((volatile uint64_t *)far_va(i))[round] = i + round;
	for (uint32_t i = 0; i < REGIONS; i++) {
		volatile uint64_t *at = (volatile uint64_t *)far_va(i);

		SAY(at[0] == i && at[1] == i + 1 && at[2] == i + 2);
		sys_cap_mint(t.slot + i, RIGHT_READ, (uint64_t)&cap);
		dirty += exo_pages()[cap.name & 0xfffffff].touched == 6;
	}
	SAY(t.faults > REGIONS);
	SAY(exo_info()->stlb_lost > lost);
	SAY(dirty > 0); /* what was written through a lost mapping is known */
	return 0;
}

static uint32_t clears_what_was_noted(uint64_t argument)
{
	struct exo_cap cap = { 0 };

	SAY(shares_an_entry(argument) == 0);
	for (uint32_t i = 0; i < REGIONS; i++) {
		(void)*(volatile uint64_t *)far_va(i);
		SAY(sys_page_scan(SLOT_SELF, far_va(i), 6) & 1);
		sys_cap_mint(t.slot + i, RIGHT_READ, (uint64_t)&cap);
		SAY(exo_pages()[cap.name & 0xfffffff].touched == 0);
	}
	return 0;
}

/* After it, page i must not be written: in one of four ways. */
static long take_away(uint32_t i)
{
	switch (i % 4) {
	case 0:
		return sys_page_unmap(SLOT_SELF, va_of(i), 1);
	case 1:
		return sys_page_free(t.slot + i, 1);
	case 2:
		return sys_cap_revoke(t.slot + i);
	default:
		return sys_page_protect(SLOT_SELF, va_of(i), 1, PROT_R);
	}
}

static uint32_t loses_all(uint64_t argument)
{
	(void)argument;
	SAY(map_all(map_spare) == 0);
	for (uint32_t i = 0; i < PAGES; i++)
		*word(i) = i + 1;
	for (uint32_t i = 0; i < PAGES; i++)
		SAY(take_away(i) == 0);
	SAY(t.faults == 0);
	for (uint32_t i = 0; i < PAGES; i++) {
		SAY(sys_page_scan(SLOT_SELF, va_of(i), 0) == (i % 4 == 3 ? 7 : 0));
		*word(i) = 1;
		SAY(t.faults == i + 1);
		SAY(t.address == va_of(i) && t.error == (i % 4 == 3 ? 7 : 6));
	}
	return 0;
}

static uint32_t asks_what_was_touched(uint64_t argument)
{
	(void)argument;
	SAY(map_all(map_spare) == 0);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < PAGES; i++) {
			SAY(sys_page_scan(SLOT_SELF, va_of(i), 0) == 1);
			if (i % 2)
				*word(i) = i;
			else
				SAY(*word(i) == 0);
		}
		for (uint32_t i = 0; i < PAGES; i++)
			SAY(sys_page_scan(SLOT_SELF, va_of(i), 6) == (i % 2 ? 7 : 3));
		/* The second time, they begin in tables. */
		for (uint32_t i = 0; i < PAGES; i++)
			SAY(sys_page_map(SLOT_SELF, va_of(i), t.slot + i, 1, PROT_R | PROT_W) == 0);
	}
	SAY(t.faults == 0);
	return 0;
}

/* The page is not touched between its table's end and its own. */
static uint32_t trusts_the_tlb(uint64_t argument)
{
	(void)argument;
	t.slot = (uint32_t)sys_page_alloc(PAGE_ANY, 2);
	t.spare = t.slot + 1;
	context_init();
	context_on_exception(map_spare);
	SAY(sys_page_map(SLOT_SELF, va_of(0), t.slot, 1, PROT_R | PROT_W) == 0);
	context_mask(); /* no other slice is to make the CPU forget */
	*word(0) = 1;
	uint64_t recycled = exo_info()->tables_recycled;
	for (uint32_t i = 1; i < PAGES; i++) /* its table has been used lately: it goes late */
		SAY(i % REGIONS == 0 || sys_page_map(SLOT_SELF, va_of(i), t.spare, 1, PROT_R) == 0);
	SAY(exo_info()->tables_recycled > recycled + CHILD_TABLES);
	SAY(sys_page_free(t.slot, 1) == 0);
	SAY(t.faults == 0);
	SAY(*word(0) == 0 && t.faults == 1);
	return 0;
}

/* A page that was refilled, and that the CPU has just used. */
static uint32_t frees_what_was_refilled(uint64_t argument)
{
	(void)argument;
	SAY(map_all(map_spare) == 0);
	uint64_t refills = exo_info()->stlb_refills;
	context_mask();
	*word(0) = 1;
	SAY(exo_info()->stlb_refills > refills);
	SAY(sys_page_free(t.slot, 1) == 0);
	SAY(t.faults == 0);
	SAY(*word(0) == 0 && t.faults == 1);
	return 0;
}

static void give_up(struct exception *e)
{
	note(e);
	sys_env_destroy(SLOT_SELF, 1000);
}

/* The table looked up last is the one to go: it alone has not been used. Slots take its place,
 * so that no other is looked up since. */
static uint32_t loses_the_last_table(uint64_t argument)
{
	uint64_t recycled = exo_info()->tables_recycled;
	uint32_t last = 0;

	(void)argument;
	t.slot = (uint32_t)sys_page_alloc(PAGE_ANY, 2);
	context_init();
	context_on_exception(give_up);
	for (; tables() + 2 <= CHILD_TABLES && last < REGIONS; last++) {
		if (last)
			*word(last - 1) = 1;
		SAY(sys_page_map(SLOT_SELF, va_of(last), t.slot, 1, PROT_R | PROT_W) == 0);
	}
	SAY(exo_info()->tables_recycled == recycled);
	while (exo_info()->tables_recycled == recycled)
		SAY(sys_page_alloc(PAGE_ANY, 100) > 0);
	uint64_t va = va_of(last - 1);
	SAY(sys_page_map(SLOT_SELF, va + EXO_PAGE_SIZE, t.slot + 1, 1, PROT_R | PROT_W) == 0);
	*(volatile uint64_t *)(va + EXO_PAGE_SIZE) = 5;
	*(volatile uint64_t *)va = 6;
	SAY(t.faults == 0);
	return 0;
}

static uint32_t passes_pointers(uint64_t argument)
{
	(void)argument;
	SAY(map_all(map_spare) == 0);
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t i = 0; i < PAGES; i++)
			SAY(sys_cap_mint(t.slot + i, RIGHT_READ, va_of(i)) == 0);
	for (uint32_t i = 0; i < PAGES; i++) {
		long slot = sys_cap_bind(va_of(i));

		SAY(slot > 0 && sys_cap_drop((uint32_t)slot, 1) == 0);
	}
	SAY(t.faults == 0);
	return 0;
}

/* W^X holds wherever the mapping is. */
static uint32_t executes_what_it_writes(uint64_t argument)
{
	(void)argument;
	SAY(map_all(map_spare) == 0);
	for (uint32_t i = 0; i < PAGES; i++)
		SAY(sys_page_map(SLOT_SELF, FAR, t.slot + i, 1, PROT_X) == -E_BUSY);
	for (uint32_t i = 0; i < PAGES; i++) {
		SAY(sys_page_map(SLOT_SELF, va_of(i), t.slot + i, 1, PROT_X) == 0);
		SAY(sys_page_map(SLOT_SELF, FAR, t.slot + i, 1, PROT_W) == -E_BUSY);
	}
	for (uint32_t i = 0; i < PAGES; i++)
		SAY(sys_page_unmap(SLOT_SELF, va_of(i), 1) == 0);
	SAY(sys_page_map(SLOT_SELF, FAR, t.slot, PAGES, PROT_W) == 0);
	return 0;
}

static uint32_t has_no_handler(uint64_t argument)
{
	uint64_t recycled = exo_info()->tables_recycled;

	(void)argument;
	SAY(map_all(NULL) != 0);
	SAY(sys_page_map(SLOT_SELF, va_of(REGIONS - 1), t.slot, 1, PROT_R) == -E_NOMEM);
	SAY(exo_info()->tables_recycled == recycled);
	return 0;
}

/* Tables that must stay are as many as there can be. */
static uint32_t guarantees_too_much(uint64_t argument)
{
	uint32_t i = 0;
	long error;

	(void)argument;
	t.slot = (uint32_t)sys_page_alloc(PAGE_ANY, 1);
	context_init();
	context_on_exception(map_spare);
	do
		error = sys_page_map(SLOT_SELF, va_of(i), t.slot, 1, PROT_W | PROT_GUARANTEED);
	while (error == 0 && ++i < REGIONS);
	SAY(error == -E_NOMEM && i > 2);
	SAY(sys_page_unmap(SLOT_SELF, va_of(0), 1) == 0); /* one may go */
	SAY(sys_page_map(SLOT_SELF, va_of(i), t.slot, 1, PROT_W) == 0);
	SAY(sys_page_protect(SLOT_SELF, va_of(i), 1, PROT_R | PROT_GUARANTEED) == -E_INVAL);
	return 0;
}

/* Slots, too, take the place of tables. */
static uint32_t fills_its_slots(uint64_t argument)
{
	(void)argument;
	SAY(map_all(map_spare) == 0);
	SAY(tables() == CHILD_TABLES);
	for (uint32_t i = 0; i < 10; i++)
		SAY(sys_page_alloc(PAGE_ANY, 256) > 0);
	for (uint32_t i = 0; i < PAGES; i++)
		*word(i) = i;
	SAY(t.faults == 0);
	return 0;
}

/* A range that needs more tables at once than there may be. */
static uint32_t maps_too_much_at_once(uint64_t argument)
{
	(void)argument;
	SAY(map_all(map_spare) == 0);
	for (uint32_t i = 0; i < PAGES; i++)
		*word(i) = i;
	SAY(sys_page_map(SLOT_SELF, FAR, t.slot, PAGES, PROT_R) == 0);
	SAY(sys_page_unmap(SLOT_SELF, FAR, 4096) == 0);
	for (uint32_t i = 0; i < PAGES; i++)
		SAY(*word(i) == i);
	SAY(t.faults == 0);
	return 0;
}

/* Mappings that the kernel brings back to a table for others, which then are refused. */
static uint32_t maps_in_vain(uint64_t argument)
{
	(void)argument;
	SAY(map_all(map_spare) == 0);
	for (uint32_t i = 0; i < PAGES; i++) {
		*word(i) = i;
		SAY(sys_page_map(SLOT_SELF, va_of(i), t.slot + (i + 1) % PAGES, 1, PROT_X) == -E_BUSY);
		SAY(sys_page_scan(SLOT_SELF, va_of(i), 0) == 7);
		SAY(*word(i) == i);
	}
	SAY(t.faults == 0);
	return 0;
}

/* In the page that all share: a capability for the page below, once there is one. */
static volatile uint32_t *const told = (volatile uint32_t *)KTEST_SHARED;
static struct exo_cap *const told_cap = (struct exo_cap *)(KTEST_SHARED + 64);

/* Ends if no page of its own shows what a lost mapping has noted. */
static uint32_t tells_what_was_touched(uint64_t argument)
{
	SAY(shares_an_entry(argument) == 0);
	for (uint32_t i = 0; i < REGIONS; i++) {
		sys_cap_mint(t.slot + i, RIGHT_READ, (uint64_t)told_cap);
		if (exo_pages()[told_cap->name & 0xfffffff].touched != 6)
			continue;
		*told = 1;
		for (;;)
			context_yield(0);
	}
	return __LINE__;
}

static void what_was_noted_is_its_owners_to_clear(void)
{
	*told = 0;
	CHECK(child_start(&child, tells_what_was_touched, 0));
	EVENTUALLY(*told || child_record(&child)->state == ENV_ENDED);
	CHECK_IS(*told, 1);
	const volatile struct exo_page *page = &exo_pages()[told_cap->name & 0xfffffff];
	long slot = sys_cap_bind((uint64_t)told_cap);
	CHECK_IS(sys_page_map(SLOT_SELF, FAR, (uint32_t)slot, 1, PROT_R), 0);
	(void)*(volatile uint64_t *)FAR;
	CHECK_IS(sys_page_scan(SLOT_SELF, FAR, 6), 3);
	CHECK_IS(sys_page_scan(SLOT_SELF, FAR, 0), 1);
	CHECK_IS(page->touched, 6);
	child_reap(&child);
	CHECK_IS(sys_page_unmap(SLOT_SELF, FAR, 1), 0);
	CHECK_IS(sys_cap_drop((uint32_t)slot, 1), 0);
}

static void ends_well(child_fn *fn)
{
	CHECK(child_start(&child, fn, 0));
	CHECK(child_wait(&child));
	uint32_t ended = child_record(&child)->ended, code = child_record(&child)->code;
	child_reap(&child);
	CHECK_IS(ended, END_EXIT);
	CHECK_IS(code, 0);
}

#define TEST(name, fn) static void name(void) { ends_well(fn); }
TEST(a_working_set_above_the_budget_is_refilled_without_an_upcall, uses_all)
TEST(what_leaves_the_software_tlb_is_mapped_again_by_its_owner, shares_an_entry)
TEST(what_a_lost_mapping_has_noted_can_be_cleared, clears_what_was_noted)
TEST(a_mapping_taken_away_is_never_refilled, loses_all)
TEST(accessed_and_dirty_survive_recycling, asks_what_was_touched)
TEST(accessed_and_dirty_survive_a_mapping_that_is_refused, maps_in_vain)
TEST(a_recycled_table_leaves_nothing_in_the_tlb, trusts_the_tlb)
TEST(what_was_refilled_and_freed_is_gone_from_the_tlb, frees_what_was_refilled)
TEST(a_recycled_table_is_not_remembered, loses_the_last_table)
TEST(the_kernel_reaches_what_was_recycled, passes_pointers)
TEST(recycled_mappings_count_for_w_xor_x, executes_what_it_writes)
TEST(tables_without_a_handler_are_not_recycled, has_no_handler)
TEST(guaranteed_mappings_are_bounded, guarantees_too_much)
TEST(slots_take_the_place_of_tables, fills_its_slots)
TEST(a_long_range_over_recycled_tables, maps_too_much_at_once)

const struct ktest stlb_tests[] = {
	{ "a_working_set_above_the_budget_is_refilled_without_an_upcall",
	  a_working_set_above_the_budget_is_refilled_without_an_upcall },
	{ "what_leaves_the_software_tlb_is_mapped_again_by_its_owner",
	  what_leaves_the_software_tlb_is_mapped_again_by_its_owner },
	{ "what_a_lost_mapping_has_noted_can_be_cleared",
	  what_a_lost_mapping_has_noted_can_be_cleared },
	{ "a_mapping_taken_away_is_never_refilled", a_mapping_taken_away_is_never_refilled },
	{ "accessed_and_dirty_survive_recycling", accessed_and_dirty_survive_recycling },
	{ "accessed_and_dirty_survive_a_mapping_that_is_refused",
	  accessed_and_dirty_survive_a_mapping_that_is_refused },
	{ "what_was_noted_is_its_owners_to_clear", what_was_noted_is_its_owners_to_clear },
	{ "a_recycled_table_leaves_nothing_in_the_tlb",
	  a_recycled_table_leaves_nothing_in_the_tlb },
	{ "what_was_refilled_and_freed_is_gone_from_the_tlb",
	  what_was_refilled_and_freed_is_gone_from_the_tlb },
	{ "a_recycled_table_is_not_remembered", a_recycled_table_is_not_remembered },
	{ "the_kernel_reaches_what_was_recycled", the_kernel_reaches_what_was_recycled },
	{ "recycled_mappings_count_for_w_xor_x", recycled_mappings_count_for_w_xor_x },
	{ "tables_without_a_handler_are_not_recycled", tables_without_a_handler_are_not_recycled },
	{ "guaranteed_mappings_are_bounded", guaranteed_mappings_are_bounded },
	{ "slots_take_the_place_of_tables", slots_take_the_place_of_tables },
	{ "a_long_range_over_recycled_tables", a_long_range_over_recycled_tables },
	{ NULL, NULL },
};
