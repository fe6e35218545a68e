/* apps/ktest/revoke_test.c - visible revocation, and the abort protocol for those who
 * ignore it. SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"

enum { OWNED = 40, ASKED = 10 };

static struct child child;
static volatile uint32_t *const shared = (volatile uint32_t *)KTEST_SHARED;

static uint64_t in_slices(uint32_t n)
{
	return __builtin_ia32_rdtsc() + n * exo_info()->slice_cycles;
}

/* What a child reports in the shared page. */
enum { READY, FIRST_SLOT, SEEN, LOST, TYPE, NAME, BACKING, REPORTS };

static void note(uint32_t reasons)
{
	if (reasons & UPCALL_LOST) {
		shared[LOST] = envpage()->lost_count;
		shared[TYPE] = envpage()->lost[0].type;
		shared[NAME] = envpage()->lost[0].name;
		shared[BACKING] = envpage()->lost[0].backing;
	}
	shared[SEEN] |= reasons & ~(uint32_t)UPCALL_SLICE_END;
}

static void get_ready(upcall_handler *handler)
{
	context_init();
	context_on_upcall(handler);
	shared[FIRST_SLOT] = (uint32_t)sys_page_alloc(PAGE_ANY, OWNED);
	shared[READY] = 1;
}

/* Gives back what it is asked for. */
static void comply(uint32_t reasons)
{
	note(reasons);
	if (reasons & UPCALL_REVOKE)
		sys_page_free(shared[FIRST_SLOT], envpage()->revoke.count);
}

static _Noreturn uint32_t good_child(uint64_t argument)
{
	(void)argument;
	get_ready(comply);
	for (;;)
		context_yield(0);
}

static _Noreturn uint32_t deaf_child(uint64_t argument)
{
	(void)argument;
	get_ready(note);
	for (;;)
		context_yield(0);
}

static _Noreturn uint32_t sleeping_child(uint64_t argument)
{
	struct exo_wait_term never = { .address = KTEST_SHARED, .value = 77, .op = WAIT_EQ };

	(void)argument;
	get_ready(note);
	for (;;)
		context_wait(&never, 1, WAIT_FOREVER);
}

static bool start(child_fn *fn)
{
	for (int i = 0; i < REPORTS; i++)
		shared[i] = 0;
	if (!child_start(&child, fn, 0))
		return false;
	EVENTUALLY(shared[READY]);
	return shared[READY];
}

static void wait_for(uint32_t reason)
{
	EVENTUALLY(shared[SEEN] & reason);
}

/* Capabilities for pages that shall receive what is taken: in a child, copies of ours. */
static struct exo_cap backing[2];

/* Its pages hold their places in its list. */
static _Noreturn uint32_t backed_child(uint64_t argument)
{
	(void)argument;
	context_init();
	context_on_upcall(note);
	uint32_t first = (uint32_t)sys_page_alloc(PAGE_ANY, OWNED);
	sys_page_map(SLOT_SELF, KTEST_VA, first, OWNED, PROT_R | PROT_W);
	for (uint64_t i = 0; i < OWNED; i++)
		*(volatile uint64_t *)(KTEST_VA + i * EXO_PAGE_SIZE + 4088) = 1000 + i;
	long slot = sys_cap_bind((uint64_t)&backing[0]);
	sys_cap_bind((uint64_t)&backing[1]);
	bool good = sys_page_backing((uint32_t)slot, EXO_LOST_MAX + 1) == -E_LIMIT &&
	            sys_page_backing(SLOT_SELF, 1) == -E_PERM &&
	            sys_page_backing((uint32_t)slot, 2) == 0;
	shared[READY] = good;
	for (;;)
		context_yield(0);
}

static void what_is_taken_is_saved_where_its_owner_said(void)
{
	const volatile uint64_t *saved = (const volatile uint64_t *)(KTEST_VA + 4088);
	long slot = sys_page_alloc(PAGE_ANY, 2);

	CHECK(slot > 0);
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)slot, 2, PROT_R), 0);
	for (uint32_t i = 0; i < 2; i++)
		CHECK_IS(sys_cap_mint((uint32_t)slot + i, RIGHT_WRITE, (uint64_t)&backing[i]), 0);
	CHECK(start(backed_child));
	CHECK_IS(sys_cap_revoke((uint32_t)slot), 0); /* the first one is stale now */
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)slot, 1, PROT_R), 0);
	CHECK_IS(sys_env_revoke(child.env, CAP_PAGE, 3, 0), 0);
	wait_for(UPCALL_LOST);
	CHECK_IS(shared[LOST], 3);
	CHECK_IS(shared[BACKING], backing[1].name & 0xfffffff);
	CHECK_IS(saved[0], 0);
	CHECK_IS(saved[512], 1000 + OWNED - 1); /* the youngest page went first */
	child_reap(&child);
	CHECK_IS(sys_page_free((uint32_t)slot, 2), 0);
}

