/* libnet/exos/lottery.c - each slice is drawn among all tickets (Waldspurger & Weihl, OSDI '94): nothing to
 * remember of anybody, and no clock. SPDX-License-Identifier: ISC */
#include "libnet/exos/schedule.h"

/* xorshift64 (Marsaglia, 2003); not for secrets. */
static uint64_t draw(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

static struct schedule_client *drawn(struct schedule *s, uint64_t tickets)
{
	struct schedule_client *c = schedule_next(s, NULL);
	uint64_t winner;

	s->random = draw(s->random);
	for (winner = s->random % tickets; winner >= c->share; c = schedule_next(s, c))
		winner -= c->share;
	return c;
}

/* Excess time, in `at`, is paid with slices that are won and let pass. */
static struct schedule_client *pick(struct schedule *s)
{
	struct schedule_client *c = NULL;
	uint64_t tickets = 0;

	while ((c = schedule_next(s, c)) != NULL)
		tickets += c->share;
	if (!tickets)
		return NULL;
	for (c = drawn(s, tickets); c->at; c = drawn(s, tickets))
		c->at--;
	return c;
}

static void charge(struct schedule *s, struct schedule_client *c, uint64_t n)
{
	(void)s;
	c->at += n - 1;
}

static void join(struct schedule *s, struct schedule_client *c)
{
	(void)s, (void)c;
}

static void change(struct schedule *s, struct schedule_client *c, uint32_t before)
{
	(void)s, (void)c, (void)before;
}

const struct schedule_policy schedule_lottery = { pick, charge, join, change };
