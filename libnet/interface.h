/* libnet/interface.h - an lwIP network interface over a packet ring.
 *
 * Received frames become pbufs that point into the ring's buffers, which go back to the
 * kernel when lwIP frees them. Sent frames are described piece by piece where
 * they lie; a pbuf in flight is held until the device is done with it.
 *
 * Layer: libnet. The kernel is reached through struct interface_kind only, so that host
 * tests run it against a ring of their own. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "libnet/ring.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"

enum {
	INTERFACE_BURST = 32,    /* frames taken before frames are sent */
	INTERFACE_LOW_WATER = 8, /* with fewer buffers posted, frames are copied out */
};

struct interface;

/* What differs between interfaces. */
struct interface_kind {
	/* Tell the kernel about unsent transmit entries. */
	void (*send)(struct interface *);
	netif_input_fn input;         /* of a frame, from its Ethernet header on */
	netif_output_fn output4;      /* of an IPv4 packet: find the next hop and send */
	netif_output_ip6_fn output6;
	uint8_t flags;                /* NETIF_FLAG_*, beside broadcast and link-up */
};

/* A received frame: lwIP's view of one ring buffer. */
struct interface_rx {
	struct pbuf_custom pbuf; /* first: lwIP hands this back */
	struct interface *owner;
	uint16_t buffer;
};

struct interface_counts {
	uint64_t received, sent;
	uint64_t copied_in;  /* frames copied to keep buffers posted */
	uint64_t copied_out; /* frames copied because lwIP's pieces lay outside */
	uint64_t no_memory;  /* frames dropped, either way */
	uint64_t malformed;  /* frames dropped: too short */
	uint64_t ring_full;  /* frames not sent */
	uint64_t unresolved; /* packets dropped: no neighbour */
};

struct interface {
	struct netif netif; /* netif.state points back here */
	struct ring ring;
	const struct interface_kind *kind;
	uint32_t posted; /* receive buffers the kernel has */
	struct interface_rx rx[EXO_RING_N];       /* by buffer number */
	struct pbuf *in_flight[EXO_RING_N];       /* by last transmit entry */
	struct interface_counts counts;
};

/* Add the interface to lwIP: link up, no address yet. `ring` is ready to use; mac is the
 * NIC's. lwip_init has been called. */
void interface_init(struct interface *, const struct ring *ring, const uint8_t mac[6],
                    uint16_t mtu, const struct interface_kind *);

/* Give up to INTERFACE_BURST received frames to lwIP, then send what it left. Returns the
 * number of frames taken. */
unsigned interface_poll(struct interface *);

/* Reclaim what the device is done with, and send what is unsent. */
void interface_flush(struct interface *);

/* Put an Ethernet header before p and the frame into the ring. For output4 and output6. */
err_t interface_send(struct interface *, struct pbuf *p, const uint8_t mac[6],
                     uint16_t type);
