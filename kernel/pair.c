/* kernel/pair.c - queue pairs that environments own: every frame goes to the one ring that is bound,
 * without a filter. While none is, the device keeps its frames, and loses what comes when it is
 * full: a wire that nobody listens to costs nothing. SPDX-License-Identifier: ISC */
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/generation.h"
#include "kernel/info.h"
#include "kernel/net.h"
#include "kernel/nic.h"
#include "kernel/pair.h"
#include "kernel/panic.h"
#include "kernel/ring.h"
#include "kernel/sched.h"

static bool polled(uint32_t pair) { return net_polled & 1u << pair; }

void pair_init(void)
{
	for (uint32_t i = PAIR_FIRST; i < EXO_PAIR_MAX; i++)
		info.pair[i].generation = generation_first;
}

bool pair_there(uint32_t pair)
{
	return pair >= PAIR_FIRST && pair < EXO_PAIR_MAX && info.pair[pair].present;
}

bool pair_is_free(uint32_t pair)
{
	return !info.pair[pair].owner && info.pair[pair].generation <= GENERATION_MAX;
}

static void unbind(uint32_t pair)
{
	info.pair[pair].bound = 0;
	net_set_polled(pair, false);
	nic_listen(nic_of(pair), false);
}

void pair_own(uint32_t pair, struct env *env)
{
	assert(info.pair[pair].owner == 0);
	info.pair[pair].owner = env->id;
	env->pairs++;
}

static void disown(uint32_t pair)
{
	struct env *env = env_by_id(info.pair[pair].owner);

	assert(env); /* what ends gives all back */
	env->pairs--;
	info.pair[pair].owner = 0;
	unbind(pair);
}

void pair_give(uint32_t pair, struct env *to)
{
	disown(pair);
	pair_own(pair, to);
}

void pair_free(uint32_t pair)
{
	disown(pair);
	info.pair[pair].generation++;
}

void pair_renew(uint32_t pair)
{
	unbind(pair);
	info.pair[pair].generation++;
}

uint32_t pair_first(const struct env *env)
{
	uint32_t i = PAIR_FIRST;

	while (i < EXO_PAIR_MAX && info.pair[i].owner != env->id)
		i++;
	assert(i < EXO_PAIR_MAX);
	return i;
}

void pair_release(struct env *env)
{
	while (env->pairs)
		pair_free(pair_first(env));
}

/* One frame, to the ring that is bound. */
static void deliver(uint32_t pair, const uint8_t *frame, uint32_t length)
{
	struct exo_nic *seen = &info.pair[pair];
	int reason = seen->bound ? ring_deliver(seen->ring, frame, length, EXO_RX_PAIR + pair)
	                         : DROP_UNCLAIMED;

	if (reason != DROP_NONE) {
		seen->drop[reason]++;
		return;
	}
	seen->delivered++;
	seen->copies++;
}

/* Returns the number of frames taken. */
static uint32_t burst(uint32_t pair)
{
	struct nic_burst in;

	nic_receive(nic_of(pair), &in);
	for (uint32_t i = 0; i < in.n; i++)
		deliver(pair, in.data[i], in.length[i]);
	nic_release(nic_of(pair), &in);
	return in.n;
}

void pair_bind(uint32_t pair, uint32_t ring)
{
	/* What the device has kept is the last owner's, or nobody's. */
	for (uint32_t n = 1, old = 0; !info.pair[pair].bound && n && old < NIC_BUFFERS; old += n)
		n = burst(pair);
	info.pair[pair].ring = ring;
	info.pair[pair].bound = 1;
	net_set_polled(pair, true); /* the next look at it decides */
}

void pair_release_ring(uint32_t ring)
{
	for (uint32_t i = PAIR_FIRST; pair_there(i); i++)
		if (info.pair[i].bound && info.pair[i].ring == ring)
			unbind(i);
}

/* Take what has come, within the quota. */
static uint32_t receive(uint32_t pair)
{
	struct nic *nic = nic_of(pair);
	uint32_t taken = 0, n;

	do {
		n = burst(pair);
		taken += n;
	} while (n && taken < NET_QUOTA);
	bool more = n > 0 || !nic_listen(nic, true);
	if (more)
		nic_listen(nic, false);
	net_set_polled(pair, more);
	return taken;
}

/* Returns true if anything happened that somebody may wait for; the owner pays for that. */
static bool poll(uint32_t pair)
{
	struct exo_nic *seen = &info.pair[pair];
	uint64_t start = sched_charge();
	uint32_t taken = seen->bound ? receive(pair) : 0;
	bool sent = nic_reap(nic_of(pair));
	bool room = ring_wants_room(pair) && nic_header(nic_of(pair));

	seen->polls++;
	if (room)
		ring_room(pair);
	if (taken || sent || room)
		sched_charge_to(seen->owner ? env_by_id(seen->owner) : NULL, rdtsc() - start);
	return taken || sent || room;
}

void pair_poll(void)
{
	for (uint32_t i = PAIR_FIRST; pair_there(i); i++)
		poll(i);
}

void pair_turn(void)
{
	for (uint32_t i = PAIR_FIRST; pair_there(i); i++)
		if (polled(i))
			poll(i);
}

/* They share a vector: it was one that has something. */
void pair_interrupt(void)
{
	for (uint32_t i = PAIR_FIRST; pair_there(i); i++)
		info.pair[i].interrupts += poll(i);
}

bool pair_idle(void)
{
	bool quiet = true;

	for (uint32_t i = PAIR_FIRST; pair_there(i); i++)
		quiet &= !poll(i) && !polled(i) &&
		         nic_listen_sent(nic_of(i), ring_wants_room(i));
	return quiet;
}
