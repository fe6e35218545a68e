/* apps/ktest/schedule_test.c - schedulers in ring 3 (libnet/exos/schedule.h): who gets a program's slices.
 *
 * What is compared are slices that were given, and excess ticks, which a busy host can bring upon anybody: never
 * time. SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"
#include "libnet/exos/schedule.h"

enum { CHILDREN = 3, SLEEPER_WAKES = 100, OUTSTAYS = 3 };

static volatile uint32_t *const shared = (volatile uint32_t *)KTEST_SHARED;
static struct child child[CHILDREN];
static struct schedule_client *client[CHILDREN];
static struct schedule schedule;

/* --- Children: each counts in a word of its own --- */

static _Noreturn uint32_t counts_and_yields(uint64_t word)
{
	context_init();
	for (;;) {
		shared[word]++;
		context_yield(0);
	}
}

static _Noreturn uint32_t never_yields(uint64_t word)
{
	context_init();
	for (;;)
		shared[word]++;
}

static _Noreturn uint32_t ignores_every_end(uint64_t word)
{
	for (;;) /* masked from birth */
		shared[word]++;
}

/* Holds the CPU for some ticks after each slice's end. */
static _Noreturn uint32_t outstays(uint64_t word)
{
	const volatile struct exo_env *self = exo_env(exo_self());

	context_init();
	context_mask();
	for (;;) {
		uint16_t end = (uint16_t)(self->excess + OUTSTAYS);

		while (self->excess < end)
			;
		shared[word]++;
		context_yield(0);
	}
}

static _Noreturn uint32_t sleeps_first(uint64_t word)
{
	const struct exo_wait_term woken = { .address = (uint64_t)&shared[SLEEPER_WAKES],
		                             .value = 1, .op = WAIT_EQ };

	context_init();
	context_wait(&woken, 1, WAIT_FOREVER);
	counts_and_yields(word);
}

static uint32_t ends_after_ten(uint64_t word)
{
	context_init();
	for (int i = 0; i < 10; i++) {
		shared[word]++;
		context_yield(0);
	}
	return 0;
}

/* --- The schedule under test --- */

static bool begin(const struct schedule_policy *policy, child_fn *const fn[CHILDREN],
                  const uint32_t share[CHILDREN])
{
	bool good = true;

	schedule_init(&schedule, policy);
	for (uint32_t i = 0; i < CHILDREN; i++) {
		shared[i] = 0;
		good &= child_start_without_slice(&child[i], fn[i], i);
		client[i] = schedule_add(&schedule, child[i].id, share[i]);
		good &= client[i] != NULL;
	}
	shared[SLEEPER_WAKES] = 0;
	return good;
}

static void end(void)
{
	for (int i = 0; i < CHILDREN; i++)
		child_reap(&child[i]);
}

static long turns(uint32_t n)
{
	while (n && schedule_turn(&schedule))
		n--;
	return n;
}

static uint64_t used(uint32_t i) { return client[i]->slices + client[i]->excess; }

static uint64_t distance(uint64_t a, uint64_t b) { return a < b ? b - a : a - b; }

/* Do the first n clients have what their tickets are worth, each to a slice and what excess makes of it? */
static bool in_proportion(uint32_t n)
{
	uint64_t all = 0, tickets = 0, excess = 0;
	bool good = true;

	for (uint32_t i = 0; i < n; i++) {
		all += used(i);
		tickets += client[i]->share;
		excess += client[i]->excess;
	}
	for (uint32_t i = 0; i < n; i++)
		good &= distance(used(i) * tickets, all * client[i]->share) <= tickets * (1 + excess);
	return good;
}

static child_fn *const yielding[] = { counts_and_yields, counts_and_yields, counts_and_yields };
static const uint32_t three_two_one[] = { 3, 2, 1 };

static void stride_gives_slices_by_tickets(void)
{
	bool always = true;

	CHECK(begin(&schedule_stride, yielding, three_two_one));
	for (int i = 0; i < 600; i++) {
		CHECK(schedule_turn(&schedule));
		always &= in_proportion(CHILDREN);
	}
	end();
	CHECK(always);
	CHECK_IS(schedule.turns, 600);
	for (uint32_t i = 0; i < CHILDREN; i++)
		CHECK(shared[i] > 0);
}

/* The end of a slice takes it from them; the parent has more than one. */
static void who_never_yields_gets_no_more(void)
{
	static child_fn *const busy[] = { never_yields, never_yields, never_yields };
	long slice[3];

	for (int i = 0; i < 3; i++)
		slice[i] = sys_slice_alloc(UINT32_MAX);
	CHECK(begin(&schedule_stride, busy, three_two_one));
	long left = turns(60);
	bool good = in_proportion(CHILDREN);
	end();
	for (int i = 0; i < 3; i++)
		CHECK_IS(sys_slice_free((uint32_t)slice[i]), 0);
	CHECK_IS(left, 0);
	CHECK(good);
	for (uint32_t i = 0; i < CHILDREN; i++)
		CHECK(shared[i] > 0);
}

