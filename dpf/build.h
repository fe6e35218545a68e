/* dpf/build.h - filters people use, without writing atoms.
 *
 * Each builder writes a complete filter (exo/filter.h) into the caller's buffer and
 * returns its length in bytes, to be passed on as it is, or -E_NOSPC when cap is too
 * small (FILTER_BUILD_MAX always suffices), or -E_INVAL for an argument outside its range.
 * Addresses are bytes as on the wire; ports are numbers.
 *
 * Layer: leaf library; also compiled into libnet. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "exo/err.h"
#include "exo/filter.h"

enum { FILTER_BUILD_MAX = 4096 };

/* Local addresses a flow is bound to: 4 bytes, 16 bytes; a family whose address is NULL is
 * left out, and leaving out both is -E_INVAL. No filter_local at all (NULL): any address
 * of either family. */
struct filter_local {
	const uint8_t *ip4, *ip6;
};

/* UDP to a local port, IPv4 and IPv6, the latter without extension headers but one for
 * fragments; of fragments the first (the others follow it: kernel/fragment.h);
 * and the ICMP and ICMPv6 errors that quote a packet which that address and port sent. */
long filter_udp_port(void *out, size_t cap, const struct filter_local *l, uint16_t port);

/* TCP to a local port, from anybody; likewise with the errors. */
long filter_tcp_listen(void *out, size_t cap, const struct filter_local *l, uint16_t port);

/* One TCP session. family is 4 or 6 and gives the length of both addresses. Implies the
 * tcp_listen of its port, so that it goes before it. Errors that quote it included. */
long filter_tcp_session(void *out, size_t cap, int family, const uint8_t *local,
                        uint16_t local_port, const uint8_t *remote, uint16_t remote_port);

/* Every frame of one Ethernet type. */
long filter_ethertype(void *out, size_t cap, uint16_t type);

/* IPv4 and IPv6 packets of one protocol (IPv6: in the first next-header field). */
long filter_ip_proto(void *out, size_t cap, const struct filter_local *l, uint8_t proto);

/* ARP requests and replies whose target is this IPv4 address. The mirror lets the owner
 * send ARP whose sender is that address. */
long filter_arp_for(void *out, size_t cap, const uint8_t ip4[4]);

/* Neighbour solicitations for this IPv6 address, and advertisements sent to it. */
long filter_nd_for(void *out, size_t cap, const uint8_t ip6[16]);

/* The rest of the address: every IPv4 packet to ip4, every IPv6 packet to ip6. Filters
 * on ports of the same address are more specific and win. */
long filter_address(void *out, size_t cap, const struct filter_local *l);

/* For the environment that keeps an address for others: every ARP, IPv4 and IPv6 frame,
 * whatever its address (there may be none yet). All else is more specific and may carve. */
long filter_keeper(void *out, size_t cap);

/* Subscription (FILTER_SHARED) to broadcast and multicast datagrams to a UDP port, of both
 * families, as udp_port. */
long filter_udp_group(void *out, size_t cap, uint16_t port);

/* Subscription (FILTER_SHARED) to frames whose destination MAC has the group bit. */
long filter_group(void *out, size_t cap);

/* Subscription to frames for one destination MAC, e.g. ff:ff:ff:ff:ff:ff. */
long filter_mac(void *out, size_t cap, const uint8_t mac[6]);

/* Frames of one 802.1Q VLAN (id 0..4095; outer tag). */
long filter_vlan(void *out, size_t cap, uint16_t id);

/* Raise or lower what a builder made. */
void filter_set_priority(void *filter, uint16_t priority);
void filter_set_shared(void *filter);
