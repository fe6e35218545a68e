/* apps/ktest/page_test.c - pages and mappings. SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"

static volatile uint64_t *const at = (volatile uint64_t *)KTEST_VA;

static uint32_t number_of(uint32_t slot)
{
	struct exo_cap cap = { 0 };

	sys_cap_mint(slot, RIGHT_READ, (uint64_t)&cap);
	return cap.name & 0xfffffff;
}

static void maps_a_zeroed_page(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 1);

	CHECK(slot > 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)slot, 1, PROT_R | PROT_W), 0);
	for (int i = 0; i < 512; i++)
		CHECK_IS(at[i], 0);
	at[0] = 42;
	CHECK_IS(at[0], 42);
	CHECK_IS(sys_page_free((uint32_t)slot, 1), 0);
	CHECK_IS(sys_page_scan(SLOT_SELF, KTEST_VA, 0), 0);
}

static void allocates_by_number(void)
{
	uint32_t want = exo_pages()[exo_info()->free_head].next;
	long slot = sys_page_alloc(want, 1);

	CHECK(slot > 0);
	CHECK_IS(number_of((uint32_t)slot), want);
	CHECK_IS(exo_pages()[want].state, PAGE_OWNED);
	CHECK_IS(exo_pages()[want].owner, exo_info()->running);
	CHECK_IS(sys_page_alloc(want, 1), -E_BUSY);
	CHECK_IS(sys_page_free((uint32_t)slot, 1), 0);
	CHECK_IS(exo_pages()[want].state, PAGE_FREE);
}

static void refuses_bad_numbers(void)
{
	CHECK_IS(sys_page_alloc(PAGE_ANY, 0), -E_INVAL);
	CHECK_IS(sys_page_alloc(PAGE_ANY, 4097), -E_INVAL);
	CHECK_IS(sys_page_alloc(exo_info()->npages, 1), -E_INVAL);
	CHECK_IS(sys_page_alloc(exo_info()->npages - 1, 2), -E_INVAL);
	CHECK_IS(sys_page_alloc(0, 1), -E_BUSY);   /* firmware's */
	CHECK_IS(sys_page_alloc(256, 1), -E_BUSY); /* the kernel's */
}

static void refuses_wild_addresses(void)
{
	static const uint64_t bad[] = { 0, 0x1000, EXO_ENVPAGE, KTEST_VA + 1, EXO_USER_TOP,
		                        EXO_INFO, 0x800000000000, 0xffff800000000000,
		                        0xffffffff80000000, 0xfffffffffffff000 };
	long slot = sys_page_alloc(PAGE_ANY, 1);

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		(void)sys_cap_bind(bad[i]); /* whatever the kernel remembers of that */
		CHECK_IS(sys_page_map(SLOT_SELF, bad[i], (uint32_t)slot, 1, PROT_R), -E_INVAL);
		CHECK_IS(sys_page_unmap(SLOT_SELF, bad[i], 1), -E_INVAL);
		CHECK_IS(sys_page_protect(SLOT_SELF, bad[i], 1, PROT_R), -E_INVAL);
		CHECK_IS(sys_page_scan(SLOT_SELF, bad[i], 0), -E_INVAL);
	}
	CHECK_IS(sys_page_map(SLOT_SELF, EXO_USER_TOP - 4096, (uint32_t)slot, 2, PROT_R), -E_INVAL);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)slot, 0, PROT_R), -E_INVAL);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)slot, 1, 256), -E_INVAL);
	CHECK_IS(sys_page_free((uint32_t)slot, 1), 0);
}

static void refuses_slots_that_are_not_pages(void)
{
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, SLOT_SELF, 1, PROT_R), -E_PERM);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, 0xffffffff, 1, PROT_R), -E_PERM);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, 16000, 1, PROT_R), -E_PERM);
	CHECK_IS(sys_page_map(SLOT_MACHINE, KTEST_VA, SLOT_MODULES, 1, PROT_R), -E_PERM);
	CHECK_IS(sys_page_free(SLOT_SELF, 1), -E_PERM);
	CHECK_IS(sys_page_free(0xffffffff, 0xffffffff), -E_PERM);
}

