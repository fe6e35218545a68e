/* libnet/ring.c - see ring.h. SPDX-License-Identifier: ISC */
#include "libnet/ring.h"
#include <assert.h>
#include "exo/err.h"

/* The kernel's words, each read once. */
static uint32_t load(const uint32_t *word) { return *(const volatile uint32_t *)word; }

/* Our words: what they publish must be in memory before them. */
static void publish(uint32_t *word, uint32_t value)
{
	__asm__ volatile("" ::: "memory");
	*(volatile uint32_t *)word = value;
}

void ring_init(struct ring *r, void *region, size_t size, uint32_t rx_base, uint32_t buffers)
{
	assert(buffers > 0 && buffers <= EXO_RING_N && rx_base % EXO_BUF_SIZE == 0);
	assert(size >= rx_base + (size_t)buffers * EXO_BUF_SIZE);
	*r = (struct ring){ .shared = region, .region = region, .size = size };
	r->shared->rx_base = rx_base;
	r->shared->rx_buffers = buffers;
	for (uint32_t b = 0; b < buffers; b++)
		ring_give(r, (uint16_t)b);
}

uint8_t *ring_next(struct ring *r, struct exo_rx *rx)
{
	if (load(&r->shared->used_head) == r->used_tail)
		return NULL;
	__asm__ volatile("" ::: "memory");
	*rx = r->shared->used[r->used_tail++ % EXO_RING_N];
	return r->region + r->shared->rx_base + (size_t)rx->buffer * EXO_BUF_SIZE;
}

void ring_give(struct ring *r, uint16_t buffer)
{
	r->shared->free[r->free_head++ % EXO_RING_N] = buffer;
	publish(&r->shared->free_head, r->free_head);
}

bool ring_holds(const struct ring *r, const void *base, size_t length)
{
	uintptr_t at = (uintptr_t)base - (uintptr_t)r->region;

	return at < r->size && length <= r->size - at;
}

int ring_put(struct ring *r, const struct ring_piece *piece, uint32_t n)
{
	if (n == 0 || n > EXO_TX_SEGMENTS)
		return -E_INVAL;
	for (uint32_t i = 0; i < n; i++)
		if (piece[i].length == 0 || !ring_holds(r, piece[i].base, piece[i].length))
			return -E_INVAL;
	if (r->tx_head - r->tx_tail > EXO_RING_N - n)
		return -E_AGAIN;
	for (uint32_t i = 0; i < n; i++)
		r->shared->tx[r->tx_head++ % EXO_RING_N] = (struct exo_tx){
			.offset = (uint32_t)((const uint8_t *)piece[i].base - r->region),
			.length = piece[i].length,
			.more = i + 1 < n,
		};
	publish(&r->shared->tx_head, r->tx_head);
	return (int)((r->tx_head - 1) % EXO_RING_N);
}

int ring_reclaim(struct ring *r)
{
	if (load(&r->shared->tx_done) == r->tx_tail)
		return -E_AGAIN;
	return (int)(r->tx_tail++ % EXO_RING_N);
}

uint32_t ring_unsent(const struct ring *r)
{
	return r->tx_head - load(&r->shared->tx_seen);
}
