/* dpf/build.c - filters people use (dpf/build.h). Layer: leaf library.
 *
 * Sources: RFC 826, 791, 792, 8200, 4443, 4861, 768, 9293; IEEE 802.1Q.
 * SPDX-License-Identifier: ISC */
#include "dpf/build.h"
#include <stdbool.h>

enum { /* offsets in an Ethernet frame */
	TYPE = 12,
	ARP_TARGET_IP = 38,
	IP4 = 14,
	IP4_FRAGMENT = IP4 + 6,
	IP4_PROTO = IP4 + 9,
	IP4_SOURCE = IP4 + 12,
	IP4_DEST = IP4 + 16,
	IP6_NEXT = 20,
	IP6_SOURCE = 22,
	IP6_DEST = 38,
	IP6_PAYLOAD = 54,
	IP6_HEADER = 40,
	IP6_FRAGMENT = 8, /* length of a fragment header */
	ICMP_QUOTE = 8, /* from an ICMP header to what it quotes */
	ND_TARGET = IP6_PAYLOAD + 8,
};

enum { TYPE_IP4 = 0x0800, TYPE_ARP = 0x0806, TYPE_VLAN = 0x8100, TYPE_IP6 = 0x86dd };
enum { ICMP = 1, TCP = 6, UDP = 17, FRAGMENT = 44, ICMP6 = 58, ND_SOLICIT = 135, ND_ADVERTISE = 136 };

/* What is being written. Beyond cap, only the length is kept. */
struct out {
	uint8_t *bytes;
	size_t cap, n, path_at;
	uint16_t npaths, natoms, path_flags, flags;
};

static void put(struct out *o, size_t at, const void *p, size_t n)
{
	if (at <= o->cap && n <= o->cap - at)
		__builtin_memcpy(o->bytes + at, p, n);
}

static struct out begin(void *bytes, size_t cap, uint16_t flags)
{
	return (struct out){ .bytes = bytes, .cap = cap, .n = sizeof(struct exo_filter),
		             .flags = flags };
}

/* The path's head is written again with each atom: it counts them. */
static void put_path(struct out *o)
{
	struct exo_path head = { .natoms = o->natoms, .flags = o->path_flags };

	put(o, o->path_at, &head, sizeof head);
}

static void path(struct out *o, uint16_t flags)
{
	o->path_at = o->n;
	o->n += sizeof(struct exo_path);
	o->natoms = 0;
	o->path_flags = flags;
	o->npaths++;
	put_path(o);
}

static void atom(struct out *o, enum filter_op op, unsigned width, unsigned offset,
                 uint32_t mask, uint32_t lo, uint32_t hi)
{
	struct exo_atom a = { .op = (uint8_t)op, .width = (uint8_t)width,
		              .offset = (uint16_t)offset, .mask = mask, .lo = lo, .hi = hi };

	put(o, o->n, &a, sizeof a);
	o->n += sizeof a;
	o->natoms++;
	put_path(o);
}

static void equal(struct out *o, unsigned width, unsigned offset, uint32_t v)
{
	atom(o, FILTER_IN, width, offset, width == 1 ? 0xff : width == 2 ? 0xffff : 0xffffffff, v,
	     v);
}

static void equal_bytes(struct out *o, unsigned offset, const uint8_t *p, unsigned n)
{
	for (unsigned i = 0; p && i < n; i += 2)
		equal(o, 2, offset + i, (uint32_t)p[i] << 8 | p[i + 1]);
}

/* base += length of the IPv4 header at `offset` from it */
static void skip_ip4(struct out *o, unsigned offset)
{
	atom(o, FILTER_SHIFT, 1, offset, 0xf, 2, 0);
}

static long end(struct out *o)
{
	struct exo_filter head = { .bytes = (uint32_t)o->n, .flags = o->flags,
		                   .npaths = o->npaths };

	if (o->npaths == 0)
		return -E_INVAL;
	put(o, 0, &head, sizeof head);
	return o->n <= o->cap ? (long)o->n : -E_NOSPC;
}

/* A transport's flow: remote is NULL for any. */
struct flow {
	const uint8_t *local, *remote;
	uint16_t local_port, remote_port;
	uint8_t proto;
};

static void flow4(struct out *o, const struct flow *f)
{
	path(o, 0);
	equal(o, 2, TYPE, TYPE_IP4);
	equal(o, 1, IP4_PROTO, f->proto);
	atom(o, FILTER_IN, 2, IP4_FRAGMENT, 0x1fff, 0, 0); /* not a later fragment */
	equal_bytes(o, IP4_SOURCE, f->remote, 4);
	equal_bytes(o, IP4_DEST, f->local, 4);
	skip_ip4(o, IP4);
	if (f->remote)
		equal(o, 2, IP4, f->remote_port);
	equal(o, 2, IP4 + 2, f->local_port);
}

