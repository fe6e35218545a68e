/* pcap-tests/packet.h - a frame taken apart, checked, and brought into a form that compares.
 * Layer: host tool. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { ETH_IP4 = 0x0800, ETH_ARP = 0x0806, ETH_IP6 = 0x86dd, ETH_LENGTH = 14 };
enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58 };
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

struct packet {
	const uint8_t *frame;
	uint32_t length;       /* without Ethernet padding, where the packet tells its own */
	uint16_t type;         /* Ethernet type */
	uint8_t family;        /* 4, 6, or 0 when it is not IP */
	uint8_t proto;
	bool fragment;         /* no transport header of its own to look at */
	const uint8_t *src, *dst; /* addresses, 4 or 16 bytes; ARP: sender's and target's */
	const uint8_t *body;   /* after the IP header, or after the Ethernet header */
	uint32_t body_length;
	uint16_t sport, dport; /* TCP and UDP */
	/* TCP */
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window;
	const uint8_t *options, *data;
	uint32_t options_length, data_length;
};

/* Take a frame apart; p points into it. Returns NULL, or what is malformed. IPv6 extension
 * headers are not followed: proto is then theirs. */
const char *packet_parse(struct packet *p, const uint8_t *frame, uint32_t length);

/* NULL, or which checksum is wrong. Fragments: the header's only. */
const char *packet_checksums(const struct packet *p);

/* Fields that may differ between two correct implementations. */
#define PACKET_FIELDS(X)                                             \
	X(IP4_ID, "ip4.id")                                          \
	X(IP4_DF, "ip4.df")                                          \
	X(IP4_TTL, "ip4.ttl")                                        \
	X(IP4_TOS, "ip4.tos")                                        \
	X(IP6_FLOW, "ip6.flow")                                      \
	X(IP6_HOPS, "ip6.hops")                                      \
	X(ICMP_QUOTE, "icmp.quote") /* beyond 8 bytes of the quoted packet's payload */

enum packet_field {
#define X(name, text) FIELD_##name,
	PACKET_FIELDS(X)
#undef X
	FIELD_COUNT
};

/* The field of this name, or -1. */
int packet_field(const char *name);

/* Write the frame to out[p->length] without the ignored fields (a set of 1 << field), and
 * without checksums, which packet_checksums has verified. Returns the length to compare. */
uint32_t packet_normal(const struct packet *p, uint32_t ignored, uint8_t *out);

/* Compute all checksums of a whole (unfragmented) frame anew. */
void packet_seal(uint8_t *frame, uint32_t length);

static inline uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}
static inline void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}
