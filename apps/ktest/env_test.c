/* apps/ktest/env_test.c - environments: beginning, end, what they may not do.
 * SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"

static volatile uint32_t *const shared = (volatile uint32_t *)KTEST_SHARED;
static struct child child;

static uint32_t add_one(uint64_t argument)
{
	*shared = (uint32_t)argument + 1;
	return 7;
}

static void a_child_runs_and_its_end_is_recorded(void)
{
	*shared = 0;
	CHECK(child_start(&child, add_one, 41));
	CHECK_IS(child_record(&child)->parent, exo_info()->running);
	CHECK(child_wait(&child));
	CHECK_IS(*shared, 42);
	CHECK_IS(child_record(&child)->ended, END_EXIT);
	CHECK_IS(child_record(&child)->code, 7);
	child_reap(&child);
	CHECK_IS(child_record(&child)->id, 0);
}

static void the_end_of_a_child_is_told(void)
{
	context_mask(); /* it may have ended before child_start returns */
	envpage()->pending = 0;
	CHECK(child_start(&child, add_one, 0));
	CHECK_IS(context_wait(NULL, 0, __builtin_ia32_rdtsc() + 60 * exo_info()->tsc_hz), 0);
	bool told = envpage()->pending & UPCALL_CHILD_ENDED;
	context_unmask();
	CHECK(told);
	CHECK_IS(child_record(&child)->state, ENV_ENDED);
	child_reap(&child);
}

/* A child that leaves one of its own behind. */
static uint32_t orphan(uint64_t argument)
{
	static const char name[16] = "orphan";

	(void)argument;
	return sys_env_create((uint64_t)name, 64) > 0;
}

static void an_orphan_is_adopted_by_the_first(void)
{
	uint32_t self = exo_info()->running, found = 0;

	CHECK(child_start(&child, orphan, 0));
	CHECK_IS(sys_env_child(0), -E_INVAL);
	CHECK_IS(sys_env_child(self), -E_INVAL);
	CHECK_IS(sys_env_child(child.id + (1 << EXO_ENV_INDEX_BITS)), -E_INVAL);
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->code, 1);
	child_reap(&child);
	for (int i = 0; i < EXO_ENV_MAX; i++)
		if (exo_envs()[i].state == ENV_NEW && exo_envs()[i].parent == self)
			found = exo_envs()[i].id;
	CHECK(found);
	long slot = sys_env_child(found);
	CHECK(slot > 0);
	CHECK_IS(sys_env_destroy((uint32_t)slot, 0), 0);
	CHECK_IS(sys_env_destroy((uint32_t)slot, 0), 0);
	CHECK_IS(sys_env_child(found), -E_INVAL);
}

static _Noreturn uint32_t spin(uint64_t argument)
{
	(void)argument;
	context_init();
	for (;;)
		(*shared)++;
}

static void a_spinning_child_shares_the_cpu_and_can_be_destroyed(void)
{
	*shared = 0;
	CHECK(child_start(&child, spin, 0));
	EVENTUALLY(*shared > 0);
	CHECK(*shared > 0);
	CHECK_IS(child_record(&child)->state, ENV_READY);
	CHECK_IS(sys_env_destroy(child.env, 3), 0);
	CHECK_IS(child_record(&child)->ended, END_DESTROYED);
	CHECK_IS(child_record(&child)->code, 3);
	child_reap(&child);
}

static void a_forgotten_child_leaves_stale_slots(void)
{
	CHECK(child_start(&child, add_one, 0));
	CHECK(child_wait(&child));
	CHECK_IS(sys_env_destroy(child.env, 0), 0);
	CHECK_IS(sys_env_destroy(child.env, 0), -E_PERM);
	CHECK_IS(sys_env_start(child.env, 0x400000, 0), -E_PERM);
	CHECK_IS(sys_yield(child.id), -E_INVAL);
}