/* Errors: types 3 to 5, 11 and 12, that quote a packet of the flow's. */
static void error4(struct out *o, const struct flow *f, uint32_t lo, uint32_t hi)
{
	const unsigned quote = IP4 + ICMP_QUOTE; /* from where the outer header ends */

	path(o, FILTER_RX_ONLY);
	equal(o, 2, TYPE, TYPE_IP4);
	equal(o, 1, IP4_PROTO, ICMP);
	atom(o, FILTER_IN, 2, IP4_FRAGMENT, 0x1fff, 0, 0);
	equal_bytes(o, IP4_DEST, f->local, 4);
	skip_ip4(o, IP4);
	atom(o, FILTER_IN, 1, IP4, 0xff, lo, hi);
	equal(o, 1, quote + 9, f->proto);
	equal_bytes(o, quote + 12, f->local, 4);
	equal_bytes(o, quote + 16, f->remote, 4);
	skip_ip4(o, quote);
	equal(o, 2, quote, f->local_port);
	if (f->remote)
		equal(o, 2, quote + 2, f->remote_port);
}

/* A packet of this protocol, or the first fragment of one. Returns where its payload begins. */
static unsigned packet6(struct out *o, uint8_t proto, bool fragment)
{
	equal(o, 2, TYPE, TYPE_IP6);
	equal(o, 1, IP6_NEXT, fragment ? FRAGMENT : proto);
	if (!fragment)
		return IP6_PAYLOAD;
	equal(o, 1, IP6_PAYLOAD, proto);
	atom(o, FILTER_IN, 2, IP6_PAYLOAD + 2, 0xfff8, 0, 0);
	return IP6_PAYLOAD + IP6_FRAGMENT;
}

static void flow6(struct out *o, const struct flow *f, bool fragment)
{
	path(o, 0);
	unsigned payload = packet6(o, f->proto, fragment);
	equal_bytes(o, IP6_SOURCE, f->remote, 16);
	equal_bytes(o, IP6_DEST, f->local, 16);
	if (f->remote)
		equal(o, 2, payload, f->remote_port);
	equal(o, 2, payload + 2, f->local_port);
}

static void error6(struct out *o, const struct flow *f)
{
	const unsigned quote = IP6_PAYLOAD + ICMP_QUOTE;

	path(o, FILTER_RX_ONLY);
	equal(o, 2, TYPE, TYPE_IP6);
	equal(o, 1, IP6_NEXT, ICMP6);
	equal_bytes(o, IP6_DEST, f->local, 16);
	atom(o, FILTER_IN, 1, IP6_PAYLOAD, 0xff, 1, 4);
	equal(o, 1, quote + 6, f->proto);
	equal_bytes(o, quote + 8, f->local, 16);
	equal_bytes(o, quote + 24, f->remote, 16);
	equal(o, 2, quote + IP6_HEADER, f->local_port);
	if (f->remote)
		equal(o, 2, quote + IP6_HEADER + 2, f->remote_port);
}

static void all4(struct out *o, const struct flow *f)
{
	flow4(o, f);
	error4(o, f, 3, 5);
	error4(o, f, 11, 12);
}

static void all6(struct out *o, const struct flow *f)
{
	flow6(o, f, false);
	flow6(o, f, true);
	error6(o, f);
}

/* The families that `l` selects: both for NULL. */
static bool wants4(const struct filter_local *l) { return !l || l->ip4; }
static bool wants6(const struct filter_local *l) { return !l || l->ip6; }

static long port(void *bytes, size_t cap, const struct filter_local *l, uint8_t proto,
                 uint16_t number)
{
	struct out o = begin(bytes, cap, 0);
	struct flow f = { .proto = proto, .local_port = number };

	if (wants4(l)) {
		f.local = l ? l->ip4 : NULL;
		all4(&o, &f);
	}
	if (wants6(l)) {
		f.local = l ? l->ip6 : NULL;
		all6(&o, &f);
	}
	return end(&o);
}

long filter_udp_port(void *out, size_t cap, const struct filter_local *l, uint16_t number)
{
	return port(out, cap, l, UDP, number);
}

long filter_tcp_listen(void *out, size_t cap, const struct filter_local *l, uint16_t number)
{
	return port(out, cap, l, TCP, number);
}

long filter_tcp_session(void *out, size_t cap, int family, const uint8_t *local,
                        uint16_t local_port, const uint8_t *remote, uint16_t remote_port)
{
	struct out o = begin(out, cap, 0);
	const struct flow f = { local, remote, local_port, remote_port, TCP };

	if ((family != 4 && family != 6) || !local || !remote)
		return -E_INVAL;
	if (family == 4)
		all4(&o, &f);
	else
		all6(&o, &f);
	return end(&o);
}

long filter_ethertype(void *out, size_t cap, uint16_t type)
{
	struct out o = begin(out, cap, 0);

	path(&o, 0);
	equal(&o, 2, TYPE, type);
	return end(&o);
}

