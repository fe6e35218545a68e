/* dpf/tool/strict.c - see strict.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/strict.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IP4 = 0x0800, ARP = 0x0806, RARP = 0x8035, IP6 = 0x86dd };
enum { TCP = 6, UDP = 17, SCTP = 132 };

/* Protocols by name. Under no type the number is an EtherType; else an IP protocol, in IPv4
 * or IPv6 or (both set) in either. */
static const struct protocol {
	const char *name;
	uint32_t number;
	bool ip4, ip6;
} protocols[] = {
	{ "ip", IP4, false, false }, { "ip6", IP6, false, false }, { "ipv6", IP6, false, false },
	{ "arp", ARP, false, false }, { "rarp", RARP, false, false },
	{ "tcp", TCP, true, true }, { "udp", UDP, true, true }, { "sctp", SCTP, true, true },
	{ "icmp", 1, true, false }, { "icmp6", 58, false, true }, { "icmpv6", 58, false, true },
	{ "igmp", 2, true, false }, { "igrp", 9, true, false }, { "pim", 103, true, true },
	{ "vrrp", 112, true, true }, { "carp", 112, true, true }, { "ah", 51, true, true },
	{ "esp", 50, true, true },
};

struct strict {
	struct code *c;
	const struct syntax *s;
	int link;
	unsigned temporaries; /* in use */
	const char *message;
	struct token where;
};

static void refuse(struct strict *x, const struct token *t, const char *message)
{
	if (x->message)
		return;
	x->message = message;
	x->where = *t;
}

static const struct protocol *find(const struct token *t)
{
	for (unsigned i = 0; i < sizeof protocols / sizeof *protocols; i++)
		if (token_is(t, protocols[i].name))
			return &protocols[i];
	return NULL;
}

static void load_slot(struct strict *x, unsigned slot)
{
	code_put(x->c, BPF_LD | BPF_MEM, slot);
}

/* A = big-endian load of this width (1, 2, 4) at M[slot] + offset */
static void load_at(struct strict *x, unsigned slot, unsigned width, uint32_t offset)
{
	unsigned size = width == 4 ? BPF_W : width == 2 ? BPF_H : BPF_B;

	code_put(x->c, BPF_LDX | BPF_MEM, slot);
	code_put(x->c, (uint16_t)(BPF_LD | size | BPF_IND), offset);
}

static void if_type(struct strict *x, uint32_t type, uint16_t yes, uint16_t no)
{
	load_slot(x, STRICT_TYPE);
	code_if(x->c, BPF_JEQ, type, yes, no);
}

/* Go to no unless the packet is of this protocol. */
static void need(struct strict *x, const struct protocol *p, uint16_t no)
{
	uint16_t right = code_label(x->c);

	if (!p->ip4 && !p->ip6) {
		if_type(x, p->number, FALL, no);
		return;
	}
	load_slot(x, STRICT_TYPE);
	if (p->ip4)
		code_if(x->c, BPF_JEQ, IP4, right, p->ip6 ? FALL : no);
	if (p->ip6)
		code_if(x->c, BPF_JEQ, IP6, right, no);
	code_place(x->c, right);
	load_slot(x, STRICT_PROTO);
	code_if(x->c, BPF_JEQ, p->number, FALL, no);
}

static bool is_ethernet(struct strict *x, const struct token *t)
{
	if (x->link == DLT_EN10MB)
		return true;
	refuse(x, t, "strict meaning: only Ethernet has such addresses");
	return false;
}

/* Six bytes at an offset of the frame. */
static void if_mac(struct strict *x, uint32_t offset, const uint8_t mac[6], uint16_t yes,
                   uint16_t no)
{
	code_put(x->c, BPF_LD | BPF_W | BPF_ABS, offset + 2);
	code_if(x->c, BPF_JEQ, (uint32_t)mac[2] << 24 | (uint32_t)mac[3] << 16 | mac[4] << 8 | mac[5],
	        FALL, no);
	code_put(x->c, BPF_LD | BPF_H | BPF_ABS, offset);
	code_if(x->c, BPF_JEQ, (uint32_t)(mac[0] << 8 | mac[1]), yes, no);
}