static void nothing_is_saved_where_somebody_executes(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 2);

	CHECK(slot > 0);
	for (uint32_t i = 0; i < 2; i++)
		CHECK_IS(sys_cap_mint((uint32_t)slot + i, RIGHT_WRITE, (uint64_t)&backing[i]), 0);
	CHECK(start(backed_child));
	CHECK_IS(sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)slot, 2, PROT_R | PROT_X), 0);
	shared[BACKING] = 1;
	CHECK_IS(sys_env_revoke(child.env, CAP_PAGE, 1, 0), 0);
	wait_for(UPCALL_LOST);
	CHECK_IS(shared[LOST], 1);
	CHECK_IS(shared[BACKING], 0);
	child_reap(&child);
	CHECK_IS(sys_page_free((uint32_t)slot, 2), 0);
}

/* Names first the page that will be taken first, then one of ours. */
static _Noreturn uint32_t saves_to_itself(uint64_t argument)
{
	(void)argument;
	context_init();
	context_on_upcall(note);
	uint32_t first = (uint32_t)sys_page_alloc(PAGE_ANY, OWNED), last = first + OWNED - 1;

	shared[READY] = sys_cap_bind((uint64_t)&backing[0]) == last + 1 &&
	                sys_page_backing(last, 2) == 0;
	for (;;)
		context_yield(0);
}

static void nothing_is_saved_in_what_is_taken(void)
{
	long slot = sys_page_alloc(PAGE_ANY, 1);

	CHECK(slot > 0);
	CHECK_IS(sys_cap_mint((uint32_t)slot, RIGHT_WRITE, (uint64_t)&backing[0]), 0);
	CHECK(start(saves_to_itself));
	CHECK_IS(sys_env_revoke(child.env, CAP_PAGE, 1, 0), 0);
	wait_for(UPCALL_LOST);
	CHECK_IS(shared[LOST], 1);
	CHECK_IS(shared[BACKING], backing[0].name & 0xfffffff);
	child_reap(&child);
	CHECK_IS(sys_page_free((uint32_t)slot, 1), 0);
}

static void an_environment_chooses_what_to_give_back(void)
{
	CHECK(start(good_child));
	uint32_t before = child_record(&child)->pages;
	CHECK_IS(sys_env_revoke(child.env, CAP_PAGE, ASKED, WAIT_FOREVER), 0);
	EVENTUALLY(child_record(&child)->pages == before - ASKED);
	CHECK_IS(child_record(&child)->pages, before - ASKED);
	CHECK_IS(shared[SEEN] & UPCALL_LOST, 0);
	child_reap(&child);
}

static void pages_not_given_back_are_taken_and_named(void)
{
	CHECK(start(deaf_child));
	uint32_t before = child_record(&child)->pages;
	CHECK_IS(sys_env_revoke(child.env, CAP_PAGE, ASKED, WAIT_FOREVER), 0);
	wait_for(UPCALL_REVOKE);
	CHECK_IS(child_record(&child)->pages, before); /* not before the deadline */
	CHECK_IS(sys_env_revoke(child.env, CAP_PAGE, ASKED, in_slices(3)), 0);
	wait_for(UPCALL_LOST);
	CHECK_IS(child_record(&child)->pages, before - ASKED);
	CHECK_IS(shared[LOST], ASKED);
	CHECK_IS(shared[TYPE], CAP_PAGE);
	CHECK_IS(exo_pages()[shared[NAME]].owner, 0);
	CHECK_IS(child_record(&child)->state, ENV_READY);
	child_reap(&child);
}

static void a_sleeper_is_told(void)
{
	CHECK(start(sleeping_child));
	CHECK_IS(sys_env_revoke(child.env, CAP_PAGE, 1, in_slices(2)), 0);
	wait_for(UPCALL_LOST);
	CHECK_IS(shared[SEEN], UPCALL_REVOKE | UPCALL_LOST);
	child_reap(&child);
}

