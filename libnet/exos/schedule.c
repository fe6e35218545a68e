/* libnet/exos/schedule.c - see schedule.h. SPDX-License-Identifier: ISC */
#include "libnet/exos/schedule.h"
#include <stdbool.h>
#include <string.h>
#include "exo/err.h"
#include "libnet/exos/context.h"
#include "libnet/exos/exposed.h"

void schedule_init(struct schedule *s, const struct schedule_policy *policy)
{
	memset(s, 0, sizeof *s);
	s->policy = policy;
	s->random = 1;
}

static bool share_ok(uint32_t share) { return share > 0 && share <= SCHEDULE_SHARE_MAX; }

struct schedule_client *schedule_add(struct schedule *s, uint32_t env, uint32_t share)
{
	struct schedule_client *c = s->client, *end = s->client + SCHEDULE_CLIENTS;

	while (c < end && c->env)
		c++;
	if (c == end || !env || !share_ok(share))
		return NULL;
	*c = (struct schedule_client){ .env = env, .share = share };
	s->policy->join(s, c);
	return c;
}

void schedule_remove(struct schedule_client *c) { c->env = 0; }

long schedule_share(struct schedule *s, struct schedule_client *c, uint32_t share)
{
	uint32_t before = c->share;

	if (!share_ok(share))
		return -E_INVAL;
	c->share = share;
	s->policy->change(s, c, before);
	return 0;
}

/* Have those asked again who may have woken up. */
static void wake(struct schedule *s)
{
	bool all = !schedule_next(s, NULL);

	for (struct schedule_client *c = s->client; c < s->client + SCHEDULE_CLIENTS; c++) {
		if (!c->env || !c->ask)
			continue;
		if (!all && s->turns < c->ask && exo_env(c->env)->state != ENV_READY)
			continue;
		c->ask = 0;
		s->policy->join(s, c);
	}
}

/* Slices' worth that c makes of what is left of ours; 0: none, for it sleeps, has ended, or the
 * slice was over. */
static uint64_t offer(struct schedule_client *c)
{
	const volatile struct exo_env *e = exo_env(c->env);
	uint64_t cycles = e->cycles;
	uint16_t excess = e->excess;

	if (!exo_env_alive(c->env) || context_yield(c->env) < 0) {
		schedule_remove(c);
		return 0;
	}
	if (e->cycles == cycles)
		return 0;
	c->slices++;
	excess = e->excess > excess ? (uint16_t)(e->excess - excess) : 0;
	c->excess += excess;
	return 1u + excess;
}

struct schedule_client *schedule_turn(struct schedule *s)
{
	struct schedule_client *c;

	wake(s);
	while ((c = s->policy->pick(s)) != NULL) {
		uint64_t used = offer(c);

		if (used) {
			s->turns++;
			s->policy->charge(s, c, used);
			return c;
		}
		if (c->env && exo_env(c->env)->state != ENV_READY)
			c->ask = s->turns + SCHEDULE_ASK;
	}
	return NULL;
}
