/* kernel/net.c - bursts of frames: classify, copy to the owners' rings, account.
 *
 * Every frame ends in exactly one counter: delivered, or one drop reason.
 * SPDX-License-Identifier: ISC */
#include "dpf/dpf.h"
#include "exo/wait.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/filter.h"
#include "kernel/fragment.h"
#include "kernel/handler.h"
#include "kernel/info.h"
#include "kernel/net.h"
#include "kernel/nic.h"
#include "kernel/pair.h"
#include "kernel/ring.h"
#include "kernel/sched.h"
#include "kernel/tee.h"

enum { DEBT_MAX = 16 };

/* Apart, so that the way of most frames stays short. */
#define RARE static __attribute__((noinline, cold))

static struct {
	uint64_t frame;          /* counts frames that have subscribers, to tell them apart */
	uint64_t last[RING_MAX]; /* the last of them that each ring got */
	uint32_t worked_for;     /* a filter; 0: nobody */
	uint64_t since;          /* time stamp up to which the work has been charged */
	bool in_credit;          /* so few slices does the filter's owner owe that its handler runs */
	/* subscribers to the frame at hand, and to the first fragment before it */
	uint32_t shared[EXO_FILTER_MAX + FRAGMENT_COPIES];
} state;

uint32_t net_polled = 1u << NIC_SHARED;
uint64_t net_due;

/* Charge the work since the last settlement to the owner of the filter it was for. */
static void settle(void)
{
	struct exo_filter_info *fi = &filter_info[state.worked_for];
	uint64_t now = rdtsc(), cycles = now - state.since;

	fi->cycles += cycles;
	sched_charge_to(state.worked_for ? env_by_id(fi->owner) : NULL, cycles);
	state.since = now;
}

/* The work that has not been settled is for this filter, and what follows. */
static void begin_work(uint32_t id)
{
	struct env *owner = id ? env_by_id(filter_info[id].owner) : NULL;

	state.worked_for = id;
	state.in_credit = owner && sched_debt(owner) < DEBT_MAX * info.slice_cycles;
}

/* From here on the work is for this filter. */
static inline void work_for(uint32_t id)
{
	if (id == state.worked_for)
		return;
	settle();
	begin_work(id);
}

/* One owner's copy. `whole`: the frame shows the headers that its handler expects. Its handler
 * does not get it while the owner owes DEBT_MAX slices: then the frame waits in the ring for one.
 * Returns DROP_NONE or the reason for its loss. */
static int deliver_copy(const struct nic_frame *f, uint32_t id, bool whole)
{
	struct exo_filter_info *fi = &filter_info[id];
	int reason = whole && fi->handler == HANDLER_BOUND && state.in_credit
	                     ? handler_deliver(id, f->data, f->length, state.since)
	                     : ring_deliver(fi->ring, f->data, f->length, id);

	fi->frames++;
	fi->bytes += f->length;
	if (reason != DROP_NONE)
		fi->dropped++;
	else
		info.nic.copies++;
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
	return filter_has_shared()
	               ? dpf_match_shared(filter_rx(), f->data, f->length, f->length, state.shared,
	                                  EXO_FILTER_MAX)
	               : 0;
}

/* Copies to those of n subscribers who may see what the winner gets. Returns what becomes of the
 * frame as a whole, when `reason` became of it so far. */
RARE int deliver_shared(const struct nic_frame *f, uint32_t winner, uint32_t n, int reason,
                        bool whole)
{
	state.frame++;
	if (winner)
		has_had(filter_info[winner].ring);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t id = state.shared[i];

		if (!tee_may(id, winner) || has_had(filter_info[id].ring))
			continue;
		work_for(id);
		int missed = deliver_copy(f, id, whole);

		if (missed == DROP_NONE || (!winner && reason != DROP_NONE))
			reason = missed;
	}
	return reason;
}

/* Give a frame to the winner, if any, and to n subscribers. `lost`: what becomes of it when
 * there is nobody. */
static inline void deliver(const struct nic_frame *f, uint32_t winner, uint32_t n, int lost,
                           bool whole)
{
	work_for(winner);
	int reason = winner ? deliver_copy(f, winner, whole) : lost;

	if (n)
		reason = deliver_shared(f, winner, n, reason, whole);
	if (reason == DROP_NONE)
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

/* Those whose time is over; nobody works for that. */
RARE void give_up_in_time(void)
{
	begin_work(0);
	give_up(false);
	settle();
}

RARE void deliver_fragment(const struct nic_frame *f, const struct fragment *fragment,
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
	struct nic_burst in;
	uint32_t ids[NIC_BURST];

	nic_receive(nic_of(NIC_SHARED), &in);
	if (in.n == 0)
		return 0;
	dpf_classify_burst(filter_rx(), in.data, in.length, in.n, ids);
	begin_work(ids[0]);
	for (uint32_t i = 0; i < in.n; i++) {
		const struct nic_frame frame = { in.data[i], in.length[i] };

		deliver_frame(&frame, ids[i]);
	}
	nic_release(nic_of(NIC_SHARED), &in);
	nic_flush(nic_of(NIC_SHARED)); /* what handlers replied */
	settle();
	return in.n;
}

/* Tell those who wait for room in the device that there is some. Did somebody wait? */
static bool make_room(void)
{
	bool room = ring_wants_room(NIC_SHARED) && nic_header(nic_of(NIC_SHARED));

	if (room)
		ring_room(NIC_SHARED);
	return room;
}

/* Returns true if anything happened that somebody may wait for. */
static bool poll(void)
{
	uint32_t taken = 0, n;

	if (!info.nic.present) {
		net_polled = 0;
		return false;
	}
	info.nic.polls++;
	state.since = sched_charge();
	do {
		n = burst();
		taken += n;
	} while (n && taken < NET_QUOTA);
	if (info.nic.held)
		give_up_in_time();
	bool sent = nic_reap(nic_of(NIC_SHARED)), room = make_room();
	bool more = n > 0 || !nic_listen(nic_of(NIC_SHARED), true);
	if (more)
		nic_listen(nic_of(NIC_SHARED), false);
	net_set_polled(NIC_SHARED, more);
	return taken || sent || room;
}

void net_poll(void)
{
	poll();
	pair_poll();
	net_due = rdtsc() + info.slice_cycles;
}

void net_turn(uint64_t now)
{
	if (now >= net_due) {
		net_poll();
	} else if (net_polled) {
		if (net_polled & 1u << NIC_SHARED)
			poll();
		pair_turn();
	}
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
	bool quiet = !poll() && !(net_polled & 1u << NIC_SHARED) &&
	             nic_listen_sent(nic_of(NIC_SHARED), ring_wants_room(NIC_SHARED));
	return pair_idle() && quiet;
}

uint64_t net_deadline(void) { return info.nic.held ? fragment_deadline() : WAIT_FOREVER; }