static void who_outstays_pays_with_turns(void)
{
	static child_fn *const fn[] = { outstays, counts_and_yields, counts_and_yields };
	static const uint32_t equal[] = { 1, 1, 1 };

	CHECK(begin(&schedule_stride, fn, equal));
	long left = turns(100);
	uint64_t theirs = distance(client[1]->slices, client[2]->slices), held = client[0]->excess;
	uint64_t worth = distance(used(0), used(1));
	end();
	CHECK_IS(left, 0);
	CHECK(held >= 2 * client[0]->slices); /* the last tick may come as it leaves */
	CHECK(theirs <= 1 + client[1]->excess + client[2]->excess);
	CHECK(worth <= 1 + OUTSTAYS + client[1]->excess + held / client[0]->slices);
}

static void who_never_lets_go_is_ended_and_the_others_go_on(void)
{
	static child_fn *const fn[] = { counts_and_yields, counts_and_yields, ignores_every_end };

	CHECK(begin(&schedule_stride, fn, three_two_one));
	for (int i = 0; i < 100 && client[2]->env; i++)
		CHECK(schedule_turn(&schedule));
	uint32_t how = child_record(&child[2])->ended;
	schedule_init(&schedule, &schedule_stride);
	for (uint32_t i = 0; i < 2; i++)
		client[i] = schedule_add(&schedule, child[i].id, three_two_one[i]);
	long left = turns(100);
	bool good = in_proportion(2);
	end();
	CHECK_IS(how, END_EXCESS);
	CHECK_IS(left, 0);
	CHECK(good);
}

/* Those who are left share what a sleeper and one that has ended do not take. */
static void a_sleeper_gives_its_share_away_and_gets_it_back(void)
{
	static child_fn *const fn[] = { counts_and_yields, counts_and_yields, sleeps_first };
	static const uint32_t share[] = { 1, 1, 2 };

	CHECK(begin(&schedule_stride, fn, share));
	long left = turns(200);
	uint64_t asleep = client[2]->slices;
	bool good = in_proportion(2);
	shared[SLEEPER_WAKES] = 1;
	left += turns(200);
	uint64_t awake = client[2]->slices, due = 100;
	uint64_t excess = client[0]->excess + client[1]->excess + client[2]->excess;
	end();
	CHECK_IS(left, 0);
	CHECK(asleep <= 1); /* it fell asleep in its first */
	CHECK(good);
	/* half of what comes after it is asked; nothing for the time that it slept */
	CHECK(awake <= due + 2 + excess && awake + SCHEDULE_ASK + excess >= due);
}

static void who_ends_leaves_its_share_to_the_others(void)
{
	static child_fn *const fn[] = { counts_and_yields, counts_and_yields, ends_after_ten };
	static const uint32_t share[] = { 2, 1, 3 };

	CHECK(begin(&schedule_stride, fn, share));
	for (int i = 0; i < 1000 && client[2]->env; i++)
		CHECK(schedule_turn(&schedule));
	uint64_t before[] = { used(0), used(1) };
	bool over = client[2]->env == 0;
	long left = turns(300);
	uint64_t got = used(0) - before[0], less = used(1) - before[1];
	uint64_t excess = client[0]->excess + client[1]->excess;
	end();
	CHECK(over);
	CHECK_IS(left, 0);
	CHECK(distance(got, 2 * less) <= 4 + 3 * excess);
	CHECK_IS(shared[2], 10);
}

static void tickets_change(void)
{
	static const uint32_t equal[] = { 1, 1, 1 };

	CHECK(begin(&schedule_stride, yielding, equal));
	long left = turns(90);
	bool good = in_proportion(CHILDREN);
	CHECK_IS(schedule_share(&schedule, client[0], 0), -E_INVAL);
	CHECK_IS(schedule_share(&schedule, client[0], SCHEDULE_SHARE_MAX + 1), -E_INVAL);
	CHECK_IS(schedule_share(&schedule, client[0], 4), 0);
	uint64_t before[] = { used(0), used(1) };
	left += turns(300);
	uint64_t most = used(0) - before[0], least = used(1) - before[1];
	uint64_t excess = client[0]->excess + client[1]->excess + client[2]->excess;
	end();
	CHECK_IS(left, 0);
	CHECK(good);
	CHECK(distance(most, 4 * least) <= 8 + 6 * excess);
}

