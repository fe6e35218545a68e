/* ash/frame.c - a frame on its way into a handler and out again. What a handler leaves in
 * its context is read once, and checked.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "ash/ash.h"

enum { ETHERNET_HEADER = 14 };

static void no_effects(struct ash_run *run)
{
	if (run->effects.counted)
		run->effects = (struct ash_effects){ 0 };
	run->effects.any = 0;
}

void ash_frame_begin(struct ash_run *run, const struct ash_frame *f)
{
	struct ash_ctx *c = (struct ash_ctx *)(void *)(run->window + ASH_CTX);

	/* Every field, one after the other: nothing of what the last run left. */
	c->data = f->at;
	c->data_end = f->at + f->length;
	c->data_meta = f->at;
	c->ingress_ifindex = f->interface;
	c->rx_queue_index = f->queue;
	c->egress_ifindex = 0;
	c->length = f->length;
	c->filter = f->filter;
	c->time = f->time;
	c->ring_free = f->ring_free;
	c->ring_used = f->ring_used;
	c->limit = f->at + f->room;
	c->shared = run->shared;
	run->r1 = ASH_CTX;
	run->r2 = 0;
	run->time = f->time;
	no_effects(run);
}

/* The verdict, and for a reply its bytes. */
static enum ash_verdict judge(const struct ash_run *run, const struct ash_frame *f,
                              uint32_t *first, uint32_t *length)
{
	const volatile struct ash_ctx *c = (const volatile void *)(run->window + ASH_CTX);
	uint32_t verdict = (uint32_t)run->r0;
	uint32_t begin = c->data, end = c->data_end;

	if (run->stop != ASH_STOP_OK || verdict > ASH_REPLY)
		return ASH_ABORTED;
	if (verdict != ASH_REPLY)
		return (enum ash_verdict)verdict;
	if (begin < f->at || end > f->at + f->room || end < begin ||
	    end - begin < ETHERNET_HEADER)
		return ASH_ABORTED;
	*first = begin;
	*length = end - begin;
	return ASH_REPLY;
}

enum ash_verdict ash_frame_end(struct ash_run *run, const struct ash_frame *f, uint32_t *first,
                               uint32_t *length)
{
	*first = f->at;
	*length = f->length;
	enum ash_verdict verdict = judge(run, f, first, length);
	if (verdict == ASH_ABORTED)
		no_effects(run);
	return verdict;
}
