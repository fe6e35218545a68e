/* libnet/tenant.h - an interface whose address somebody else keeps: libnet/share.h.
 *
 * Addresses come from the share page; next hops too. A packet whose next hop is not there
 * waits in a short queue while the owner of the address is asked for it; when that is full, the
 * latest packets are kept. Groups are joined
 * here, for lwIP to accept their packets, and reported by the owner.
 *
 * Layer: libnet; pages come from the caller. SPDX-License-Identifier: ISC
 */
#pragma once
#include "libnet/interface.h"
#include "libnet/share.h"

enum {
	TENANT_QUEUE = 16,     /* packets waiting for their next hop */
	TENANT_PATIENCE = 3000, /* ms a packet waits */
	TENANT_AGAIN = 1000,   /* ms until its next hop is asked for again */
	TENANT_CACHE = 16,     /* next hops remembered; a power of two */
};

struct tenant {
	struct interface interface; /* first: the interface's functions find us by it */
	const struct share *share;
	struct share_door *door;
	struct share_request *request;
	struct exo_cap page; /* names the request page */
	uint32_t env;        /* our environment id */
	uint32_t version;    /* of the share page, as last taken over */
	struct share_lease lease;
	struct tenant_hop {
		struct share_ip ip;
		uint8_t mac[6];
		uint32_t version; /* of the share page when it said so; 0: empty */
	} cache[TENANT_CACHE];
	struct tenant_packet {
		struct pbuf *p; /* NULL: free entry */
		struct share_ip hop;
		uint32_t since; /* ms */
		uint32_t asked; /* ms: for its next hop, last */
	} queue[TENANT_QUEUE];
	uint32_t queued;
	uint32_t displaced; /* packets that have left the queue to a later one */
};

/* Start a tenant. `request` is a zeroed page of our own, which capability `page`
 * (RIGHT_READ) names; the three pages outlive the tenant. */
void tenant_init(struct tenant *, const struct ring *ring, const uint8_t mac[6], uint16_t mtu,
                 void (*send)(struct interface *), const struct share *share,
                 struct share_door *door, struct share_request *request,
                 const struct exo_cap *page, uint32_t env);

/* Take over what the owner of the address has changed; send or drop what waits. To be
 * called when share->version has changed, and every second while `queued` is not 0. */
void tenant_update(struct tenant *);
