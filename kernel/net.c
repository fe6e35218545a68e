/* kernel/net.c - bursts of frames: classify, copy to the owners' rings, account.
 *
 * Every frame ends in exactly one counter: delivered, or one drop reason.
 * SPDX-License-Identifier: ISC */
#include "dpf/dpf.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/filter.h"
#include "kernel/fragment.h"
#include "kernel/handler.h"
#include "kernel/info.h"
#include "kernel/net.h"
#include "kernel/nic.h"
#include "kernel/ring.h"
#include "kernel/sched.h"
#include "kernel/tee.h"

enum { DEBT_MAX = 16 };

static struct {
	bool polling;                    /* the interface's interrupt is off */
	uint64_t frame;                  /* counts frames, to tell them apart */
	uint64_t last[RING_MAX];         /* the last frame that each ring got */
	uint64_t charged;                /* time stamp up to which the work has been charged */
	/* subscribers to the frame at hand, and to the first fragment before it */
	uint32_t shared[EXO_FILTER_MAX + FRAGMENT_COPIES];
} state = { .polling = true };

/* The work since the last settlement was for this filter's owner; 0: for nobody. */
static void settle(uint32_t id)
{
	uint64_t now = rdtsc();

	sched_charge_to(id ? env_by_id(filter_info[id].owner) : NULL, now - state.charged);
	state.charged = now;
}

/* Does the filter's handler get the frame? Not while its owner owes DEBT_MAX slices: then the frame
 * waits in the ring for one. */
static bool handled(const struct exo_filter_info *fi)
{
	return fi->handler == HANDLER_BOUND && sched_debt(env_by_id(fi->owner)) < DEBT_MAX * info.slice_cycles;
}

/* One owner's copy. `whole`: the frame shows the headers that its handler expects. Returns
 * DROP_NONE or the reason for its loss. */
static int deliver_copy(const struct nic_frame *f, uint32_t id, bool whole)
{
	struct exo_filter_info *fi = &filter_info[id];
	int reason = whole && handled(fi)
	                     ? handler_deliver(id, f->data, f->length)
	                     : ring_deliver(fi->ring, f->data, f->length, id);

	fi->frames++;
	fi->bytes += f->length;
	if (reason != DROP_NONE)
		fi->dropped++;
	else
		info.nic.copies++;
	settle(id);
	return reason;
}

/* Has this ring had the frame? It has now: several filters of one ring get one copy. */
static bool has_had(uint32_t ring)
{
	bool had = state.last[ring] == state.frame;

	state.last[ring] = state.frame;
	return had;
}

/* Everybody who subscribes to what the frame shows, into state.shared. */
static uint32_t subscribers(const struct nic_frame *f)
{
	return dpf_match_shared(filter_rx(), f->data, f->length, f->length, state.shared,
	                        EXO_FILTER_MAX);
}

/* Give a frame to the winner, if any, and to n subscribers. `lost`: what becomes of it when
 * there is nobody. */
static void deliver(const struct nic_frame *f, uint32_t winner, uint32_t n, int lost, bool whole)
{
	int reason = winner ? deliver_copy(f, winner, whole) : lost;
	bool delivered = reason == DROP_NONE, nobody = !winner;

	state.frame++;
	if (winner)
		has_had(filter_info[winner].ring);
	for (uint32_t i = 0; i < n; i++) {
		if (!tee_may(state.shared[i], winner) ||
		    has_had(filter_info[state.shared[i]].ring))
			continue;
		int missed = deliver_copy(f, state.shared[i], whole);

		delivered |= missed == DROP_NONE;
		reason = nobody ? missed : reason;
		nobody = false;
	}
	if (nobody)
		settle(0);
	if (delivered)
		info.nic.delivered++;
	else
		info.nic.drop[reason]++;
}

/* A later fragment goes where the first one went, and to those who subscribe to it as it is. */
static void deliver_later(const struct nic_frame *f, const struct fragment_route *to, int lost)
{
	uint32_t n = subscribers(f);

	for (uint32_t i = 0; i < to->n; i++)
		state.shared[n++] = to->copy[i];
	deliver(f, to->winner, n, lost, false);
}

/* Give up fragments whose first one did not come. */
static void give_up(bool make_room)
{
	static const struct fragment_route nobody = { 0 };
	struct nic_frame held;

	while (fragment_overdue(make_room, &held))
		deliver_later(&held, &nobody, DROP_FRAGMENT);
}

static void deliver_fragment(const struct nic_frame *f, const struct fragment *fragment,
                             uint32_t winner)
{
	struct fragment_route to = { .winner = winner };
	struct nic_frame held;

	if (fragment->first) {
		uint32_t n = subscribers(f);

		for (to.n = 0; to.n < n && to.n < FRAGMENT_COPIES; to.n++)
			to.copy[to.n] = state.shared[to.n];
		fragment_went(fragment, &to);
		deliver(f, winner, n, DROP_UNCLAIMED, true);
		while (fragment_held(fragment, &held))
			deliver_later(&held, &to, DROP_UNCLAIMED);
	} else if (fragment_route(fragment, &to)) {
		deliver_later(f, &to, DROP_UNCLAIMED);
	} else {
		give_up(true);
		fragment_hold(fragment, f);
	}
}

static void deliver_frame(const struct nic_frame *f, uint32_t winner)
{
	struct fragment fragment;

	if (fragment_read(f->data, f->length, &fragment))
		deliver_fragment(f, &fragment, winner);
	else
		deliver(f, winner, subscribers(f), DROP_UNCLAIMED, true);
}

/* One burst. Returns the number of frames taken. */
static uint32_t burst(void)
{
	struct nic_frame frames[NIC_BURST];
	const uint8_t *data[NIC_BURST];
	uint32_t lengths[NIC_BURST], ids[NIC_BURST];
	uint32_t n = nic_receive(nic_of(NIC_SHARED), frames, NIC_BURST);

	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		data[i] = frames[i].data;
		lengths[i] = frames[i].length;
	}
	dpf_classify_burst(filter_rx(), data, lengths, n, ids);
	for (uint32_t i = 0; i < n; i++)
		deliver_frame(&frames[i], ids[i]);
	give_up(false);
	nic_release(nic_of(NIC_SHARED), frames, n);
	nic_flush(nic_of(NIC_SHARED)); /* what handlers replied */
	settle(ids[n - 1]);
	return n;
}

/* Returns true if anything happened. */
static bool poll(void)
{
	uint32_t taken = 0, sent, n;

	if (!info.nic.present)
		return false;
	info.nic.polls++;
	state.charged = sched_charge();
	do {
		n = burst();
		taken += n;
	} while (n && taken < NET_QUOTA);
	sent = nic_reap(nic_of(NIC_SHARED));
	state.polling = n > 0 || !nic_listen(nic_of(NIC_SHARED), true);
	if (state.polling)
		nic_listen(nic_of(NIC_SHARED), false);
	if (ring_wants_room(NIC_SHARED) && nic_header(nic_of(NIC_SHARED)))
		ring_room(NIC_SHARED);
	return taken + sent > 0;
}

void net_poll(void) { poll(); }

void net_turn(void)
{
	if (state.polling)
		poll();
}

void net_interrupt(void)
{
	info.nic.interrupts++;
	nic_listen(nic_of(NIC_SHARED), false);
	poll();
}

bool net_idle(void)
{
	if (!info.nic.present)
		return true;
	return !poll() && !state.polling && nic_listen_sent(nic_of(NIC_SHARED), ring_wants_room(NIC_SHARED));
}