/* Compare `words` words at M[STRICT_NETWORK] + offset under masks. */
static void if_words(struct strict *x, uint32_t offset, const uint32_t *value,
                     const uint32_t *mask, int words, uint16_t yes, uint16_t no)
{
	for (int i = 0; i < words; i++) {
		if (!mask[i])
			continue;
		load_at(x, STRICT_NETWORK, 4, offset + 4 * (uint32_t)i);
		code_put(x->c, BPF_ALU | BPF_AND, mask[i]);
		code_if(x->c, BPF_JEQ, value[i] & mask[i], FALL, no);
	}
	code_goto(x->c, yes);
}

/* What is compared for one direction. */
typedef void side_fn(struct strict *x, const void *what, bool source, uint16_t yes, uint16_t no);

/* Source, destination, either or both. */
static void sides(struct strict *x, const struct node *n, side_fn *side, const void *what,
                  uint16_t yes, uint16_t no)
{
	uint16_t second = code_label(x->c);

	switch (n->q.direction) {
	case DIRECTION_SRC: side(x, what, true, yes, no); break;
	case DIRECTION_DST: side(x, what, false, yes, no); break;
	case DIRECTION_BOTH:
		side(x, what, true, second, no);
		code_place(x->c, second);
		side(x, what, false, yes, no);
		break;
	case DIRECTION_OTHER: refuse(x, &n->token, "strict meaning: not for 802.11"); break;
	default:
		side(x, what, true, yes, second);
		code_place(x->c, second);
		side(x, what, false, yes, no);
	}
}

static void mac_side(struct strict *x, const void *mac, bool source, uint16_t yes, uint16_t no)
{
	if_mac(x, source ? 6 : 0, mac, yes, no);
}

static void gen_mac(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	uint8_t mac[6] = { 0 };
	unsigned digits = 0, i = 0;

	if (!is_ethernet(x, &n->token))
		return;
	/* Groups of one or two digits, or of four. */
	for (unsigned k = 0; k < n->token.length && i < 6; k++) {
		char text[2] = { n->token.at[k], 0 };

		if (strchr(":-.", *text)) {
			i += digits > 0;
			digits = 0;
			continue;
		}
		if (digits == 2) {
			i++;
			digits = 0;
		}
		if (i < 6)
			mac[i] = (uint8_t)(mac[i] << 4 | strtoul(text, NULL, 16));
		digits++;
	}
	sides(x, n, mac_side, mac, yes, no);
}

/* A network or a host. */
struct network {
	uint32_t value[4], mask[4];
	int words; /* 1 or 4 */
};

static void network_side(struct strict *x, const void *what, bool source, uint16_t yes, uint16_t no)
{
	const struct network *w = what;
	uint16_t arp = code_label(x->c), ip = code_label(x->c);

	if (w->words == 4) {
		if_words(x, source ? 8 : 24, w->value, w->mask, 4, yes, no);
		return;
	}
	load_slot(x, STRICT_TYPE);
	code_if(x->c, BPF_JEQ, IP4, ip, arp);
	code_place(x->c, ip);
	if_words(x, source ? 12 : 16, w->value, w->mask, 1, yes, no);
	code_place(x->c, arp);
	if_words(x, source ? 14 : 24, w->value, w->mask, 1, yes, no);
}

static void set_prefix(struct network *w, unsigned bits)
{
	for (int i = 0; i < 4; i++, bits -= bits < 32 ? bits : 32)
		w->mask[i] = bits >= 32 ? 0xffffffff : bits ? 0xffffffff << (32 - bits) : 0;
}

