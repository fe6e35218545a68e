/* libnet/exos/deadline.c - earliest deadline first (Liu & Layland, JACM 20(1), 1973): every client has a
 * period, `share` slices long, and one slice due in each. `at` is the end of its period, the deadline; the
 * clock counts slices. SPDX-License-Identifier: ISC */
#include <stdbool.h>
#include "libnet/exos/schedule.h"

/* Has its period begun? */
static bool released(const struct schedule *s, const struct schedule_client *c)
{
	return c->at - c->share <= s->now;
}

/* Is a to be served before b? */
static bool before(const struct schedule *s, const struct schedule_client *a,
                   const struct schedule_client *b)
{
	bool a_waits = released(s, a), b_waits = released(s, b);

	return a_waits != b_waits ? a_waits : a->at < b->at;
}

static struct schedule_client *pick(struct schedule *s)
{
	struct schedule_client *first = NULL;

	for (struct schedule_client *c = NULL; (c = schedule_next(s, c)) != NULL;)
		if (!first || before(s, c, first))
			first = c;
	return first;
}

static void charge(struct schedule *s, struct schedule_client *c, uint64_t n)
{
	s->now += n;
	c->missed += s->now > c->at;
	c->at += n * c->share;
}

/* Its period begins. */
static void join(struct schedule *s, struct schedule_client *c)
{
	if (c->at < s->now + c->share)
		c->at = s->now + c->share;
}

static void change(struct schedule *s, struct schedule_client *c, uint32_t was)
{
	(void)s;
	c->at = c->at - was + c->share;
}

const struct schedule_policy schedule_deadline = { pick, charge, join, change };