static void refuses_a_page_freed_twice(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 2);

	CHECK_IS(sys_page_free((uint32_t)slot, 2), 0);
	CHECK_IS(sys_page_free((uint32_t)slot, 1), -E_PERM);
	CHECK_IS(sys_page_free((uint32_t)slot, 2), -E_PERM);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)slot, 1, PROT_R), -E_PERM);
}

static void never_writable_and_executable(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 1);
	uint32_t s = (uint32_t)slot;

	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_W | PROT_X), -E_INVAL);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_W), 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA + 4096, s, 1, PROT_X), -E_BUSY);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_X), 0); /* in its place */
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA + 4096, s, 1, PROT_W), -E_BUSY);
	CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, 1, PROT_W), -E_PERM);
	CHECK_IS(exo_pages()[number_of(s)].executable, 1);
	CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, 1, PROT_R), 0);
	CHECK_IS(exo_pages()[number_of(s)].executable, 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA + 4096, s, 1, PROT_W), 0);
	CHECK_IS(sys_page_free(s, 1), 0);
}

static void protect_takes_rights_only(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 1);
	uint32_t s = (uint32_t)slot;

	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_R | PROT_W), 0);
	CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, 1, PROT_R), 0);
	CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, 1, PROT_R | PROT_W), -E_PERM);
	CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, 1, PROT_R | PROT_X), -E_PERM);
	CHECK_IS(sys_page_free(s, 1), 0);
}

static void a_held_right_comes_back_without_a_slot(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 1);
	uint32_t s = (uint32_t)slot;

	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_R | PROT_W), 0);
	CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, 1, PROT_R | PROT_HELD), 0);
	CHECK_IS(sys_cap_mint(s, RIGHT_READ, KTEST_VA), -E_FAULT); /* not writable now */
	CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, 1, PROT_R | PROT_W), 0);
	at[0] = 1;
	CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, 1, PROT_R), 0);
	CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, 1, PROT_R | PROT_HELD), 0);
	CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, 1, PROT_R | PROT_W), -E_PERM);
	CHECK_IS(sys_page_free(s, 1), 0);
}

static void a_held_right_needs_the_right_and_counts_as_writing(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 1);
	uint32_t s = (uint32_t)slot;
	struct exo_cap cap;

	CHECK_IS(sys_cap_mint(s, RIGHT_READ, (uint64_t)&cap), 0);
	long weak = sys_cap_bind((uint64_t)&cap);
	CHECK(weak > 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)weak, 1, PROT_R | PROT_HELD), -E_PERM);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_X | PROT_HELD), -E_INVAL);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_R | PROT_HELD), 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA + 4096, s, 1, PROT_X), -E_BUSY);
	CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, 1, PROT_R), 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA + 4096, s, 1, PROT_X), 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_R | PROT_HELD), -E_BUSY);
	CHECK_IS(sys_page_free(s, 1), 0);
	CHECK_IS(sys_cap_drop((uint32_t)weak, 1), 0);
}

