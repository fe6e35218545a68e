/* pcap-tests/hosts.h - everybody else on the wire: answers what the appliance asks of its own
 * accord (ARP, neighbour solicitations, DHCP), so that a replay needs only the client's side.
 * Layer: host tool. SPDX-License-Identifier: ISC */
#pragma once
#include "pcap-tests/packet.h"
#include "pcap-tests/wire.h"

enum { HOSTS_MAX = 64 };

struct host {
	uint8_t family;  /* 4 or 6 */
	uint8_t ip[16], mac[6];
};

struct hosts {
	uint8_t mac[6], ip4[4]; /* the appliance's */
	uint8_t keeper_mac[6], keeper_ip4[4]; /* the DHCP server, who also pings */
	struct host host[HOSTS_MAX];
	uint32_t n;
	bool leased;            /* the appliance has acknowledged its address */
};

/* The appliance has this MAC; its lease will be ip4/24. The keeper is host 254 of that net. */
void hosts_init(struct hosts *h, const uint8_t mac[6], const uint8_t ip4[4]);

/* Remember the sender of a client's frame. Later ones than HOSTS_MAX are not answered for. */
void hosts_learn(struct hosts *h, const struct packet *p);

/* If this frame of the appliance's is one that it sends of its own accord (ARP request,
 * neighbour or router solicitation, group membership, DHCP), answer it where an answer is due
 * and return true. */
bool hosts_answer(struct hosts *h, const struct packet *p, struct wire *w);

/* The same question about a recorded frame, with no answer sent. */
bool hosts_own_accord(const struct packet *p);

/* The keeper asks for the link-local IPv6 address that the appliance makes of its MAC. */
void hosts_solicit(struct hosts *h, struct wire *w);

/* This is the answer: the address is in use, no more on trial. */
bool hosts_advertised(const struct hosts *h, const struct packet *p);

/* Send the keeper's echo request with this number. */
void hosts_ping(struct hosts *h, struct wire *w, uint16_t number);

/* The number of the ping that this is the reply to, -1: of none. */
int hosts_pong(const struct hosts *h, const struct packet *p);