/* Up to four numbers with dots between; *bytes: how many. */
static bool read_ip4(const struct token *t, uint32_t *v, unsigned *bytes)
{
	const char *s = t->at;
	char *end;

	*v = 0;
	for (*bytes = 0; *bytes < 4 && s < t->at + t->length; ++*bytes) {
		unsigned long b = strtoul(s, &end, 10);

		if (end == s || b > 255)
			return false;
		*v |= (uint32_t)b << (24 - 8 * *bytes);
		s = end + 1;
	}
	return *bytes > 0;
}

/* A number alone: its first byte that is not 0 comes first, as in libpcap. */
static void read_short_net(uint32_t v, struct network *w)
{
	*w = (struct network){ .words = 1, .value = { v }, .mask = { 0xffffffff } };
	while (v && w->value[0] >> 24 == 0) {
		w->value[0] <<= 8;
		w->mask[0] <<= 8;
	}
}

static bool read_network(const struct node *n, struct network *w)
{
	bool net = token_is(&n->q.type, "net");
	char text[64];
	unsigned bytes;

	if (net && n->token.kind == TOKEN_NUMBER && n->extra.kind == TOKEN_END) {
		read_short_net(n->token.value, w);
		return true;
	}
	*w = (struct network){ .words = n->token.kind == TOKEN_IP6 ? 4 : 1 };
	if (w->words == 4) {
		struct in6_addr a;

		snprintf(text, sizeof text, "%.*s", (int)n->token.length, n->token.at);
		if (inet_pton(AF_INET6, text, &a) != 1)
			return false;
		for (int i = 0; i < 4; i++)
			w->value[i] = (uint32_t)a.s6_addr[4 * i] << 24 | (uint32_t)a.s6_addr[4 * i + 1] << 16 |
			              (uint32_t)a.s6_addr[4 * i + 2] << 8 | a.s6_addr[4 * i + 3];
		bytes = 16;
	} else if (!read_ip4(&n->token, &w->value[0], &bytes) || (!net && bytes != 4)) {
		return false;
	}
	uint32_t most = w->words == 4 ? 128 : 32;
	set_prefix(w, net && n->extra.kind == TOKEN_NUMBER ? n->extra.value : 8 * bytes);
	if (n->extra.kind == TOKEN_IP4 && !read_ip4(&n->extra, &w->mask[0], &bytes))
		return false;
	return n->extra.kind != TOKEN_NUMBER || (net && n->extra.value <= most);
}

static void gen_network(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	const struct protocol *p = n->q.proto.kind == TOKEN_END ? NULL : find(&n->q.proto);
	uint16_t right = code_label(x->c);
	struct network w;

	if (!read_network(n, &w)) {
		refuse(x, &n->token, "strict meaning: only addresses in figures");
		return;
	}
	load_slot(x, STRICT_TYPE);
	if (p && (p->ip4 || p->ip6 || (w.words == 4) != (p->number == IP6))) {
		refuse(x, &n->q.proto, "strict meaning: no such addresses in this protocol");
	} else if (p || w.words == 4) {
		code_if(x->c, BPF_JEQ, p ? p->number : IP6, FALL, no);
	} else {
		code_if(x->c, BPF_JEQ, IP4, right, FALL);
		code_if(x->c, BPF_JEQ, ARP, right, FALL);
		code_if(x->c, BPF_JEQ, RARP, right, no);
	}
	code_place(x->c, right);
	sides(x, n, network_side, &w, yes, no);
}

struct ports {
	uint32_t lo, hi;
};

static void port_side(struct strict *x, const void *what, bool source, uint16_t yes, uint16_t no)
{
	const struct ports *w = what;

	load_at(x, STRICT_TRANSPORT, 2, source ? 0 : 2);
	if (w->lo == w->hi) {
		code_if(x->c, BPF_JEQ, w->lo, yes, no);
		return;
	}
	code_if(x->c, BPF_JGE, w->lo, FALL, no);
	code_if(x->c, BPF_JGT, w->hi, no, yes);
}

