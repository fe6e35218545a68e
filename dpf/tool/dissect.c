/* dpf/tool/dissect.c - the beginning of programs of strict meaning: finding the headers
 * (strict.h). RFC 8200, section 4; RFC 3032; RFC 2516; IEEE 802.1Q.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/strict.h"

enum {
	LOAD_H = BPF_LD | BPF_H | BPF_IND, LOAD_B = BPF_LD | BPF_B | BPF_IND,
	LOAD_W = BPF_LD | BPF_W | BPF_IND,
	ADD = BPF_ALU | BPF_ADD, ADD_X = BPF_ALU | BPF_ADD | BPF_X, AND = BPF_ALU | BPF_AND,
	OR = BPF_ALU | BPF_OR, SHIFT_LEFT = BPF_ALU | BPF_LSH, SHIFT_RIGHT = BPF_ALU | BPF_RSH,
	TO_X = BPF_MISC | BPF_TAX, FROM_X = BPF_MISC | BPF_TXA,
	IP4 = 0x0800, IP6 = 0x86dd, VLAN = 0x8100, VLAN_OUTER = 0x88a8, VLAN_OLD = 0x9100,
	MPLS = 0x8847, MPLS_MULTICAST = 0x8848, PPPOE_SESSION = 0x8864, PPP_IP4 = 0x21, PPP_IP6 = 0x57,
	LENGTH_MAX = 1500, COOKED_LLC = 4, SNAP_BYTES = 8,
	HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, OPTIONS = 60,
};

/* The first four bytes of an LLC header with SNAP: unnumbered information from SAP 0xaa to it, and the first
 * byte of the organisation: 00-00-00, or 08-00-07, Apple; both use EtherTypes. */
static const uint32_t SNAP_ETHERNET = 0xaaaa0300, SNAP_APPLE = 0xaaaa0308;

/* Where the EtherType is, and the network header when there is no tag; type_at -1: the first
 * four bits of the packet tell. */
static const struct start {
	int link, type_at;
	uint32_t network;
} starts[] = {
	{ DLT_EN10MB, 12, 14 }, { DLT_LINUX_SLL, 14, 16 }, { DLT_LINUX_SLL2, 0, 20 },
	{ DLT_RAW, -1, 0 }, { DLT_IPV4, -1, 0 }, { DLT_IPV6, -1, 0 }, { DLT_NULL, -1, 4 },
	{ DLT_LOOP, -1, 4 },
};

static void store(struct code *c, unsigned slot) { code_put(c, BPF_ST, slot); }
static void set(struct code *c, unsigned slot, uint32_t v)
{
	code_put(c, BPF_LD | BPF_IMM, v);
	store(c, slot);
}

/* X += n */
static void go_on(struct code *c, uint32_t n)
{
	code_put(c, FROM_X, 0);
	code_put(c, ADD, n);
	code_put(c, TO_X, 0);
}

/* X is where the EtherType is. */
static void skip_vlans(struct code *c)
{
	uint16_t done = code_label(c);

	for (unsigned i = 0; i < STRICT_VLANS; i++) {
		uint16_t tag = code_label(c);

		code_put(c, LOAD_H, 0);
		code_if(c, BPF_JEQ, VLAN, tag, FALL);
		code_if(c, BPF_JEQ, VLAN_OUTER, tag, FALL);
		code_if(c, BPF_JEQ, VLAN_OLD, tag, done);
		code_place(c, tag);
		code_put(c, LOAD_H, 2);
		code_put(c, AND, 0xfff);
		code_put(c, OR, STRICT_THERE);
		store(c, STRICT_VLAN + i);
		go_on(c, 4);
	}
	code_place(c, done);
}

/* From `four` to `done`, or from `six` on: note which it is. */
static void set_ip_type(struct code *c, uint16_t four, uint16_t six, uint16_t done)
{
	code_place(c, four);
	set(c, STRICT_TYPE, IP4);
	code_goto(c, done);
	code_place(c, six);
	set(c, STRICT_TYPE, IP6);
}