static void a_range_changes_wholly_or_not_at_all(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 300);
	uint32_t s = (uint32_t)slot;
	const uint64_t va = KTEST_VA + 0x1ff000 - 8 * 4096; /* over the end of a table */

	CHECK(slot > 0);
	CHECK_IS(sys_page_map(SLOT_SELF, va, s, 300, PROT_R | PROT_W), 0);
	CHECK_IS(sys_page_unmap(SLOT_SELF, va + 299 * 4096, 1), 0);
	CHECK_IS(sys_page_map(SLOT_SELF, va + 299 * 4096, s + 299, 1, PROT_R), 0);
	CHECK_IS(sys_page_protect(SLOT_SELF, va, 299, PROT_R | PROT_HELD), 0);
	CHECK_IS(sys_page_protect(SLOT_SELF, va, 300, PROT_R | PROT_W), -E_PERM);
	CHECK_IS(sys_cap_mint(s, RIGHT_READ, va), -E_FAULT);
	CHECK_IS(sys_page_protect(SLOT_SELF, va, 299, PROT_R | PROT_W), 0);
	for (int i = 0; i < 299; i++)
		*(volatile char *)(va + (uint64_t)i * 4096) = 1;
	CHECK_IS(sys_page_unmap(SLOT_SELF, va, 300), 0);
	for (uint64_t i = 0; i < 300; i++)
		CHECK_IS(sys_page_scan(SLOT_SELF, va + i * 4096, 0), 0);
	CHECK_IS(sys_page_free(s, 300), 0);
}

static void what_was_written_is_gone_when_a_page_changes_hands(void)
{
	uint32_t want = exo_info()->free_head;

	for (int round = 0; round < 3; round++) {
		long slot = sys_page_alloc(want, 1);

		CHECK(slot > 0);
		CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)slot, 1, PROT_R | PROT_W), 0);
		for (int i = 0; i < 512; i++) {
			CHECK_IS(at[i], 0);
			at[i] = ~0ull;
		}
		CHECK_IS(sys_page_free((uint32_t)slot, 1), 0);
	}
}

static void scan_reports_and_clears(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 1);
	uint32_t s = (uint32_t)slot;

	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_R | PROT_W), 0);
	CHECK_IS(sys_page_scan(SLOT_SELF, KTEST_VA, 0), 1);
	(void)at[0];
	CHECK_IS(sys_page_scan(SLOT_SELF, KTEST_VA, 2), 3);
	at[0] = 1;
	CHECK_IS(sys_page_scan(SLOT_SELF, KTEST_VA, 6), 7);
	CHECK_IS(sys_page_scan(SLOT_SELF, KTEST_VA, 0), 1);
	CHECK_IS(sys_page_scan(SLOT_SELF, KTEST_VA, 1), -E_INVAL);
	CHECK_IS(sys_page_free(s, 1), 0);
}

static void shares_a_page_by_two_mappings(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 1);
	uint32_t s = (uint32_t)slot;

	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_R | PROT_W), 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA + 0x200000, s, 1, PROT_R), 0);
	at[3] = 77;
	CHECK_IS(at[0x200000 / 8 + 3], 77);
	CHECK_IS(sys_page_unmap(SLOT_SELF, KTEST_VA, 1), 0);
	CHECK_IS(at[0x200000 / 8 + 3], 77);
	CHECK_IS(sys_page_free(s, 1), 0);
	CHECK_IS(sys_page_scan(SLOT_SELF, KTEST_VA + 0x200000, 0), 0);
}

static void maps_a_hundred_in_one_call(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 100);
	uint32_t s = (uint32_t)slot;

	CHECK(slot > 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 100, PROT_R | PROT_W), 0);
	for (int i = 0; i < 100; i++)
		at[i * 512] = (uint64_t)i;
	for (int i = 0; i < 100; i++)
		CHECK_IS(at[i * 512], i);
	CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, 100, PROT_R), 0);
	CHECK_IS(sys_page_unmap(SLOT_SELF, KTEST_VA, 100), 0);
	CHECK_IS(sys_page_free(s, 100), 0);
}

/* A slot for what `slot` names, with these rights only; negative: an error. */
static long weaker(uint32_t slot, uint32_t rights)
{
	struct exo_cap cap;
	long error = sys_cap_mint(slot, rights, (uint64_t)&cap);

	return error < 0 ? error : sys_cap_bind((uint64_t)&cap);
}