/* One port, in figures or by its name in services(5). */
static bool read_port(const char *s, size_t n, uint32_t *port)
{
	char text[64];
	char *end;

	if (n == 0 || n >= sizeof text)
		return false;
	memcpy(text, s, n);
	text[n] = 0;
	unsigned long v = strtoul(text, &end, 0);
	struct servent *e = *end ? getservbyname(text, NULL) : NULL;
	*port = e ? ntohs((uint16_t)e->s_port) : (uint32_t)v;
	return e || (*end == 0 && v <= UINT16_MAX);
}

static bool read_ports(const struct node *n, struct ports *w)
{
	const char *s = n->token.at, *dash = memchr(s, '-', n->token.length);
	size_t length = n->token.length;

	if (!token_is(&n->q.type, "portrange") || !dash) {
		bool good = read_port(s, length, &w->lo);
		w->hi = w->lo;
		return good;
	}
	if (!read_port(s, (size_t)(dash - s), &w->lo) ||
	    !read_port(dash + 1, length - (size_t)(dash - s) - 1, &w->hi))
		return false;
	if (w->lo > w->hi) /* either order, as in libpcap */
		*w = (struct ports){ w->hi, w->lo };
	return true;
}

static void gen_port(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	const struct protocol *p = n->q.proto.kind == TOKEN_END ? NULL : find(&n->q.proto);
	uint16_t right = code_label(x->c);
	struct ports w;

	if (!read_ports(n, &w)) {
		refuse(x, &n->token, "strict meaning: unknown port");
		return;
	}
	if (n->q.proto.kind != TOKEN_END &&
	    (!p || (p->number != TCP && p->number != UDP && p->number != SCTP))) {
		refuse(x, &n->q.proto, "strict meaning: this protocol has no ports");
		return;
	}
	load_slot(x, STRICT_HAS_HEADER);
	code_if(x->c, BPF_JEQ, 1, FALL, no);
	load_slot(x, STRICT_PROTO);
	if (p) {
		code_if(x->c, BPF_JEQ, p->number, FALL, no);
	} else {
		code_if(x->c, BPF_JEQ, TCP, right, FALL);
		code_if(x->c, BPF_JEQ, UDP, right, FALL);
		code_if(x->c, BPF_JEQ, SCTP, right, no);
	}
	code_place(x->c, right);
	sides(x, n, port_side, &w, yes, no);
}

/* [ether|ip|ip6] proto NUMBER or NAME */
static void gen_proto(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	struct token name = n->token;
	bool ether = token_is(&n->q.proto, "ether") || token_is(&n->q.proto, "link");
	struct protocol p = { .number = name.value };

	if (name.kind == TOKEN_NAME) {
		name.at += *name.at == '\\';
		name.length -= name.at != n->token.at;
		name.kind = TOKEN_WORD;
		const struct protocol *named = find(&name);
		if (!named || ether == (named->ip4 || named->ip6)) {
			refuse(x, &n->token, "strict meaning: unknown protocol");
			return;
		}
		p.number = named->number;
	} else if (name.kind != TOKEN_NUMBER) {
		refuse(x, &n->token, "strict meaning: unknown protocol");
		return;
	}
	if (!ether) {
		bool any = n->q.proto.kind == TOKEN_END;

		p.ip4 = any || token_is(&n->q.proto, "ip");
		p.ip6 = any || token_is(&n->q.proto, "ip6") || token_is(&n->q.proto, "ipv6");
		if (!p.ip4 && !p.ip6) {
			refuse(x, &n->q.proto, "strict meaning: only of ether, ip and ip6");
			return;
		}
	}
	need(x, &p, no);
	code_goto(x->c, yes);
}

