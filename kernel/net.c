/* kernel/net.c - bursts of frames: classify, copy to the owners' rings, account.
 *
 * Every frame ends in exactly one counter: delivered, or one drop reason.
 * SPDX-License-Identifier: ISC */
#include "dpf/dpf.h"
#include "kernel/filter.h"
#include "kernel/handler.h"
#include "kernel/info.h"
#include "kernel/net.h"
#include "kernel/nic.h"
#include "kernel/ring.h"

static struct {
	bool polling;                    /* the interface's interrupt is off */
	uint64_t frame;                  /* counts frames, to tell them apart */
	uint64_t last[RING_MAX];         /* the last frame that each ring got */
	uint32_t shared[EXO_FILTER_MAX]; /* subscribers to the frame at hand */
} state = { .polling = true };

/* One owner's copy. Returns DROP_NONE or the reason for its loss. */
static int deliver_copy(const struct nic_frame *f, uint32_t id)
{
	struct exo_filter_info *fi = &filter_info[id];
	int reason = fi->handler == HANDLER_BOUND ? handler_deliver(id, f->data, f->length)
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

/* Give a frame to the winner and to every subscriber. */
static void deliver(const struct nic_frame *f, uint32_t winner)
{
	uint32_t n = dpf_match_shared(filter_rx(), f->data, f->length, f->length, state.shared,
	                              EXO_FILTER_MAX);
	int reason = winner ? deliver_copy(f, winner) : DROP_UNCLAIMED;
	bool delivered = reason == DROP_NONE;

	state.frame++;
	if (winner)
		has_had(filter_info[winner].ring);
	for (uint32_t i = 0; i < n; i++) {
		if (has_had(filter_info[state.shared[i]].ring))
			continue;
		int lost = deliver_copy(f, state.shared[i]);

		delivered |= lost == DROP_NONE;
		reason = reason == DROP_UNCLAIMED ? lost : reason;
	}
	if (delivered)
		info.nic.delivered++;
	else
		info.nic.drop[reason]++;
}

/* One burst. Returns the number of frames taken. */
static uint32_t burst(void)
{
	struct nic_frame frames[NIC_BURST];
	const uint8_t *data[NIC_BURST];
	uint32_t lengths[NIC_BURST], ids[NIC_BURST];
	uint32_t n = nic_receive(frames, NIC_BURST);

	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		data[i] = frames[i].data;
		lengths[i] = frames[i].length;
	}
	dpf_classify_burst(filter_rx(), data, lengths, n, ids);
	for (uint32_t i = 0; i < n; i++)
		deliver(&frames[i], ids[i]);
	nic_release(frames, n);
	nic_flush(); /* what handlers replied */
	return n;
}

/* Returns true if anything happened. */
static bool poll(void)
{
	uint32_t taken = 0, n;

	if (!info.nic.present)
		return false;
	info.nic.polls++;
	do {
		n = burst();
		taken += n;
	} while (n && taken < NET_QUOTA);
	state.polling = n > 0 || !nic_listen(true);
	if (state.polling)
		nic_listen(false);
	return taken + nic_reap() > 0;
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
	nic_listen(false);
	poll();
}

bool net_idle(void)
{
	if (!info.nic.present)
		return true;
	return !poll() && !state.polling && nic_listen_sent();
}
