/* libnet/ring.h - the environment's end of a packet ring (exo/ring.h).
 *
 * The state the kernel cannot see: what has been consumed, posted and reclaimed.
 * Nothing here calls the kernel: whoever puts frames calls sys_ring_send once for all.
 * Layer: libnet, pure. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "exo/ring.h"

struct ring {
	struct exo_ring *shared; /* page 0 of the region */
	uint8_t *region;         /* the same address */
	size_t size;             /* bytes of the region, mapped here in one piece */
	uint32_t used_tail;      /* frames consumed */
	uint32_t tx_head;        /* transmit entries put */
	uint32_t tx_tail;        /* transmit entries reclaimed */
	uint32_t free_head;      /* buffers posted */
};

/* One piece of a frame to send. */
struct ring_piece {
	const void *base; /* in the region */
	uint16_t length;  /* > 0 */
};

/* Prepare a zeroed region before sys_ring_create: `buffers` receive buffers (1 to
 * EXO_RING_N) at offset rx_base (a multiple of EXO_BUF_SIZE), all posted. */
void ring_init(struct ring *, void *region, size_t size, uint32_t rx_base, uint32_t buffers);

/* The next received frame, oldest first: its record in *rx, its bytes at the address
 * returned, the caller's until ring_give(rx->buffer). NULL: none. */
uint8_t *ring_next(struct ring *, struct exo_rx *rx);

/* Post a buffer again. At most those that ring_next returned are out at any time. */
void ring_give(struct ring *, uint16_t buffer);

/* Is [base, base + length) inside the region? */
bool ring_holds(const struct ring *, const void *base, size_t length);

/* Describe one frame of n pieces. Returns the number of its last entry (0..EXO_RING_N-1),
 * which ring_reclaim reports when the bytes are the caller's again, or
 *   -E_INVAL  n is 0 or over EXO_TX_SEGMENTS, or a piece is empty or outside the region
 *   -E_AGAIN  too few free entries: send, reclaim, and try again */
int ring_put(struct ring *, const struct ring_piece *piece, uint32_t n);

/* The next entry the device is done with, in order, or -E_AGAIN. */
int ring_reclaim(struct ring *);

/* Entries put but not yet taken by sys_ring_send. */
uint32_t ring_unsent(const struct ring *);