static void gen_id(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	const struct token *type = &n->q.type;

	if (type->kind != TOKEN_END && (token_is(type, "port") || token_is(type, "portrange")))
		gen_port(x, n, yes, no);
	else if (type->kind != TOKEN_END && token_is(type, "proto"))
		gen_proto(x, n, yes, no);
	else if (type->kind != TOKEN_END && !token_is(type, "host") && !token_is(type, "net"))
		refuse(x, type, "strict meaning: not covered");
	else if (n->token.kind == TOKEN_MAC)
		gen_mac(x, n, yes, no);
	else
		gen_network(x, n, yes, no);
}

/* `vlan`, `vlan N`, `mpls`, `mpls N`: any of the tags. */
static void gen_tag(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	bool vlan = token_is(&n->token, "vlan");
	unsigned slot = vlan ? STRICT_VLAN : STRICT_MPLS;
	unsigned last = slot + (vlan ? STRICT_VLANS : STRICT_LABELS) - 1;

	if (!vlan && !token_is(&n->token, "mpls")) {
		refuse(x, &n->token, "strict meaning: not covered");
		return;
	}
	if (!n->has_value) {
		load_slot(x, slot);
		code_if(x->c, BPF_JEQ, 0, no, yes);
		return;
	}
	for (; slot <= last; slot++) {
		load_slot(x, slot);
		code_if(x->c, BPF_JEQ, n->value | STRICT_THERE, yes, slot == last ? no : FALL);
	}
}

static void gen_cast(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct token *p = &n->q.proto;
	bool multicast = token_is(&n->token, "multicast");

	if (p->kind == TOKEN_END || token_is(p, "ether") || token_is(p, "link")) {
		if (!is_ethernet(x, &n->token))
			return;
		if (!multicast) {
			if_mac(x, 0, all, yes, no);
			return;
		}
		code_put(x->c, BPF_LD | BPF_B | BPF_ABS, 0);
		code_if(x->c, BPF_JSET, 1, yes, no);
	} else if (multicast && token_is(p, "ip")) {
		if_type(x, IP4, FALL, no);
		load_at(x, STRICT_NETWORK, 1, 16);
		code_if(x->c, BPF_JGE, 224, yes, no);
	} else if (multicast && (token_is(p, "ip6") || token_is(p, "ipv6"))) {
		if_type(x, IP6, FALL, no);
		load_at(x, STRICT_NETWORK, 1, 24);
		code_if(x->c, BPF_JEQ, 255, yes, no);
	} else {
		refuse(x, p, "strict meaning: not covered");
	}
}

/* Where a load counts from; STRICT_SLOTS: the frame. Goes to no if that is not there. */
static unsigned find_start(struct strict *x, const struct token *proto, uint16_t no)
{
	const struct protocol *p = find(proto);

	if (token_is(proto, "ether") || token_is(proto, "link"))
		return STRICT_SLOTS;
	if (!p) {
		refuse(x, proto, "strict meaning: not covered");
		return STRICT_SLOTS;
	}
	need(x, p, no);
	if (!p->ip4 && !p->ip6)
		return STRICT_NETWORK;
	load_slot(x, STRICT_HAS_HEADER);
	code_if(x->c, BPF_JEQ, 1, FALL, no);
	return STRICT_TRANSPORT;
}

static void gen_value(struct strict *x, int i, uint16_t no);

/* Beyond this no packet has a byte; and below, offsets cannot wrap. */
enum { INDEX_MAX = 0xfffffff };

