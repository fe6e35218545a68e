/* libnet/share.h - what the environment that owns the address tells the others about it.
 *
 * One address, many stacks: one environment (apps/ipd) speaks ARP, ND and DHCP and
 * publishes the result in a page that the others map read-only; they take their
 * addresses and their next hops from there. The pages belong to the parent of all of
 * them, so that the end of any one unmaps nothing under the others.
 *
 *   share page    written by ipd                read by all     struct share
 *   door page     written by all                read by all     struct share_door
 *   request page  written by its owner, one per environment, read by ipd
 *                                                               struct share_request
 *
 * An address of either family is 16 bytes; an IPv4 address a.b.c.d is ::ffff:a.b.c.d
 * (RFC 4291, 2.5.5.2). All is in network byte order, and what one environment writes is
 * untrusted by the other.
 *
 * Layer: libnet, pure. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/cap.h"

enum {
	SHARE_NEIGHBOURS = 96,
	SHARE_ADDRESSES6 = 3,
	SHARE_PORT_EPHEMERAL = 49152, /* RFC 6335: the first port nobody may have fixed */
	SHARE_REQUESTS = 8,
	SHARE_DOORS = 127,
};

struct share_ip {
	uint8_t byte[16];
};

struct share_neighbour {
	struct share_ip ip;
	uint8_t mac[6];
	uint8_t known; /* 0: free entry */
	uint8_t zero;
};
_Static_assert(sizeof(struct share_neighbour) == 24, "shared by programs");

/* IPv4 entries are zero until there is a lease; IPv6 ones until they are preferred. */
struct share_lease {
	uint8_t address4[4], mask4[4], gateway4[4], dns4[4];
	struct share_ip address6[SHARE_ADDRESSES6]; /* [0] is link-local; prefixes are /64 */
	struct share_ip router6;
};
_Static_assert(sizeof(struct share_lease) == 80, "shared by programs");

/* `version` is odd while ipd writes. A reader that finds it odd, or changed after it has
 * read, keeps what it knew and looks again later; it never waits for the writer. */
struct share {
	uint32_t version;
	uint32_t owner; /* environment id of ipd; 0: none yet */
	struct exo_cap carve; /* RIGHT_CARVE and RIGHT_READ on the filter that takes all that is
	                         unclaimed: who has it may claim some, or copy it */
	struct share_lease lease;
	struct share_neighbour neighbour[SHARE_NEIGHBOURS];
};
_Static_assert(sizeof(struct share) <= 4096, "a page");

/* How an environment gets ipd to read its request page: it writes one entry (which, is
 * its environment index less one, modulo SHARE_DOORS) and changes `bell`. Anyone may
 * overwrite any of this; so an environment writes again until it is served. */
struct share_door {
	uint32_t bell;
	uint32_t zero[7];
	struct share_join {
		uint32_t env;
		uint32_t serial; /* raised with each new capability */
		struct exo_cap page; /* RIGHT_READ on the request page */
		uint64_t zero;
	} join[SHARE_DOORS];
};
_Static_assert(sizeof(struct share_door) == 4096, "a page");

/* The next hops an environment wants resolved, and the groups (multicast addresses) it wants
 * joined: wanted[serial % SHARE_REQUESTS] is the newest. Raised `serial`, then the bell. */
struct share_request {
	uint32_t serial;
	uint32_t zero[3];
	struct share_ip wanted[SHARE_REQUESTS];
};

/* ::ffff:a.b.c.d */
struct share_ip share_ip4(const uint8_t address[4]);
bool share_is_ip4(const struct share_ip *);
bool share_ip_equal(const struct share_ip *, const struct share_ip *);

/* Copy the lease. Returns false, with *out unchanged, while ipd is writing or if none
 * has ever written. *version gets the version that was read. */
bool share_read_lease(const struct share *, struct share_lease *out, uint32_t *version);

/* The address that dst is reached through, from this lease: itself on the link, else the
 * router. Returns false when there is none. Not for groups: see share_group_mac. */
bool share_next_hop(const struct share_lease *, const struct share_ip *dst,
                    struct share_ip *hop);

/* The Ethernet address of a broadcast or multicast dst (RFC 1112, 6.4; RFC 2464, 7);
 * false when dst is no group. */
bool share_group_mac(const struct share_lease *, const struct share_ip *dst, uint8_t mac[6]);

/* Look a next hop up. Returns false, with mac unchanged, when it is not there or ipd is writing. */
bool share_neighbour_mac(const struct share *, const struct share_ip *hop, uint8_t mac[6]);

/* For ipd, the one writer. Between begin and end readers keep what they knew. */
void share_write_begin(struct share *);
void share_write_end(struct share *);