long filter_ip_proto(void *out, size_t cap, const struct filter_local *l, uint8_t proto)
{
	struct out o = begin(out, cap, 0);

	if (wants4(l)) {
		path(&o, 0);
		equal(&o, 2, TYPE, TYPE_IP4);
		equal(&o, 1, IP4_PROTO, proto);
		equal_bytes(&o, IP4_DEST, l ? l->ip4 : NULL, 4);
	}
	if (wants6(l)) {
		path(&o, 0);
		equal(&o, 2, TYPE, TYPE_IP6);
		equal(&o, 1, IP6_NEXT, proto);
		equal_bytes(&o, IP6_DEST, l ? l->ip6 : NULL, 16);
	}
	return end(&o);
}

long filter_arp_for(void *out, size_t cap, const uint8_t ip4[4])
{
	struct out o = begin(out, cap, 0);

	path(&o, 0);
	equal(&o, 2, TYPE, TYPE_ARP);
	equal_bytes(&o, ARP_TARGET_IP, ip4, 4);
	return end(&o);
}

long filter_nd_for(void *out, size_t cap, const uint8_t ip6[16])
{
	struct out o = begin(out, cap, 0);

	path(&o, 0);
	equal(&o, 2, TYPE, TYPE_IP6);
	equal(&o, 1, IP6_NEXT, ICMP6);
	equal(&o, 1, IP6_PAYLOAD, ND_SOLICIT);
	equal_bytes(&o, ND_TARGET, ip6, 16);
	path(&o, 0);
	equal(&o, 2, TYPE, TYPE_IP6);
	equal(&o, 1, IP6_NEXT, ICMP6);
	equal_bytes(&o, IP6_DEST, ip6, 16);
	equal(&o, 1, IP6_PAYLOAD, ND_ADVERTISE);
	return end(&o);
}

long filter_address(void *out, size_t cap, const struct filter_local *l)
{
	struct out o = begin(out, cap, 0);

	if (wants4(l)) {
		path(&o, 0);
		equal(&o, 2, TYPE, TYPE_IP4);
		equal_bytes(&o, IP4_DEST, l ? l->ip4 : NULL, 4);
	}
	if (wants6(l)) {
		path(&o, 0);
		equal(&o, 2, TYPE, TYPE_IP6);
		equal_bytes(&o, IP6_DEST, l ? l->ip6 : NULL, 16);
	}
	return end(&o);
}

long filter_keeper(void *out, size_t cap)
{
	static const uint16_t type[] = { TYPE_ARP, TYPE_IP4, TYPE_IP6 };
	struct out o = begin(out, cap, 0);

	for (unsigned i = 0; i < sizeof type / sizeof *type; i++) {
		path(&o, 0);
		equal(&o, 2, TYPE, type[i]);
	}
	return end(&o);
}

long filter_group(void *out, size_t cap)
{
	struct out o = begin(out, cap, FILTER_SHARED);

	path(&o, 0);
	atom(&o, FILTER_IN, 1, 0, 1, 1, 1);
	return end(&o);
}

/* The group bit of the destination MAC: broadcast and multicast. */
static void to_group(struct out *o)
{
	path(o, FILTER_RX_ONLY);
	atom(o, FILTER_IN, 1, 0, 1, 1, 1);
}

long filter_udp_group(void *out, size_t cap, uint16_t number)
{
	struct out o = begin(out, cap, FILTER_SHARED);

	to_group(&o);
	equal(&o, 2, TYPE, TYPE_IP4);
	equal(&o, 1, IP4_PROTO, UDP);
	atom(&o, FILTER_IN, 2, IP4_FRAGMENT, 0x1fff, 0, 0);
	skip_ip4(&o, IP4);
	equal(&o, 2, IP4 + 2, number);
	for (int fragment = 0; fragment < 2; fragment++) {
		to_group(&o);
		unsigned payload = packet6(&o, UDP, fragment);
		equal(&o, 2, payload + 2, number);
	}
	return end(&o);
}

long filter_mac(void *out, size_t cap, const uint8_t mac[6])
{
	struct out o = begin(out, cap, FILTER_SHARED);

	path(&o, 0);
	equal_bytes(&o, 0, mac, 6);
	return end(&o);
}

long filter_vlan(void *out, size_t cap, uint16_t id)
{
	struct out o = begin(out, cap, 0);

	if (id > 4095)
		return -E_INVAL;
	path(&o, 0);
	equal(&o, 2, TYPE, TYPE_VLAN);
	atom(&o, FILTER_IN, 2, TYPE + 2, 0xfff, id, id);
	return end(&o);
}

static struct exo_filter head_of(const void *filter)
{
	struct exo_filter head;

	__builtin_memcpy(&head, filter, sizeof head);
	return head;
}

void filter_set_priority(void *filter, uint16_t priority)
{
	struct exo_filter head = head_of(filter);

	head.priority = priority;
	__builtin_memcpy(filter, &head, sizeof head);
}

void filter_set_shared(void *filter)
{
	struct exo_filter head = head_of(filter);

	head.flags |= FILTER_SHARED;
	__builtin_memcpy(filter, &head, sizeof head);
}
