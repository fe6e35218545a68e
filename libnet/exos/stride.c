/* libnet/exos/stride.c - slices in proportion to tickets, deterministically (Waldspurger & Weihl,
 * MIT/LCS/TM-528). Each client's `at` is its pass: who has the lowest gets the slice and goes on by its
 * stride, the inverse of its tickets. The clock is the pass of who had the last one.
 * SPDX-License-Identifier: ISC */
#include "libnet/exos/schedule.h"

enum { ONE = 1 << 26 }; /* the stride of a single ticket */

static struct schedule_client *pick(struct schedule *s)
{
	struct schedule_client *first = NULL;

	for (struct schedule_client *c = NULL; (c = schedule_next(s, c)) != NULL;)
		if (!first || c->at < first->at)
			first = c;
	return first;
}

static void charge(struct schedule *s, struct schedule_client *c, uint64_t n)
{
	s->now = c->at;
	c->at += n * (ONE / c->share);
}

/* What it has used in advance it still owes. */
static void join(struct schedule *s, struct schedule_client *c)
{
	if (c->at < s->now)
		c->at = s->now;
}

/* What is left of its stride counts in new ones. */
static void change(struct schedule *s, struct schedule_client *c, uint32_t before)
{
	join(s, c);
	c->at = s->now + (c->at - s->now) * before / c->share;
}

const struct schedule_policy schedule_stride = { pick, charge, join, change };