/* The type of a packet from its first four bits; X is where it begins. */
static void type_by_version(struct code *c)
{
	uint16_t six = code_label(c), four = code_label(c), done = code_label(c);

	code_put(c, BPF_STX, STRICT_NETWORK);
	code_put(c, LOAD_B, 0);
	code_put(c, SHIFT_RIGHT, 4);
	code_if(c, BPF_JEQ, 4, four, FALL);
	code_if(c, BPF_JEQ, 6, six, done);
	set_ip_type(c, four, six, done);
	code_place(c, done);
}

/* A is the EtherType. */
static void skip_labels(struct code *c)
{
	uint16_t labels = code_label(c), bottom = code_label(c), done = code_label(c);

	code_if(c, BPF_JEQ, MPLS, labels, FALL);
	code_if(c, BPF_JEQ, MPLS_MULTICAST, labels, done);
	code_place(c, labels);
	code_put(c, BPF_LDX | BPF_MEM, STRICT_NETWORK);
	for (unsigned i = 0; i < STRICT_LABELS; i++) {
		uint16_t more = code_label(c);

		code_put(c, LOAD_W, 0);
		code_put(c, SHIFT_RIGHT, 12);
		code_put(c, OR, STRICT_THERE);
		store(c, STRICT_MPLS + i);
		code_put(c, LOAD_B, 2);
		code_if(c, BPF_JSET, 1, bottom, more); /* the bottom of the stack */
		code_place(c, more);
		go_on(c, 4);
	}
	code_goto(c, done);
	code_place(c, bottom);
	go_on(c, 4);
	type_by_version(c);
	code_place(c, done);
}

/* A is the EtherType, or on Ethernet a length; M[STRICT_NETWORK] is where an LLC header begins, if there
 * is one. The network header is behind it and SNAP, if that has an EtherType: RFC 1042. */
static void skip_llc(struct code *c, int link, uint16_t done)
{
	uint16_t llc = code_label(c), ethernet = code_label(c), apple = code_label(c),
	         snap = code_label(c), other = code_label(c);

	if (link == DLT_EN10MB)
		code_if(c, BPF_JGT, LENGTH_MAX, other, llc);
	else
		code_if(c, BPF_JEQ, COOKED_LLC, llc, other);
	code_place(c, llc);
	code_put(c, BPF_LDX | BPF_MEM, STRICT_NETWORK);
	code_put(c, FROM_X, 0);
	code_put(c, OR, STRICT_LLC);
	store(c, STRICT_SESSION);
	code_put(c, LOAD_W, 0);
	code_if(c, BPF_JEQ, SNAP_ETHERNET, ethernet, FALL);
	code_if(c, BPF_JEQ, SNAP_APPLE, apple, done);
	code_place(c, ethernet);
	code_put(c, LOAD_H, 4);
	code_if(c, BPF_JEQ, 0, snap, done);
	code_place(c, apple);
	code_put(c, LOAD_H, 4);
	code_if(c, BPF_JEQ, 7, snap, done);
	code_place(c, snap);
	code_put(c, LOAD_H, 6);
	store(c, STRICT_TYPE);
	go_on(c, SNAP_BYTES);
	code_put(c, BPF_STX, STRICT_NETWORK);
	code_goto(c, done);
	code_place(c, other);
}

/* A is the EtherType, M[STRICT_NETWORK] where a PPPoE header begins, if there is one: six bytes,
 * and PPP's protocol. Then goes to done. */
static void skip_session(struct code *c, uint16_t done)
{
	uint16_t session = code_label(c), other = code_label(c), four = code_label(c),
	         six = code_label(c);

	code_if(c, BPF_JEQ, PPPOE_SESSION, session, other);
	code_place(c, session);
	code_put(c, BPF_LDX | BPF_MEM, STRICT_NETWORK);
	code_put(c, LOAD_H, 2);
	code_put(c, OR, STRICT_THERE);
	store(c, STRICT_SESSION);
	set(c, STRICT_TYPE, 0);
	code_put(c, FROM_X, 0);
	code_put(c, ADD, 8);
	store(c, STRICT_NETWORK);
	code_put(c, LOAD_H, 6);
	code_if(c, BPF_JEQ, PPP_IP4, four, FALL);
	code_if(c, BPF_JEQ, PPP_IP6, six, done);
	set_ip_type(c, four, six, done);
	code_goto(c, done);
	code_place(c, other);
}

