/* apps/bridge/main.c - a transparent bridge between the wires of queue pairs 1 and 2.
 *
 * A frame goes out on the other wire from the buffer that it came in: nothing is copied here. Each
 * direction has a ring, and what one wire has no room for waits in it, while what comes meanwhile
 * is lost and counted when no buffer is left. Its file, if it is given one, has rules (rules.h): what
 * they deny stays. While another environment owns a pair the bridge waits
 * for it: of two, the second one takes over when the first one ends. SPDX-License-Identifier: ISC */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include "apps/bridge/judge.h"
#include "exo/err.h"
#include "exo/page.h"
#include "exo/stub.h"
#include "libnet/exos/args.h"
#include "libnet/exos/context.h"
#include "libnet/exos/exposed.h"
#include "libnet/ring.h"

enum {
	FIRST_PAIR = 1,
	SIDES = 2,
	RX_BASE = EXO_PAGE_SIZE,
	PAGES = 1 + EXO_RING_N * EXO_BUF_SIZE / EXO_PAGE_SIZE,
	SPAN = 1 << 20,       /* from one region to the next */
	BURST = 32,           /* frames of one side before the other's turn */
	MANY = EXO_RING_N / 2, /* buffers in flight: wait for the device to give back */
};
_Static_assert(PAGES * EXO_PAGE_SIZE <= SPAN, "regions lie apart");

/* What comes on one wire. */
static struct side {
	uint32_t pair, ring_slot;
	struct ring ring;
	uint16_t lent[EXO_RING_N]; /* the buffer that a transmit entry sends from */
	uint32_t room;             /* tx_room before the last send */
} side[SIDES];

static _Noreturn void fail(const char *what, uint32_t pair, long error)
{
	printf("bridge: queue pair %lu: %s: error %ld\n", (unsigned long)pair, what, -error);
	exit(1);
}

/* Sleep while somebody owns the pair. */
static void await_owner(uint32_t pair)
{
	const volatile uint32_t *owner = &exo_info()->pair[pair].owner;
	const struct exo_wait_term free = { .address = (uint64_t)owner, .op = WAIT_EQ };

	context_wait(&free, 1, WAIT_FOREVER);
}

static uint32_t own(uint32_t nic, uint32_t pair)
{
	long slot;

	for (bool said = false; (slot = sys_pair_alloc(nic, pair)) == -E_BUSY; said = true) {
		if (!said)
			printf("bridge: queue pair %lu has an owner: waiting\n", (unsigned long)pair);
		await_owner(pair);
	}
	if (slot < 0)
		fail("it cannot be had", pair, slot);
	return (uint32_t)slot;
}

static void open_side(struct side *s, uint32_t nic, uint32_t pair)
{
	uint64_t region = EXOS_RING + (uint64_t)(pair - FIRST_PAIR) * SPAN;
	long pages, slot, error;

	s->pair = own(nic, pair);
	if ((pages = memory_new(region, PAGES)) < 0)
		fail("no memory for its ring", pair, pages);
	ring_init(&s->ring, (void *)region, PAGES * EXO_PAGE_SIZE, RX_BASE, EXO_RING_N);
	if ((slot = sys_ring_create((uint32_t)pages, PAGES)) < 0)
		fail("no ring", pair, slot);
	s->ring_slot = (uint32_t)slot;
	if ((error = sys_pair_bind(s->pair, s->ring_slot)) < 0)
		fail("its ring cannot be bound", pair, error);
}

/* Buffers whose frames have left can receive again. */
static void reclaim(struct side *s)
{
	for (int entry; (entry = ring_reclaim(&s->ring)) >= 0;)
		ring_give(&s->ring, s->lent[entry]);
}

/* Send what waits in a side's ring on the other wire. */
static void send(struct side *s, const struct side *other)
{
	if (!ring_unsent(&s->ring))
		return;
	s->room = *(volatile uint32_t *)&s->ring.shared->tx_room;
	long left = sys_ring_send(s->ring_slot, other->pair);
	if (left < 0)
		fail("its frames cannot be sent on", FIRST_PAIR + (uint32_t)(s - side), left);
}

/* Give a burst to the other side. Returns the number of frames. */
static uint32_t forward(struct side *s, const struct side *other)
{
	struct exo_rx rx;
	uint8_t *frame;
	uint32_t n = 0;

	reclaim(s);
	for (; n < BURST && (frame = ring_next(&s->ring, &rx)) != NULL; n++) {
		const struct ring_piece piece = { frame, rx.length };
		bool passes = judge_passes(frame, rx.length);
		int entry = passes ? ring_put(&s->ring, &piece, 1) : -E_PERM;

		if (entry < 0)
			ring_give(&s->ring, rx.buffer);
		else
			s->lent[entry] = rx.buffer;
	}
	send(s, other);
	return n;
}

static struct exo_wait_term changed(const uint32_t *word, uint32_t was)
{
	return (struct exo_wait_term){ .address = (uint64_t)word, .value = was, .op = WAIT_NE,
		                       .or_ = 1 };
}

/* Until a frame comes, or there is room for one that waits. */
static void sleep_until_needed(void)
{
	struct exo_wait_term term[3 * SIDES];
	uint32_t n = 0;

	for (struct side *s = side; s < side + SIDES; s++) {
		term[n++] = changed(&s->ring.shared->used_head, s->ring.used_tail);
		if (ring_unsent(&s->ring))
			term[n++] = changed(&s->ring.shared->tx_room, s->room);
		if (s->ring.tx_head - s->ring.tx_tail > MANY)
			term[n++] = changed(&s->ring.shared->tx_done, s->ring.tx_tail);
	}
	context_wait(term, n, WAIT_FOREVER);
}

/* The rules, all of them or none: a bridge with a hole in its rules carries nothing. */
static void read_rules(void)
{
	const struct exos_args *args = exos_args();
	uint32_t pages = (uint32_t)((args->file_size + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE), bad = 0;

	if (pages == 0)
		return;
	long n = sys_page_map(SLOT_SELF, EXOS_WINDOW, args->file_slot, pages, PROT_R);
	if (n >= 0)
		n = judge_open((const char *)EXOS_WINDOW, args->file_size, &bad);
	if (n < 0) {
		printf("bridge: rule %lu is not to be used: error %ld\n", (unsigned long)bad, -n);
		exit(1);
	}
	printf("bridge: %ld rules\n", n);
}

int main(void)
{
	read_rules();
	long nic = sys_cap_bind((uint64_t)&exos_args()->nic);

	if (nic < 0)
		fail("no right to it", FIRST_PAIR, nic);
	for (uint32_t i = 0; i < SIDES; i++)
		open_side(&side[i], (uint32_t)nic, FIRST_PAIR + i);
	printf("bridge: between queue pairs %d and %d\n", FIRST_PAIR, FIRST_PAIR + 1);
	for (;;) {
		uint32_t n = forward(&side[0], &side[1]) + forward(&side[1], &side[0]);

		if (n == 0)
			sleep_until_needed();
	}
}