static void address_spaces_change_by_capability_only(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 1), weak = weaker(SLOT_SELF, RIGHT_ALL & ~RIGHT_MAP);
	const uint32_t s = (uint32_t)slot, bad[] = { SLOT_MACHINE, 15000, 0xffffffff, s, (uint32_t)weak };

	CHECK(slot > 0 && weak > 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_R | PROT_W), 0);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_IS(sys_page_map(bad[i], KTEST_VA, s, 1, PROT_R), -E_PERM);
		CHECK_IS(sys_page_unmap(bad[i], KTEST_VA, 1), -E_PERM);
		CHECK_IS(sys_page_protect(bad[i], KTEST_VA, 1, PROT_R), -E_PERM);
		CHECK_IS(sys_page_scan(bad[i], KTEST_VA, 0), -E_PERM);
	}
	at[0] = 1; /* as it was */
	CHECK_IS(sys_cap_drop((uint32_t)weak, 1), 0);
	CHECK_IS(sys_page_free(s, 1), 0);
}

static void ranges_and_protections_are_checked(void)
{
	static const uint32_t lengths[] = { 0, 4097, 0xffffffff };
	static const uint32_t prots[] = { 256, 0xffffffff, PROT_W | PROT_X, PROT_HELD | PROT_X };
	long slot = sys_page_alloc(PAGE_ANY, 1);
	uint32_t s = (uint32_t)slot;

	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_R), 0);
	for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, lengths[i], PROT_R), -E_INVAL);
		CHECK_IS(sys_page_unmap(SLOT_SELF, KTEST_VA, lengths[i]), -E_INVAL);
		CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, lengths[i], PROT_R), -E_INVAL);
	}
	for (unsigned i = 0; i < sizeof prots / sizeof *prots; i++) {
		CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, prots[i]), -E_INVAL);
		CHECK_IS(sys_page_protect(SLOT_SELF, KTEST_VA, 1, prots[i]), -E_INVAL);
	}
	CHECK_IS(sys_page_scan(SLOT_SELF, KTEST_VA, 8), -E_INVAL);
	CHECK_IS(sys_page_scan(SLOT_SELF, KTEST_VA, 0), 1);
	CHECK_IS(sys_page_free(s, 1), 0);
}

static void guarantees_are_checked(void)
{
	static const char name[16] = "owner";
	long slot = sys_page_alloc(PAGE_ANY, EXO_GUARANTEED_MAX), env = sys_env_create((uint64_t)name, 64);
	uint32_t s = (uint32_t)slot;
	long weak = weaker(s, RIGHT_READ);

	CHECK(slot > 0 && env > 0 && weak > 0);
	CHECK_IS(sys_page_guarantee(s, 1, 2), -E_INVAL);
	CHECK_IS(sys_page_guarantee(SLOT_SELF, 1, 1), -E_PERM);
	CHECK_IS(sys_page_guarantee((uint32_t)weak, 1, 1), -E_PERM);
	CHECK_IS(sys_page_guarantee(s, EXO_GUARANTEED_MAX, 1), -E_LIMIT); /* and our own page */
	CHECK_IS(sys_page_guarantee(s, EXO_GUARANTEED_MAX - 1, 1), 0);
	CHECK_IS(sys_page_guarantee(s + EXO_GUARANTEED_MAX - 1, 1, 1), -E_LIMIT);
	CHECK_IS(sys_page_guarantee(s, EXO_GUARANTEED_MAX - 1, 0), 0);
	CHECK(sys_cap_give(s, 1, (uint32_t)env) > 0);
	CHECK_IS(sys_page_guarantee(s, 2, 1), -E_PERM); /* the first is not ours any more */
	CHECK_IS(exo_pages()[number_of(s + 1)].guaranteed, 0);
	CHECK_IS(sys_env_destroy((uint32_t)env, 0), 0);
	CHECK_IS(sys_env_destroy((uint32_t)env, 0), 0);
	CHECK_IS(sys_cap_drop((uint32_t)weak, 1), 0);
	CHECK_IS(sys_cap_drop(s, 1), 0);
	CHECK_IS(sys_page_free(s + 1, EXO_GUARANTEED_MAX - 1), 0);
}

