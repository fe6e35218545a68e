/* libnet/exos/schedule.h - a program's own scheduler: which of its children gets its slices.
 *
 * The kernel knows one policy, its vector run in order. A program that wants another one owns slices and its
 * children own none: schedule_turn, called again and again, gives the rest of each slice to one of them by a
 * directed yield (sys_yield), and has the CPU back when that slice is over. Which one is a policy's
 * choice; three are here, and a fourth is four functions of somebody's own.
 *
 * What a child did with its slice the scheduler reads in the exposed record of the environment,
 * without a call: whether it ran (cycles), sleeps (state), or held the CPU beyond the slice's end
 * (excess). Who holds it is charged those ticks as if they were slices given, so that it pays with turns of its
 * own; at EXCESS_MAX of them, which a child without slices never pays back, the kernel ends it.
 *
 * A child that sleeps in sys_wait is woken by the kernel in nobody's slices but its own or those offered to it.
 * An offer that it declines costs what is left of our slice: sleepers are asked every SCHEDULE_ASK turns, or
 * when nobody else is awake.
 *
 * Model: SOSP '95, section 7.3 (stride, in an application); Waldspurger & Weihl, OSDI '94 (lottery),
 *        MIT/LCS/TM-528 (stride); Liu & Layland, JACM 20(1) (earliest deadline first).
 * Layer: libnet/exos. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
	SCHEDULE_CLIENTS = 32,
	SCHEDULE_ASK = 16,            /* turns until a sleeper is offered a slice again */
	SCHEDULE_SHARE_MAX = 1 << 16,
};

struct schedule_client {
	uint32_t env;    /* environment id; 0: free entry */
	uint32_t share;  /* 1..SCHEDULE_SHARE_MAX, in the policy's unit */
	uint64_t at;     /* the policy's: when its next slice is due, on the policy's clock */
	uint64_t slices; /* that it was given, and took */
	uint64_t excess; /* ticks that it held the CPU beyond them */
	uint64_t missed; /* schedule_deadline: slices that came too late */
	uint64_t ask;    /* 0: awake; else the turn from which on it is asked whether it still sleeps */
};

struct schedule {
	const struct schedule_policy *policy;
	uint64_t turns;  /* slices that were given and taken */
	uint64_t now;    /* the policy's clock */
	uint64_t random; /* schedule_lottery: its generator, never 0 */
	struct schedule_client client[SCHEDULE_CLIENTS];
};

/* All are called with clients that are in the schedule. */
struct schedule_policy {
	/* Who of the awake is offered the next slice; NULL: nobody is awake. Asked again, without a
	 * charge in between, when it was not taken. */
	struct schedule_client *(*pick)(struct schedule *);
	/* c was given a slice, and used n > 0 slices' worth of time. */
	void (*charge)(struct schedule *, struct schedule_client *c, uint64_t n);
	/* c takes part from now on: it is new (at is 0), or has slept. It is owed nothing. */
	void (*join)(struct schedule *, struct schedule_client *c);
	/* c->share was `before` until now. */
	void (*change)(struct schedule *, struct schedule_client *c, uint32_t before);
};

/* share: tickets; slices come in proportion to them, each within one slice of its ideal time. */
extern const struct schedule_policy schedule_stride;
/* share: tickets; each slice is drawn among them. */
extern const struct schedule_policy schedule_lottery;
/* share: a period in slices given; one slice is due in each. While the sum of 1 / share is not above 1,
 * none is missed. What nobody is due goes to who is due next. */
extern const struct schedule_policy schedule_deadline;

/* An empty schedule. `random` may be set to another number than 1 afterwards. */
void schedule_init(struct schedule *, const struct schedule_policy *);

/* Take a child in. It should own no slices: those it has besides. Returns its client, which stays where it is until
 * it is removed or has ended, or NULL: env is 0, share is out of range, or there are
 * SCHEDULE_CLIENTS already. */
struct schedule_client *schedule_add(struct schedule *, uint32_t env, uint32_t share);

void schedule_remove(struct schedule_client *);

/* Returns 0, or -E_INVAL: share is out of range. */
long schedule_share(struct schedule *, struct schedule_client *, uint32_t share);

/* Give one slice: what is left of this one. Returns who took it, back in a later slice of ours, or NULL, if
 * all sleep or have ended: the caller may sleep, too, and ask again. Clients that have ended
 * leave the schedule. Not within a critical section. */
struct schedule_client *schedule_turn(struct schedule *);

/* For policies: the next awake client after c, of all if c is NULL; NULL: there is none. */
static inline struct schedule_client *schedule_next(struct schedule *s, struct schedule_client *c)
{
	for (c = c ? c + 1 : s->client; c < s->client + SCHEDULE_CLIENTS; c++)
		if (c->env && !c->ask)
			return c;
	return NULL;
}
