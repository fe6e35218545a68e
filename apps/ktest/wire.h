/* apps/ktest/wire.h - a ring of the tests' own, and the peer: the host's user network, which
 * answers ARP for 10.0.2.2. Layer: apps. SPDX-License-Identifier: ISC */
#pragma once
#include "apps/ktest/calls.h"

enum {
	REGION = KTEST_VA,
	PAGES = 1 + 8 + 2, /* header, 16 receive buffers, transmit memory */
	BUFFERS = 16,
	RX_BASE = 4096,
	TX_BASE = 9 * 4096,
	ARP_LENGTH = 42,
};

extern const uint8_t my_ip[4], peer_ip[4];

/* The slots of what open_ring made. */
struct net {
	uint32_t pages, ring;
};
extern struct net net;

static inline volatile struct exo_ring *ring(void) { return (volatile struct exo_ring *)REGION; }
static inline uint8_t *tx_memory(void) { return (uint8_t *)REGION + TX_BASE; }

/* Map a region with a good header; the ring over it, too. */
bool make_region(void);
bool open_ring(void);
void close_ring(void);
void post_buffers(void);

/* sys_filter_insert's result: any filter; one for ARP that asks for my_ip. */
long insert(const void *filter, long length);
long insert_arp(void);

/* "Who has 10.0.2.2? Tell 10.0.2.15." */
void write_arp(uint8_t *f);

/* Add a transmit entry; sys_ring_send until the device had room for all. */
void describe(uint32_t offset, uint16_t length, uint16_t more);
long send(void);

/* Wait for the nth received frame, at most a minute. */
bool received(uint32_t n);

/* Frames received = delivered + drops. */
bool counters_add_up(void);