static void gen_load(struct strict *x, const struct node *n, uint16_t no)
{
	unsigned size = n->value == 4 ? BPF_W : n->value == 2 ? BPF_H : BPF_B;
	unsigned start;

	gen_value(x, n->left, no);
	code_if(x->c, BPF_JGT, INDEX_MAX, no, FALL);
	if (x->temporaries + STRICT_TEMPORARY == STRICT_SLOTS) {
		refuse(x, &n->token, "strict meaning: arithmetic nested too deep");
		return;
	}
	unsigned slot = STRICT_TEMPORARY + x->temporaries;
	code_put(x->c, BPF_ST, slot);
	start = find_start(x, &n->token, no);
	load_slot(x, slot);
	if (start != STRICT_SLOTS) {
		code_put(x->c, BPF_LDX | BPF_MEM, start);
		code_put(x->c, BPF_ALU | BPF_ADD | BPF_X, 0);
	}
	code_put(x->c, BPF_MISC | BPF_TAX, 0);
	code_put(x->c, (uint16_t)(BPF_LD | size | BPF_IND), 0);
}

/* A = left, X = right. */
static void gen_both(struct strict *x, const struct node *n, uint16_t no)
{
	unsigned slot = STRICT_TEMPORARY + x->temporaries;

	if (slot == STRICT_SLOTS) {
		refuse(x, &n->token, "strict meaning: arithmetic nested too deep");
		return;
	}
	gen_value(x, n->right, no);
	code_put(x->c, BPF_ST, slot);
	x->temporaries++;
	gen_value(x, n->left, no);
	x->temporaries--;
	code_put(x->c, BPF_LDX | BPF_MEM, slot);
}

static uint16_t operation(const struct token *t)
{
	static const struct { const char *sign; uint16_t op; } operations[] = {
		{ "+", BPF_ADD }, { "-", BPF_SUB }, { "*", BPF_MUL }, { "/", BPF_DIV },
		{ "%", BPF_MOD }, { "&", BPF_AND }, { "|", BPF_OR }, { "^", BPF_XOR },
		{ "<<", BPF_LSH }, { ">>", BPF_RSH },
	};

	for (unsigned i = 0; i < sizeof operations / sizeof *operations; i++)
		if (token_is(t, operations[i].sign))
			return operations[i].op;
	return BPF_ADD;
}

/* A = the value; goes to no where a load has no protocol to load from. */
static void gen_value(struct strict *x, int i, uint16_t no)
{
	const struct node *n = &x->s->node[i];

	switch (n->kind) {
	case NODE_NUMBER: code_put(x->c, BPF_LD | BPF_IMM, n->value); break;
	case NODE_LENGTH: code_put(x->c, BPF_LD | BPF_W | BPF_LEN, 0); break;
	case NODE_LOAD: gen_load(x, n, no); break;
	case NODE_NEGATE:
		gen_value(x, n->left, no);
		code_put(x->c, BPF_ALU | BPF_NEG, 0);
		break;
	default: /* NODE_BINARY */
		gen_both(x, n, no);
		code_put(x->c, (uint16_t)(BPF_ALU | operation(&n->token) | BPF_X), 0);
	}
}

static void gen_compare(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	const struct token *t = &n->token;

	gen_both(x, n, no);
	if (token_is(t, "=") || token_is(t, "=="))
		code_if(x->c, BPF_JEQ | BPF_X, 0, yes, no);
	else if (token_is(t, "!="))
		code_if(x->c, BPF_JEQ | BPF_X, 0, no, yes);
	else if (token_is(t, ">"))
		code_if(x->c, BPF_JGT | BPF_X, 0, yes, no);
	else if (token_is(t, "<="))
		code_if(x->c, BPF_JGT | BPF_X, 0, no, yes);
	else if (token_is(t, ">="))
		code_if(x->c, BPF_JGE | BPF_X, 0, yes, no);
	else
		code_if(x->c, BPF_JGE | BPF_X, 0, no, yes);
}

static void gen(struct strict *x, int i, uint16_t yes, uint16_t no);

static void gen_two(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	uint16_t middle = code_label(x->c);

	if (n->kind == NODE_AND)
		gen(x, n->left, middle, no);
	else
		gen(x, n->left, yes, middle);
	code_place(x->c, middle);
	gen(x, n->right, yes, no);
}

