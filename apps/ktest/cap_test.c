/* apps/ktest/cap_test.c - capabilities and slots. SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"

static struct exo_cap cap;

static long bind(const struct exo_cap *c) { return sys_cap_bind((uint64_t)c); }

static void mints_and_binds(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 1);

	CHECK_IS(sys_cap_mint((uint32_t)slot, RIGHT_READ, (uint64_t)&cap), 0);
	long bound = bind(&cap);
	CHECK(bound > 0 && bound != slot);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)bound, 1, PROT_R), 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)bound, 1, PROT_W), -E_PERM);
	CHECK_IS(sys_page_free((uint32_t)bound, 1), -E_PERM);
	CHECK_IS(sys_cap_mint((uint32_t)bound, RIGHT_WRITE, (uint64_t)&cap), -E_PERM);
	CHECK_IS(sys_cap_drop((uint32_t)bound, 1), 0);
	CHECK_IS(sys_page_free((uint32_t)slot, 1), 0);
}

static void refuses_every_flipped_bit(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 1);
	uint64_t refused = exo_info()->cap_refused;

	CHECK_IS(sys_cap_mint((uint32_t)slot, RIGHT_READ, (uint64_t)&cap), 0);
	for (int bit = 0; bit < 128; bit++) {
		struct exo_cap forged = cap;

		if (bit < 64)
			forged.name ^= 1ull << bit;
		else
			forged.mac ^= 1ull << (bit - 64);
		CHECK_IS(bind(&forged), -E_PERM);
	}
	CHECK_IS(exo_info()->cap_refused - refused, 128);
	CHECK_IS(sys_page_free((uint32_t)slot, 1), 0);
}

static void refuses_stale_ones(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 1);

	CHECK_IS(sys_cap_mint((uint32_t)slot, RIGHT_ALL, (uint64_t)&cap), 0);
	long other = bind(&cap);
	CHECK(other > 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)other, 1, PROT_R), 0);
	CHECK_IS(sys_cap_revoke((uint32_t)slot), 0);
	CHECK_IS(sys_page_scan(SLOT_SELF, KTEST_VA, 0), 0); /* the mapping is broken */
	CHECK_IS(bind(&cap), -E_PERM);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)other, 1, PROT_R), -E_PERM);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)slot, 1, PROT_R), 0);
	CHECK_IS(sys_cap_drop((uint32_t)other, 1), 0);
	CHECK_IS(sys_page_free((uint32_t)slot, 1), 0);
}

static void refuses_wild_pointers(void)
{
	static const uint64_t bad[] = { 0, 0x10, EXO_USER_TOP - 8, 0x7ffffffffff8,
		                        0x8000000000000000, 0xffff800000100000,
		                        0xffffffff80100000, 0xfffffffffffffff8 };
	long slot = sys_page_alloc(PAGE_ANY, 1);

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_IS(sys_cap_bind(bad[i]), -E_FAULT);
		CHECK_IS(sys_cap_mint((uint32_t)slot, RIGHT_READ, bad[i]), -E_FAULT);
		CHECK_IS(sys_console_write(SLOT_MACHINE, bad[i], 1), -E_FAULT);
		CHECK_IS(sys_env_create(bad[i], 64), -E_FAULT);
	}
	CHECK_IS(sys_cap_mint((uint32_t)slot, RIGHT_READ, EXO_INFO), -E_FAULT); /* read-only */
	CHECK_IS(sys_cap_mint((uint32_t)slot, 0, (uint64_t)&cap), -E_INVAL);
	CHECK_IS(sys_cap_mint((uint32_t)slot, 256, (uint64_t)&cap), -E_INVAL);
	CHECK_IS(sys_page_free((uint32_t)slot, 1), 0);
}

static void a_copy_across_a_page_edge_checks_both_pages(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 2);
	uint32_t s = (uint32_t)slot;

	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, s, 1, PROT_R | PROT_W), 0);
	CHECK_IS(sys_cap_mint(s, RIGHT_READ, KTEST_VA + 4096 - 8), -E_FAULT);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA + 4096, s + 1, 1, PROT_R | PROT_W), 0);
	CHECK_IS(sys_cap_mint(s, RIGHT_READ, KTEST_VA + 4096 - 8), 0);
	long bound = sys_cap_bind(KTEST_VA + 4096 - 8);
	CHECK(bound > 0);
	CHECK_IS(sys_cap_drop((uint32_t)bound, 1), 0);
	CHECK_IS(sys_page_free(s, 2), 0);
}

static void refuses_unknown_calls(void)
{
	CHECK_IS(exo_syscall(SYS_COUNT, 0, 0, 0, 0, 0, 0), -E_NOSYS);
	CHECK_IS(exo_syscall(-1, 0, 0, 0, 0, 0, 0), -E_NOSYS);
	CHECK_IS(exo_syscall(0xff, 0, 0, 0, 0, 0, 0), -E_NOSYS);
	CHECK_IS(exo_syscall(1l << 32 | SYS_null, 0, 0, 0, 0, 0, 0), 0); /* only al counts */
	CHECK_IS(sys_null(), 0);
}

static void slot_zero_cannot_be_dropped(void)
{
	CHECK_IS(sys_cap_drop(SLOT_SELF, 1), -E_INVAL);
	CHECK_IS(sys_cap_drop(0xffffffff, 2), -E_INVAL);
	CHECK_IS(sys_cap_drop(15000, 100000), -E_INVAL);
}

static void power_checks_its_arguments(void)
{
	CHECK_IS(sys_power(SLOT_SELF, POWER_OFF, 0), -E_PERM);
	CHECK_IS(sys_power(SLOT_MACHINE, 2, 0), -E_INVAL);
	CHECK_IS(sys_power(SLOT_MACHINE, POWER_OFF, 128), -E_INVAL);
	CHECK_IS(sys_console_read(SLOT_SELF), -E_PERM);
	CHECK_IS(sys_console_read(SLOT_MACHINE), -E_AGAIN);
	CHECK_IS(sys_console_write(SLOT_NIC, (uint64_t)&cap, 1), -E_PERM);
	CHECK_IS(sys_console_write(SLOT_MACHINE, (uint64_t)&cap, 4097), -E_LIMIT);
}

const struct ktest cap_tests[] = {
	{ "mints_and_binds", mints_and_binds },
	{ "refuses_every_flipped_bit", refuses_every_flipped_bit },
	{ "refuses_stale_ones", refuses_stale_ones },
	{ "refuses_wild_pointers", refuses_wild_pointers },
	{ "a_copy_across_a_page_edge_checks_both_pages",
	  a_copy_across_a_page_edge_checks_both_pages },
	{ "refuses_unknown_calls", refuses_unknown_calls },
	{ "slot_zero_cannot_be_dropped", slot_zero_cannot_be_dropped },
	{ "power_checks_its_arguments", power_checks_its_arguments },
	{ NULL, NULL },
};