/* A single ticket among two hundred has had its slice: the next would come after them all. */
static void more_tickets_help_at_once(void)
{
	static const uint32_t share[] = { 100, 100, 1 };

	CHECK(begin(&schedule_stride, yielding, share));
	long left = turns(10);
	uint64_t before = client[2]->slices;
	CHECK_IS(schedule_share(&schedule, client[2], 100), 0);
	left += turns(30);
	uint64_t got = client[2]->slices - before;
	uint64_t excess = client[0]->excess + client[1]->excess + client[2]->excess;
	end();
	CHECK_IS(left, 0);
	CHECK_IS(before, 1);
	CHECK(distance(got, 10) <= 2 + excess);
}

static void when_all_sleep_nobody_takes_a_turn(void)
{
	static child_fn *const fn[] = { sleeps_first, sleeps_first, sleeps_first };

	CHECK(begin(&schedule_stride, fn, three_two_one));
	for (int i = 0; i < 20 && schedule_turn(&schedule); i++)
		;
	bool none = !schedule_turn(&schedule);
	shared[SLEEPER_WAKES] = 1;
	long left = turns(60);
	end();
	CHECK(none);
	CHECK_IS(left, 0);
	for (uint32_t i = 0; i < CHILDREN; i++)
		CHECK(shared[i] > 0);
}

static void a_lottery_is_fair_in_the_long_run(void)
{
	CHECK(begin(&schedule_lottery, yielding, three_two_one));
	long left = turns(6000);
	uint64_t excess = client[0]->excess + client[1]->excess + client[2]->excess;
	uint64_t got[] = { used(0), used(1), used(2) };
	end();
	CHECK_IS(left, 0);
	for (uint32_t i = 0; i < CHILDREN; i++) /* the same draws each time */
		CHECK(distance(got[i], 1000 * three_two_one[i]) <= 120 + excess);
}

/* 1/2 + 1/3 + 1/6 of the slices: all, so that each must be given to the right one. */
static void deadlines_are_met_as_long_as_they_can_be(void)
{
	static const uint32_t period[] = { 2, 3, 6 }, too_short[] = { 2, 2, 2 };

	CHECK(begin(&schedule_deadline, yielding, period));
	long left = turns(600);
	uint64_t missed = client[0]->missed + client[1]->missed + client[2]->missed;
	uint64_t excess = client[0]->excess + client[1]->excess + client[2]->excess;
	uint64_t got[] = { used(0), used(1), used(2) };
	end();
	CHECK_IS(left, 0);
	CHECK(missed == 0 || excess);
	for (uint32_t i = 0; i < CHILDREN; i++)
		CHECK(distance(got[i], 600 / period[i]) <= 1 + 2 * excess);
	CHECK(begin(&schedule_deadline, yielding, too_short));
	left = turns(60);
	missed = client[0]->missed + client[1]->missed + client[2]->missed;
	end();
	CHECK_IS(left, 0);
	CHECK(missed > 20);
}

static void what_a_schedule_cannot_take_it_refuses(void)
{
	schedule_init(&schedule, &schedule_stride);
	CHECK(!schedule_turn(&schedule));
	CHECK(!schedule_add(&schedule, 0, 1));
	CHECK(!schedule_add(&schedule, 1, 0));
	CHECK(!schedule_add(&schedule, 1, SCHEDULE_SHARE_MAX + 1));
	for (int i = 0; i < SCHEDULE_CLIENTS; i++)
		CHECK(schedule_add(&schedule, 0x7ffff001, 1));
	CHECK(!schedule_add(&schedule, 0x7ffff001, 1));
	schedule_remove(&schedule.client[5]);
	CHECK(schedule_add(&schedule, 0x7ffff001, 1) == &schedule.client[5]);
	CHECK(!schedule_turn(&schedule)); /* nobody has this name */
	CHECK(!schedule.client[0].env);
}

const struct ktest schedule_tests[] = {
	{ "stride_gives_slices_by_tickets", stride_gives_slices_by_tickets },
	{ "who_never_yields_gets_no_more", who_never_yields_gets_no_more },
	{ "who_outstays_pays_with_turns", who_outstays_pays_with_turns },
	{ "who_never_lets_go_is_ended_and_the_others_go_on",
	  who_never_lets_go_is_ended_and_the_others_go_on },
	{ "a_sleeper_gives_its_share_away_and_gets_it_back",
	  a_sleeper_gives_its_share_away_and_gets_it_back },
	{ "who_ends_leaves_its_share_to_the_others", who_ends_leaves_its_share_to_the_others },
	{ "tickets_change", tickets_change },
	{ "more_tickets_help_at_once", more_tickets_help_at_once },
	{ "when_all_sleep_nobody_takes_a_turn", when_all_sleep_nobody_takes_a_turn },
	{ "a_lottery_is_fair_in_the_long_run", a_lottery_is_fair_in_the_long_run },
	{ "deadlines_are_met_as_long_as_they_can_be", deadlines_are_met_as_long_as_they_can_be },
	{ "what_a_schedule_cannot_take_it_refuses", what_a_schedule_cannot_take_it_refuses },
	{ NULL, NULL },
};