static void dissect_ip4(struct code *c, uint16_t done)
{
	code_put(c, BPF_LDX | BPF_MEM, STRICT_NETWORK);
	code_put(c, LOAD_B, 9);
	store(c, STRICT_PROTO);
	code_put(c, LOAD_H, 6);
	code_if(c, BPF_JSET, 0x1fff, done, FALL); /* a later fragment */
	code_put(c, LOAD_B, 0);
	code_put(c, AND, 0xf);
	code_put(c, SHIFT_LEFT, 2);
	code_put(c, ADD_X, 0);
	store(c, STRICT_TRANSPORT);
	code_goto(c, done);
}

/* X is where a header of type M[STRICT_PROTO] begins; go on behind it if it is an extension
 * header. */
static void skip_header(struct code *c, uint16_t found, uint16_t done)
{
	uint16_t plain = code_label(c), fragment = code_label(c), next = code_label(c);

	code_put(c, BPF_LD | BPF_MEM, STRICT_PROTO);
	code_if(c, BPF_JEQ, HOP_BY_HOP, plain, FALL);
	code_if(c, BPF_JEQ, ROUTING, plain, FALL);
	code_if(c, BPF_JEQ, OPTIONS, plain, FALL);
	code_if(c, BPF_JEQ, FRAGMENT, fragment, found);
	code_place(c, fragment);
	code_put(c, LOAD_B, 0);
	store(c, STRICT_PROTO);
	code_put(c, LOAD_H, 2);
	code_if(c, BPF_JSET, 0xfff8, done, FALL); /* a later fragment */
	go_on(c, 8);
	code_goto(c, next);
	code_place(c, plain);
	code_put(c, LOAD_B, 0);
	store(c, STRICT_PROTO);
	code_put(c, LOAD_B, 1);
	code_put(c, ADD, 1);
	code_put(c, SHIFT_LEFT, 3);
	code_put(c, ADD_X, 0);
	code_put(c, TO_X, 0);
	code_place(c, next);
}

static void dissect_ip6(struct code *c, uint16_t done)
{
	uint16_t found = code_label(c);

	code_put(c, BPF_LDX | BPF_MEM, STRICT_NETWORK);
	code_put(c, LOAD_B, 6);
	store(c, STRICT_PROTO);
	go_on(c, 40);
	for (int i = 0; i < STRICT_HEADERS; i++)
		skip_header(c, found, done);
	code_goto(c, done);
	code_place(c, found);
	code_put(c, BPF_STX, STRICT_TRANSPORT);
}

static void dissect_network(struct code *c, const struct start *s)
{
	uint16_t done = code_label(c);

	code_put(c, BPF_LDX | BPF_IMM, s->type_at < 0 ? s->network : (uint32_t)s->type_at);
	if (s->type_at < 0) {
		type_by_version(c);
		return;
	}
	skip_vlans(c);
	code_put(c, FROM_X, 0);
	code_put(c, ADD, s->network - (uint32_t)s->type_at);
	store(c, STRICT_NETWORK);
	code_put(c, LOAD_H, 0);
	store(c, STRICT_TYPE);
	skip_llc(c, s->link, done);
	skip_session(c, done);
	skip_labels(c);
	code_place(c, done);
}

static void dissect_transport(struct code *c)
{
	uint16_t ip6 = code_label(c), done = code_label(c);

	code_put(c, BPF_LD | BPF_MEM, STRICT_TYPE);
	code_if(c, BPF_JEQ, IP6, ip6, FALL);
	code_if(c, BPF_JEQ, IP4, FALL, done);
	dissect_ip4(c, done);
	code_place(c, ip6);
	dissect_ip6(c, done);
	code_place(c, done);
}

bool strict_dissect(struct code *c, int link, enum strict_depth depth)
{
	const struct start *s = starts, *end = starts + sizeof starts / sizeof *starts;

	while (s < end && s->link != link)
		s++;
	if (s == end)
		return false;
	for (unsigned slot = 0; depth > STRICT_FRAME && slot < STRICT_TEMPORARY; slot++)
		set(c, slot, 0);
	if (depth >= STRICT_TO_NETWORK)
		dissect_network(c, s);
	if (depth >= STRICT_TO_TRANSPORT)
		dissect_transport(c);
	return true;
}