static void pages_are_given_by_capability_only(void)
{
	static const char name[16] = "heir";
	long slot = sys_page_alloc(PAGE_ANY, 2), env = sys_env_create((uint64_t)name, 64);
	uint32_t s = (uint32_t)slot, e = (uint32_t)env;
	long weak = weaker(s, RIGHT_READ), weak_env = weaker(e, RIGHT_RUN);

	CHECK(slot > 0 && env > 0 && weak > 0 && weak_env > 0);
	CHECK_IS(sys_cap_give((uint32_t)weak, 1, e), -E_PERM);
	CHECK_IS(sys_cap_give(s, 1, (uint32_t)weak_env), -E_PERM);
	CHECK_IS(sys_cap_give(s, 1, s), -E_PERM);
	CHECK_IS(sys_cap_give(SLOT_MACHINE, 1, e), -E_PERM);
	CHECK_IS(sys_cap_give(s, 0, e), -E_PERM);
	CHECK_IS(sys_cap_give(s, 3, e), -E_PERM); /* one is none */
	CHECK_IS(sys_cap_revoke((uint32_t)weak), -E_PERM);
	CHECK_IS(sys_cap_revoke(SLOT_MACHINE), -E_PERM);
	CHECK_IS(exo_pages()[number_of(s)].owner, exo_self());
	CHECK_IS(sys_env_destroy(e, 0), 0);
	CHECK_IS(sys_cap_give(s, 1, e), -E_PERM); /* it has ended */
	CHECK_IS(sys_env_destroy(e, 0), 0);
	CHECK_IS(sys_cap_drop((uint32_t)weak, 1), 0);
	CHECK_IS(sys_cap_drop((uint32_t)weak_env, 1), 0);
	CHECK_IS(sys_page_free(s, 2), 0);
}

static uint32_t faults;

static void skip_store(struct exception *e)
{
	faults++;
	e->frame.rip += 2;
}

/* Does a store fault? Two bytes of code. */
static bool store_faults(uint64_t va)
{
	faults = 0;
	context_on_exception(skip_store);
	__asm__ volatile("movb %%al, (%%rbx)" : : "a"(1), "b"(va) : "memory");
	context_on_exception(NULL);
	return faults == 1;
}

/* One of the ways in which the right to write what is mapped at KTEST_VA ends. */
static long end_writing(uint32_t way, uint32_t s)
{
	switch (way) {
	case 0:
		return sys_page_unmap(SLOT_SELF, KTEST_VA, 1);
	case 1:
		return sys_page_unmap(SLOT_SELF, KTEST_VA, 2);
	case 2:
		return sys_page_protect(SLOT_SELF, KTEST_VA, 1, PROT_R | PROT_HELD);
	case 3:
		return sys_page_protect(SLOT_SELF, KTEST_VA, 2, PROT_R);
	case 4:
		return sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_R);
	case 5:
		return sys_cap_revoke(s);
	case 6:
		return sys_page_unmap(SLOT_SELF, KTEST_VA, 100);
	default:
		return sys_page_free(s, 1);
	}
}

/* Masked: no other slice is to make it forget. */
static void the_cpu_forgets_what_is_taken_away(void)
{
	for (uint32_t way = 0; way < 8; way++) {
		uint32_t s = (uint32_t)sys_page_alloc(PAGE_ANY, 1);

		CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_R | PROT_W), 0);
		context_mask();
		at[0] = 1;
		long error = end_writing(way, s);
		bool gone = store_faults(KTEST_VA);
		context_unmask();
		CHECK_IS(error, 0);
		if (!gone)
			CHECK_IS(way, -1);
		if (way < 7)
			CHECK_IS(sys_page_free(s, 1), 0);
	}
}

