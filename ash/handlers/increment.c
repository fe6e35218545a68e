/* increment.c - the remote increment of the ASH paper: a message adds to one of the owner's
 * counters and is answered with its new value, while the owner sleeps.
 *
 *   request   UDP to port 2000: index (32 bits), amount (32 bits)
 *   reply     index, amount, value after the addition (64 bits); network order
 * A wrong index or length is the owner's business. The counters are in the pages that the owner
 * shares with its handlers, if it does: then they outlive this one, and the owner reads them
 * there; else they are the handler's data. SPDX-License-Identifier: ISC
 */
#include "handler.h"

enum { PORT = 2000, COUNTERS = 256 };

struct message {
	be32 index, amount;
	uint64_t value;
};

uint64_t own[COUNTERS];

static uint64_t *counters(const struct ash_ctx *c)
{
	return c->shared >= sizeof own ? (uint64_t *)(uintptr_t)ASH_PAGES : own;
}

ASH_HANDLER(increment)
{
	struct udp_frame f;

	if (!udp_open(ctx, PORT, &f) || f.length < 8 ||
	    f.payload + sizeof(struct message) > frame_limit(ctx))
		return ASH_PASS;
	struct message *m = (struct message *)f.payload;
	uint32_t index = swap32(m->index), amount = swap32(m->amount);
	if (index >= COUNTERS)
		return ASH_PASS;
	/* The owner may add at the same time. */
	uint64_t before = __atomic_fetch_add(&counters(ctx)[index], amount, __ATOMIC_RELAXED);
	m->value = swap64(before + amount);
	return udp_reply(ctx, &f, sizeof *m);
}