static void slices_can_be_taken(void)
{
	uint32_t others = exo_info()->free_pages;

	CHECK(start(deaf_child));
	CHECK(others > 0);
	CHECK_IS(sys_env_revoke(child.env, CAP_SLICE, 1, 0), 0);
	CHECK_IS(exo_envs()[child.index].state, ENV_READY);
	for (int i = 0; i < EXO_SLICE_MAX; i++)
		CHECK(((const volatile struct exo_slice *)EXO_SLICES)[i].owner != child.id);
	child_reap(&child);
}

static _Noreturn uint32_t guarding_child(uint64_t argument)
{
	(void)argument;
	get_ready(note);
	shared[NAME + 1] = (uint32_t)-sys_page_guarantee(shared[FIRST_SLOT], 8, 1);
	shared[NAME + 2] = (uint32_t)sys_page_guarantee(shared[FIRST_SLOT], 7, 1);
	shared[NAME + 3] = (uint32_t)-sys_page_guarantee(SLOT_SELF, 1, 1);
	shared[NAME + 4] = (uint32_t)-sys_page_guarantee(shared[FIRST_SLOT], 1, 2);
	for (;;)
		context_yield(0);
}

static void guaranteed_pages_are_never_taken(void)
{
	shared[NAME + 4] = 0;
	CHECK(start(guarding_child));
	EVENTUALLY(shared[NAME + 4]);
	CHECK_IS(shared[NAME + 1], E_LIMIT); /* the environment page is one of eight */
	CHECK_IS(shared[NAME + 2], 0);
	CHECK_IS(shared[NAME + 3], E_PERM);
	CHECK_IS(shared[NAME + 4], E_INVAL);
	uint32_t rest = child_record(&child)->pages - child_record(&child)->tables - 8;
	CHECK_IS(sys_env_revoke(child.env, CAP_PAGE, rest + 1, 0), -E_LIMIT);
	/* All the others are: its stack and data among them. It ends, and only it. */
	CHECK_IS(sys_env_revoke(child.env, CAP_PAGE, rest, 0), 0);
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->ended, END_EXCEPTION);
	child_reap(&child);
}

static void requests_are_checked(void)
{
	CHECK(start(deaf_child));
	CHECK_IS(sys_env_revoke(SLOT_MACHINE, CAP_PAGE, 1, 0), -E_PERM);
	CHECK_IS(sys_env_revoke(child.env, CAP_PAGE, 0, 0), -E_INVAL);
	CHECK_IS(sys_env_revoke(child.env, CAP_ENV, 1, 0), -E_INVAL);
	CHECK_IS(sys_env_revoke(child.env, CAP_PAGE, 100000, 0), -E_LIMIT);
	CHECK_IS(sys_env_revoke(child.env, CAP_FILTER, 1, 0), -E_LIMIT);
	CHECK_IS(sys_env_revoke(child.env, CAP_RING, 1, 0), -E_LIMIT);
	CHECK_IS(sys_env_destroy(child.env, 0), 0);
	CHECK_IS(sys_env_revoke(child.env, CAP_PAGE, 1, 0), -E_PERM); /* it has ended */
	child_reap(&child);
	CHECK_IS(sys_env_revoke(child.env, CAP_PAGE, 1, 0), -E_PERM);
}

const struct ktest revoke_tests[] = {
	{ "what_is_taken_is_saved_where_its_owner_said",
	  what_is_taken_is_saved_where_its_owner_said },
	{ "nothing_is_saved_where_somebody_executes", nothing_is_saved_where_somebody_executes },
	{ "nothing_is_saved_in_what_is_taken", nothing_is_saved_in_what_is_taken },
	{ "an_environment_chooses_what_to_give_back", an_environment_chooses_what_to_give_back },
	{ "pages_not_given_back_are_taken_and_named", pages_not_given_back_are_taken_and_named },
	{ "a_sleeper_is_told", a_sleeper_is_told },
	{ "slices_can_be_taken", slices_can_be_taken },
	{ "guaranteed_pages_are_never_taken", guaranteed_pages_are_never_taken },
	{ "requests_are_checked", requests_are_checked },
	{ NULL, NULL },
};