/* The record has another's by then. */
static void a_stale_slot_does_not_reach_the_next_of_that_index(void)
{
	static const char name[16] = "next";
	struct exo_cap cap = { 0 };
	uint32_t first = (uint32_t)sys_env_create((uint64_t)name, 8), index;

	CHECK_IS(sys_cap_mint(first, RIGHT_ALL, (uint64_t)&cap), 0);
	uint32_t stale = (uint32_t)sys_cap_bind((uint64_t)&cap);
	index = cap.name & 0xfffffff;
	CHECK_IS(sys_env_destroy(first, 0), 0);
	CHECK_IS(sys_env_destroy(first, 0), 0);
	uint32_t next = (uint32_t)sys_env_create((uint64_t)name, 8);
	CHECK_IS(sys_cap_mint(next, RIGHT_ALL, (uint64_t)&cap), 0);
	CHECK_IS(cap.name & 0xfffffff, index);
	CHECK_IS(sys_page_map(stale, KTEST_VA, ktest_shared_slot, 1, PROT_R), -E_PERM);
	CHECK_IS(sys_page_unmap(stale, KTEST_VA, 1), -E_PERM);
	CHECK_IS(sys_env_destroy(stale, 0), -E_PERM);
	CHECK_IS(sys_cap_drop(stale, 1), 0);
	CHECK_IS(sys_env_destroy(next, 0), 0);
	CHECK_IS(sys_env_destroy(next, 0), 0);
}

static uint32_t records(void)
{
	uint32_t n = 0;

	for (int i = 0; i < EXO_ENV_MAX; i++)
		n += exo_envs()[i].state != ENV_FREE;
	return n;
}

/* A child whose own child has ended before it. */
static uint32_t leaves_a_record(uint64_t argument)
{
	static const char name[16] = "ended";
	long env = sys_env_create((uint64_t)name, 8);

	(void)argument;
	return env > 0 && sys_env_destroy((uint32_t)env, 0) == 0;
}

static void records_of_the_ended_go_with_their_parent(void)
{
	uint32_t before = records();

	CHECK(child_start(&child, leaves_a_record, 0));
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->code, 1);
	CHECK_IS(records(), before + 1);
	child_reap(&child);
	CHECK_IS(records(), before);
}

/* All its slots are full: the next page of slots is the very page that is asked for. */
static uint32_t asks_for_what_its_slots_take(uint64_t argument)
{
	const uint32_t in_a_page = 256, used = exo_env(exo_self())->slots;

	(void)argument;
	if (sys_page_alloc(PAGE_ANY, in_a_page - used) < 0)
		return 1;
	return sys_page_alloc(exo_info()->free_head, 1) == -E_BUSY ? 0 : 2;
}

static void a_page_that_the_slots_have_taken_is_not_free(void)
{
	CHECK(child_start(&child, asks_for_what_its_slots_take, 0));
	CHECK(child_wait(&child));
	uint32_t code = child_record(&child)->code;
	child_reap(&child);
	CHECK_IS(code, 0);
}

static void create_checks_its_arguments(void)
{
	static const char name[16] = "x\x01y";
	long env;

	CHECK_IS(sys_env_create((uint64_t)name, 7), -E_INVAL);
	CHECK_IS(sys_env_create((uint64_t)name, 65537), -E_INVAL);
	env = sys_env_create((uint64_t)name, 8);
	CHECK(env > 0);
	CHECK_IS(sys_env_start((uint32_t)env, 0, 0), -E_INVAL);
	CHECK_IS(sys_env_start((uint32_t)env, EXO_USER_TOP, 0), -E_INVAL);
	CHECK_IS(sys_env_start(SLOT_SELF, 0x400000, 0), -E_BUSY);
	CHECK_IS(sys_env_destroy((uint32_t)env, 0), 0);
	CHECK_IS(sys_page_map((uint32_t)env, KTEST_VA, SLOT_MODULES, 1, PROT_R), -E_PERM);
	CHECK_IS(sys_env_destroy((uint32_t)env, 0), 0);
}