static void gen_size(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	code_put(x->c, BPF_LD | BPF_W | BPF_LEN, 0);
	if (token_is(&n->token, "less"))
		code_if(x->c, BPF_JGT, n->value, no, yes);
	else
		code_if(x->c, BPF_JGE, n->value, yes, no);
}

static void gen_protocol(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	const struct protocol *p = find(&n->token);

	if (!p) {
		refuse(x, &n->token, "strict meaning: not covered");
		return;
	}
	need(x, p, no);
	code_goto(x->c, yes);
}

static void gen(struct strict *x, int i, uint16_t yes, uint16_t no)
{
	const struct node *n = &x->s->node[i];

	switch (n->kind) {
	case NODE_ALL: code_goto(x->c, yes); break;
	case NODE_AND:
	case NODE_OR: gen_two(x, n, yes, no); break;
	case NODE_NOT: gen(x, n->left, no, yes); break;
	case NODE_ID: gen_id(x, n, yes, no); break;
	case NODE_PROTO: gen_protocol(x, n, yes, no); break;
	case NODE_TAG: gen_tag(x, n, yes, no); break;
	case NODE_COMPARE: gen_compare(x, n, yes, no); break;
	case NODE_SIZE: gen_size(x, n, yes, no); break;
	case NODE_CAST: gen_cast(x, n, yes, no); break;
	default: refuse(x, &n->token, "strict meaning: not covered");
	}
}

static bool is_frames(const struct token *t)
{
	return t->kind != TOKEN_END && (token_is(t, "ether") || token_is(t, "link"));
}

static enum strict_depth depth_of_id(const struct node *n)
{
	static const char *const in_transport[] = { "port", "portrange", "proto" };

	for (int i = 0; n->q.type.kind != TOKEN_END && i < 3; i++)
		if (token_is(&n->q.type, in_transport[i]) && !is_frames(&n->q.proto))
			return STRICT_TO_TRANSPORT;
	return n->token.kind == TOKEN_MAC ? STRICT_FRAME : STRICT_TO_NETWORK;
}

static enum strict_depth depth_of_protocol(const struct token *t)
{
	const struct protocol *p = find(t);

	if (is_frames(t))
		return STRICT_FRAME;
	return p && !p->ip4 && !p->ip6 ? STRICT_TO_NETWORK : STRICT_TO_TRANSPORT;
}

static enum strict_depth depth_of(const struct node *n)
{
	switch (n->kind) {
	case NODE_ID: return depth_of_id(n);
	case NODE_PROTO:
	case NODE_LOAD: return depth_of_protocol(&n->token);
	case NODE_TAG:
	case NODE_CAST: return STRICT_TO_NETWORK;
	default: return STRICT_FRAME;
	}
}

static enum strict_depth deepest(const struct syntax *s)
{
	enum strict_depth depth = STRICT_FRAME;

	for (int i = 0; i < s->nodes; i++)
		if (depth_of(&s->node[i]) > depth)
			depth = depth_of(&s->node[i]);
	return depth;
}

bool strict_compile(struct code *c, const struct syntax *s, int link, uint32_t snaplen,
                    const char **message, struct token *where)
{
	struct strict x = { .c = c, .s = s, .link = link };
	struct token begin = s->node[0].token;

	c->n = c->labels = 0;
	c->full = false;
	uint16_t yes = code_label(c), no = code_label(c);
	if (strict_dissect(c, link, deepest(s)))
		gen(&x, s->root, yes, no);
	else
		refuse(&x, &begin, "strict meaning: not for this link type");
	code_place(c, yes);
	code_put(c, BPF_RET, snaplen);
	code_place(c, no);
	code_put(c, BPF_RET, 0);
	if (!code_finish(c))
		refuse(&x, &begin, "strict meaning: more than 16384 instructions");
	*message = x.message;
	*where = x.where;
	return !x.message;
}
_Static_assert(CODE_INSNS_MAX == 16384, "as the message says");
