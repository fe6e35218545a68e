/* exo/ring.h - packet rings: frames in and out, through pages of their owner's.
 *
 * A ring is bound over a list of the owner's pages (its region). Page 0 of the region holds
 * struct exo_ring; the rest is frame memory, addressed by byte offset in the region.
 *
 *   receive   the owner posts buffers:   free[free_head++ % N] = buffer number
 *             the kernel takes one, copies a frame into it, and reports
 *                                        used[used_head++ % N] = { buffer, length, ... }
 *             Buffer b is EXO_BUF_SIZE bytes at offset rx_base + b * EXO_BUF_SIZE. Buffers
 *             may be given back in any order.
 *   transmit  the owner describes a frame as one or more segments,
 *                                        tx[tx_head++ % N] = { offset, length, more }
 *             and calls sys_ring_send. tx_done follows tx_head when the device is done;
 *             until then the bytes belong to the device. When that call leaves entries
 *             because the device is full, tx_room changes once it has room: call again.
 *
 * Counters run freely and wrap at 2^32. Each is written by one side, as grouped below;
 * the kernel keeps its own copies, reads the owner's words once, and drops frames
 * (counted) rather than believe an impossible value.
 *
 * Layer: ABI. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
	EXO_RING_N = 128,       /* entries of each array; a power of two */
	EXO_BUF_SIZE = 2048,    /* bytes of a receive buffer */
	EXO_FRAME_MAX = 1514,   /* bytes of a frame, without the checksum of the wire */
	EXO_FRAME_MIN = 14,
	EXO_TX_SEGMENTS = 8,    /* of one frame */
	EXO_RING_PAGES = 1024,  /* of one region */
	EXO_TX_HEADER = 128,    /* bytes the kernel copies and checks; see sys_ring_send */
	EXO_RX_PAIR = 1 << 16,  /* exo_rx.filter: no filter took it, but queue pair filter - EXO_RX_PAIR */
};

struct exo_rx {
	uint16_t buffer;
	uint16_t length;   /* bytes of the frame */
	uint16_t sum;      /* Internet checksum (not complemented) of the bytes from 14 on,
	                      as if they began a 16-bit word; network byte order in memory */
	uint16_t zero;
	uint32_t filter;   /* index of the filter that took it (EXO_FILTERS), or EXO_RX_PAIR and on */
	uint32_t time;     /* time stamp counter at arrival, bits 8..39 */
};

struct exo_tx {
	uint32_t offset; /* of the first byte, in the region */
	uint16_t length; /* 1..EXO_FRAME_MAX */
	uint16_t more;   /* 1: the frame goes on in the next entry */
};

struct exo_ring {
	/* Written by the kernel. */
	uint32_t used_head; /* frames delivered */
	uint32_t tx_done;   /* transmit entries the device is done with */
	uint32_t tx_seen;   /* transmit entries the kernel has taken or refused */
	uint32_t tx_refused; /* frames refused (filter, form) */
	uint32_t dropped;   /* frames for this ring lost because free[] was empty */
	uint32_t tx_room;   /* goes up when the device has room again after a send fell short */
	uint32_t pad0[10];
	/* Written by the owner. */
	uint32_t free_head;
	uint32_t tx_head;
	uint32_t rx_base;    /* read at sys_ring_create; a multiple of EXO_BUF_SIZE */
	uint32_t rx_buffers; /* read at sys_ring_create; at most EXO_RING_N */
	uint32_t pad1[12];
	struct exo_rx used[EXO_RING_N]; /* by the kernel */
	uint16_t free[EXO_RING_N];      /* by the owner */
	struct exo_tx tx[EXO_RING_N];   /* by the owner */
};
_Static_assert(sizeof(struct exo_rx) == 16, "ABI");
_Static_assert(sizeof(struct exo_tx) == 8, "ABI");
_Static_assert(offsetof(struct exo_ring, free_head) == 64, "owner's words: a line of their own");
_Static_assert(sizeof(struct exo_ring) == 3456, "ABI: fits a page");