static void tables_are_bounded(void)
{
	static const char name[16] = "small";
	long env = sys_env_create((uint64_t)name, 8);
	long slot = sys_page_alloc(PAGE_ANY, 1);

	CHECK(env > 0);
	CHECK_IS(sys_page_map((uint32_t)env, 0x100000000000, (uint32_t)slot, 1, PROT_R), -E_NOMEM);
	CHECK_IS(sys_env_destroy((uint32_t)env, 0), 0);
	CHECK_IS(sys_env_destroy((uint32_t)env, 0), 0);
	CHECK_IS(sys_page_free((uint32_t)slot, 1), 0);
}

static void environments_run_out_and_come_back(void)
{
	static const char name[16] = "many";
	static uint32_t env[EXO_ENV_MAX];
	long got = 0;
	int n = 0;

	while (n < EXO_ENV_MAX && (got = sys_env_create((uint64_t)name, 8)) > 0)
		env[n++] = (uint32_t)got;
	CHECK(got == -E_NOSPC || got == -E_NOMEM);
	for (int i = 0; i < n; i++) {
		CHECK_IS(sys_env_destroy(env[i], 0), 0);
		CHECK_IS(sys_env_destroy(env[i], 0), 0);
	}
}

static uint32_t own_and_exit(uint64_t argument)
{
	(void)argument;
	sys_page_alloc(PAGE_ANY, 20);
	sys_slice_alloc(UINT32_MAX);
	return (uint32_t)exo_envs()[exo_info()->running & 0xfff].pages;
}

static void everything_owned_comes_back(void)
{
	CHECK(child_start(&child, own_and_exit, 0));
	CHECK(child_wait(&child));
	CHECK(child_record(&child)->code > 20);
	CHECK_IS(child_record(&child)->pages, 0);
	child_reap(&child);
}

static uint32_t meddle(uint64_t page)
{
	uint32_t parent = exo_envs()[exo_info()->running & 0xfff].parent;

	/* No slot but its own: no page of another's, no environment, no machine. */
	return sys_page_map(SLOT_SELF, KTEST_VA, 15000, 1, PROT_R) == -E_PERM &&
	       sys_env_destroy(15000, 0) == -E_PERM && sys_page_alloc((uint32_t)page, 1) == -E_BUSY &&
	       sys_power(SLOT_MACHINE, POWER_OFF, 0) == -E_PERM && parent != 0;
}

static void a_child_reaches_nothing_it_was_not_given(void)
{
	CHECK(child_start(&child, meddle, exo_info()->module[0].page));
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->ended, END_EXIT);
	CHECK_IS(child_record(&child)->code, 1);
	child_reap(&child);
}

const struct ktest env_tests[] = {
	{ "a_child_runs_and_its_end_is_recorded", a_child_runs_and_its_end_is_recorded },
	{ "the_end_of_a_child_is_told", the_end_of_a_child_is_told },
	{ "an_orphan_is_adopted_by_the_first", an_orphan_is_adopted_by_the_first },
	{ "a_spinning_child_shares_the_cpu_and_can_be_destroyed",
	  a_spinning_child_shares_the_cpu_and_can_be_destroyed },
	{ "a_forgotten_child_leaves_stale_slots", a_forgotten_child_leaves_stale_slots },
	{ "a_stale_slot_does_not_reach_the_next_of_that_index",
	  a_stale_slot_does_not_reach_the_next_of_that_index },
	{ "records_of_the_ended_go_with_their_parent", records_of_the_ended_go_with_their_parent },
	{ "a_page_that_the_slots_have_taken_is_not_free",
	  a_page_that_the_slots_have_taken_is_not_free },
	{ "create_checks_its_arguments", create_checks_its_arguments },
	{ "tables_are_bounded", tables_are_bounded },
	{ "environments_run_out_and_come_back", environments_run_out_and_come_back },
	{ "everything_owned_comes_back", everything_owned_comes_back },
	{ "a_child_reaches_nothing_it_was_not_given", a_child_reaches_nothing_it_was_not_given },
	{ NULL, NULL },
};