/* As many slots as there may be, of as many pages as it takes. */
static void slots_run_out_and_come_back(void)
{
	static const char name[16] = "child";
	struct exo_cap cap = { 0 };
	long slot, first = 0, page = sys_page_alloc(PAGE_ANY, 1), env = sys_env_create((uint64_t)name, 8);
	uint32_t n = 0, child = exo_envs()[number_of((uint32_t)env)].id;

	CHECK_IS(sys_cap_mint((uint32_t)page, RIGHT_READ, (uint64_t)&cap), 0);
	while ((slot = sys_cap_bind((uint64_t)&cap)) > 0) {
		first = first ? first : slot;
		n++;
	}
	CHECK_IS(slot, -E_NOSPC);
	CHECK_IS(sys_page_alloc(PAGE_ANY, 1), -E_NOSPC);
	CHECK_IS(sys_cap_give((uint32_t)page, 1, SLOT_SELF), -E_NOSPC);
	CHECK_IS(sys_slice_alloc(UINT32_MAX), -E_NOSPC);
	CHECK_IS(sys_device_claim(SLOT_MACHINE, DEVICE_IRQ, 5, 1, 0), -E_NOSPC);
	CHECK_IS(sys_env_create((uint64_t)name, 8), -E_NOSPC);
	CHECK_IS(sys_env_child(child), -E_NOSPC);
	CHECK_IS(sys_cap_drop((uint32_t)first, n), 0);
	CHECK_IS(sys_env_destroy((uint32_t)env, 0), 0);
	CHECK_IS(sys_env_destroy((uint32_t)env, 0), 0);
	CHECK_IS(sys_page_free((uint32_t)page, 1), 0);
}

static void all_memory_can_be_owned_and_given_back(void)
{
	uint32_t taken = 0;
	long slot, first = 0;

	while ((slot = sys_page_alloc(PAGE_ANY, 1)) > 0 && taken < 16000) {
		first = first ? first : slot;
		taken++;
	}
	CHECK(slot == -E_NOMEM || slot == -E_NOSPC || taken == 16000);
	for (uint32_t i = 0; i < taken; i++)
		CHECK_IS(sys_page_free((uint32_t)first + i, 1), 0);
}

const struct ktest page_tests[] = {
	{ "maps_a_zeroed_page", maps_a_zeroed_page },
	{ "allocates_by_number", allocates_by_number },
	{ "refuses_bad_numbers", refuses_bad_numbers },
	{ "refuses_wild_addresses", refuses_wild_addresses },
	{ "refuses_slots_that_are_not_pages", refuses_slots_that_are_not_pages },
	{ "refuses_a_page_freed_twice", refuses_a_page_freed_twice },
	{ "never_writable_and_executable", never_writable_and_executable },
	{ "protect_takes_rights_only", protect_takes_rights_only },
	{ "a_held_right_comes_back_without_a_slot", a_held_right_comes_back_without_a_slot },
	{ "a_held_right_needs_the_right_and_counts_as_writing",
	  a_held_right_needs_the_right_and_counts_as_writing },
	{ "a_range_changes_wholly_or_not_at_all", a_range_changes_wholly_or_not_at_all },
	{ "what_was_written_is_gone_when_a_page_changes_hands",
	  what_was_written_is_gone_when_a_page_changes_hands },
	{ "scan_reports_and_clears", scan_reports_and_clears },
	{ "shares_a_page_by_two_mappings", shares_a_page_by_two_mappings },
	{ "maps_a_hundred_in_one_call", maps_a_hundred_in_one_call },
	{ "address_spaces_change_by_capability_only", address_spaces_change_by_capability_only },
	{ "ranges_and_protections_are_checked", ranges_and_protections_are_checked },
	{ "guarantees_are_checked", guarantees_are_checked },
	{ "pages_are_given_by_capability_only", pages_are_given_by_capability_only },
	{ "the_cpu_forgets_what_is_taken_away", the_cpu_forgets_what_is_taken_away },
	{ "slots_run_out_and_come_back", slots_run_out_and_come_back },
	{ "all_memory_can_be_owned_and_given_back", all_memory_can_be_owned_and_given_back },
	{ NULL, NULL },
};
