/* handler.h - what a handler includes: its entry, headers of frames, checksums, replies.
 *
 *   clang-19 -target bpf -mcpu=v4 -O2 -ffreestanding -g -I ash/include -I kernel/include
 *
 * Pointers are what the context's offsets are: no translation, no check but your own. A
 * stray access ends the run, and the frame is delivered as if there were no handler; a
 * missing check of a length only reads what is left of an earlier frame of yours.
 * SPDX-License-Identifier: ISC
 */
#pragma once
#include <ash_helper.h>
#include <stdbool.h>

/* ASH_HANDLER(name) { ... return ASH_PASS; } - the parameter is ctx */
#define ASH_HANDLER(name)                                               \
	uint32_t name(struct ash_ctx *ctx);                             \
	__attribute__((section("ash/" #name), used)) uint32_t name(            \
		struct ash_ctx *ctx __attribute__((unused)))

/* ASH_PIPE_LIST = { { .pipeline = 0, .kind = DILP_COPY }, ... }; - the object's DILP pipelines, as
 * helper ash_dilp numbers them; struct ash_pipe is in exo/ash.h. */
#define ASH_PIPE_LIST                                                   \
	__attribute__((section("ash.pipes"), used)) static const struct ash_pipe ash_pipes[]

/* A field in network order: read and write it by these. */
typedef uint16_t be16;
typedef uint32_t be32;
static inline uint16_t swap16(uint16_t v) { return __builtin_bswap16(v); }
static inline uint32_t swap32(uint32_t v) { return __builtin_bswap32(v); }
static inline uint64_t swap64(uint64_t v) { return __builtin_bswap64(v); }

/* Headers. Every field lies at a natural offset; where a header lies in the frame does not
 * matter to loads and stores here. */
struct ethernet {
	uint8_t to[6], from[6];
	be16 type;
};

struct ipv4 {
	uint8_t version_length, service;
	be16 length, id, fragment;
	uint8_t ttl, protocol;
	be16 checksum;
	be32 from, to;
};

struct udp {
	be16 from, to, length, checksum;
};

struct tcp {
	be16 from, to;
	be32 sequence, acknowledged;
	uint8_t offset, flags;
	be16 window, checksum, urgent;
};

struct icmp {
	uint8_t type, code;
	be16 checksum, id, sequence;
};

_Static_assert(sizeof(struct ethernet) == 14 && sizeof(struct ipv4) == 20 &&
               sizeof(struct tcp) == 20 && sizeof(struct udp) == 8 && sizeof(struct icmp) == 8,
               "no padding");

enum { TYPE_IPV4 = 0x0800, ICMP = 1, TCP = 6, UDP = 17, TTL = 64 };
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

static inline uint8_t *frame_begin(const struct ash_ctx *c)
{
	return (uint8_t *)(uintptr_t)c->data;
}

static inline uint8_t *frame_end(const struct ash_ctx *c)
{
	return (uint8_t *)(uintptr_t)c->data_end;
}

/* One past the last byte that a reply may take. */
static inline uint8_t *frame_limit(const struct ash_ctx *c)
{
	return (uint8_t *)(uintptr_t)c->limit;
}

/* Checksum c of bytes in which a 16-bit field changed from `old` to `new`: RFC 1624. All
 * four in network order. */
static inline be16 checksum_update(be16 c, be16 old, be16 new)
{
	uint32_t sum = (uint16_t)~c + (uint32_t)(uint16_t)~old + new;

	sum = (sum >> 16) + (sum & 0xffff);
	return (be16)~((sum >> 16) + sum);
}

static inline be16 checksum_update32(be16 c, be32 old, be32 new)
{
	c = checksum_update(c, (be16)old, (be16)new);
	return checksum_update(c, (be16)(old >> 16), (be16)(new >> 16));
}

/* What is short stays in its caller: calls cost, and Linux wants a program's first function to come first. */
#define ASH_INLINE static inline __attribute__((always_inline))

/* Six bytes as a word and a half, wherever they lie. */
typedef uint32_t __attribute__((may_alias)) ash_word;
typedef uint16_t __attribute__((may_alias)) ash_half;

ASH_INLINE void swap_ethernet(struct ethernet *e)
{
	ash_word *to = (ash_word *)e->to, *from = (ash_word *)e->from, word = *to;
	ash_half *to_last = (ash_half *)(e->to + 4), *from_last = (ash_half *)(e->from + 4);
	ash_half half = *to_last;

	*to = *from;
	*to_last = *from_last;
	*from = word;
	*from_last = half;
}

ASH_INLINE void ipv4_set_ttl(struct ipv4 *ip, uint8_t ttl)
{
	be16 old = (be16)(ip->ttl | ip->protocol << 8);

	ip->ttl = ttl;
	ip->checksum = checksum_update(ip->checksum, old, (be16)(ttl | ip->protocol << 8));
}

/* A lock that the handler shares with its owner's program: 0 when it is free. There is no
 * waiting here: if the owner has it, leave the work to the owner (ash_call, ASH_PASS). Every
 * way to the end of the handler unlocks; after an abort the lock stays as it was. */
static inline bool lock_try(uint32_t *lock)
{
	uint32_t free = 0;

	return __atomic_compare_exchange_n(lock, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void unlock(uint32_t *lock)
{
	*(volatile uint32_t *)lock = 0;
}

/* Back to where it came from. */
ASH_INLINE void swap_ipv4(struct ipv4 *ip)
{
	be32 address = ip->to;

	ip->to = ip->from;
	ip->from = address;
	ipv4_set_ttl(ip, TTL);
}

/* The parts of a frame with IPv4, without options and not a fragment, that was sent to this
 * host alone. end: of the datagram, where Ethernet's padding begins. */
struct ipv4_frame {
	struct ethernet *ethernet;
	struct ipv4 *ip;
	uint8_t *payload, *end;
};

static inline bool ipv4_open(const struct ash_ctx *c, uint8_t protocol, struct ipv4_frame *f)
{
	uint8_t *begin = frame_begin(c), *end = frame_end(c);

	f->ethernet = (struct ethernet *)begin;
	f->ip = (struct ipv4 *)(begin + sizeof(struct ethernet));
	f->payload = begin + sizeof(struct ethernet) + sizeof(struct ipv4);
	if (f->payload > end || f->ethernet->type != swap16(TYPE_IPV4) || f->ethernet->to[0] & 1)
		return false;
	const struct ipv4 *ip = f->ip;
	if (ip->version_length != 0x45 || ip->protocol != protocol ||
	    ip->fragment & swap16(0x3fff))
		return false;
	uint16_t length = swap16(ip->length);
	f->end = (uint8_t *)ip + length;
	return length >= sizeof *ip && f->end <= end;
}

/* A datagram to `port`. */
struct udp_frame {
	struct ipv4_frame lower;
	struct udp *udp;
	uint8_t *payload;
	uint32_t length; /* of the payload */
};

static inline bool udp_open(const struct ash_ctx *c, uint16_t port, struct udp_frame *f)
{
	if (!ipv4_open(c, UDP, &f->lower))
		return false;
	f->udp = (struct udp *)f->lower.payload;
	f->payload = f->lower.payload + sizeof *f->udp;
	if (f->payload > frame_end(c) || f->udp->to != swap16(port))
		return false;
	uint16_t length = swap16(f->udp->length);
	f->length = length - (uint32_t)sizeof *f->udp;
	return length >= sizeof *f->udp && (uint8_t *)f->udp + length <= f->lower.end;
}

/* n words of four bytes added up as they lie in memory, and such a sum as the 16 bits of a checksum, not
 * complemented: it is in network order when the words were (RFC 1071, section 2). For what is short: a
 * helper's call costs more. n is a constant, at most 65,536. */
ASH_INLINE uint64_t sum_words(const void *at, uint32_t n)
{
	const ash_word *word = at;
	uint64_t sum = 0;

	for (uint32_t k = 0; k < n; k++)
		sum += word[k];
	return sum;
}

ASH_INLINE be16 fold(uint64_t sum)
{
	uint32_t once = (uint32_t)(sum >> 32) + (uint16_t)(sum >> 16) + (uint16_t)sum;

	once = (once >> 16) + (uint16_t)once;
	return (be16)((once >> 16) + once);
}

/* The checksum field of ip itself, over its 20 bytes. */
ASH_INLINE void ipv4_checksum(struct ipv4 *ip)
{
	ip->checksum = 0;
	ip->checksum = (be16)~fold(sum_words(ip, sizeof *ip / 4));
}

/* What the checksum of n bytes over ip begins with: the pseudo-header's sum. */
ASH_INLINE uint64_t ipv4_pseudo(const struct ipv4 *ip, uint32_t n)
{
	return sum_words(&ip->from, 2) + swap32(ip->protocol + n);
}

/* The checksum field of a UDP or TCP header of `n` bytes with its payload; `field` is in it. */
static inline void transport_checksum(const struct ipv4 *ip, void *header, uint32_t n,
                                      be16 *field)
{
	*field = 0;
	uint16_t sum = (uint16_t)~ash_sum(header, n, swap16(fold(ipv4_pseudo(ip, n))));
	if (sum == 0 && ip->protocol == UDP)
		sum = 0xffff; /* 0 means none */
	*field = swap16(sum);
}

/* Make the frame the answer to itself, with `length` bytes of payload, which are in place.
 * The caller has checked that they are below frame_limit. */
static inline uint32_t udp_reply(struct ash_ctx *c, struct udp_frame *f, uint32_t length)
{
	struct ipv4 *ip = f->lower.ip;
	struct udp *udp = f->udp;
	be16 port = udp->from;

	swap_ethernet(f->lower.ethernet);
	swap_ipv4(ip);
	ip->length = swap16((uint16_t)(sizeof *ip + sizeof *udp + length));
	ipv4_checksum(ip);
	udp->from = udp->to;
	udp->to = port;
	udp->length = swap16((uint16_t)(sizeof *udp + length));
	transport_checksum(ip, udp, (uint32_t)sizeof *udp + length, &udp->checksum);
	c->data_end = c->data + (uint32_t)(f->payload - frame_begin(c)) + length;
	return ASH_REPLY;
}
