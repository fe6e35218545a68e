/* dpf/tool/strict_address.c - hosts and networks, MAC and IP.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/strict_parts.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void mac_side(struct strict *x, const void *mac, bool source, uint16_t yes, uint16_t no)
{
	strict_if_mac(x, source ? 6 : 0, mac, yes, no);
}

void strict_mac(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	uint8_t mac[6] = { 0 };
	unsigned digits = 0, i = 0;

	if (!strict_is_ethernet(x, &n->token))
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
	strict_sides(x, n, mac_side, mac, yes, no);
}

/* Compare `words` words at M[STRICT_NETWORK] + offset under masks. */
static void if_words(struct strict *x, uint32_t offset, const uint32_t *value,
                     const uint32_t *mask, int words, uint16_t yes, uint16_t no)
{
	for (int i = 0; i < words; i++) {
		if (!mask[i])
			continue;
		strict_load_at(x, STRICT_NETWORK, 4, offset + 4 * (uint32_t)i);
		code_put(x->c, BPF_ALU | BPF_AND, mask[i]);
		code_if(x->c, BPF_JEQ, value[i] & mask[i], FALL, no);
	}
	code_goto(x->c, yes);
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
	strict_load_slot(x, STRICT_TYPE);
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

/* Go on if the packet is of the protocol p, or (NULL) of one that has such addresses. */
static void need_addresses(struct strict *x, const struct protocol *p, int words, uint16_t no)
{
	uint16_t right = code_label(x->c);

	strict_load_slot(x, STRICT_TYPE);
	if (p || words == 4) {
		code_if(x->c, BPF_JEQ, p ? p->number : IP6, FALL, no);
	} else {
		code_if(x->c, BPF_JEQ, IP4, right, FALL);
		code_if(x->c, BPF_JEQ, ARP, right, FALL);
		code_if(x->c, BPF_JEQ, RARP, right, no);
	}
	code_place(x->c, right);
}

static bool has_addresses(const struct protocol *p, int words)
{
	if (!p)
		return true;
	return words == 4 ? p->number == IP6
	                  : p->number == IP4 || p->number == ARP || p->number == RARP;
}

static void gen_one(struct strict *x, const struct node *n, const struct protocol *p,
                    const struct network *w, uint16_t yes, uint16_t no)
{
	need_addresses(x, p, w->words, no);
	strict_sides(x, n, network_side, w, yes, no);
}

/* An address that a name has. */
static struct network network_of(const struct addrinfo *a)
{
	struct network w = { .words = a->ai_family == AF_INET6 ? 4 : 1 };
	uint8_t bytes[16] = { 0 };

	if (w.words == 4)
		memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr, 16);
	else
		memcpy(bytes, &((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr, 4);
	for (int i = 0; i < 16; i++)
		w.value[i / 4] |= (uint32_t)bytes[i] << (24 - i % 4 * 8);
	set_prefix(&w, w.words == 4 ? 128 : 32);
	return w;
}

/* A host by its name: any of its addresses that the protocol can have. */
static void gen_name(struct strict *x, const struct node *n, const struct protocol *p, uint16_t yes,
                     uint16_t no)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *all = NULL;
	char name[256];
	int used = 0;

	snprintf(name, sizeof name, "%.*s", (int)n->token.length, n->token.at);
	if (n->token.length >= sizeof name || getaddrinfo(name, NULL, &hints, &all) != 0)
		all = NULL;
	for (struct addrinfo *a = all; a; a = a->ai_next) {
		struct network w = network_of(a);
		uint16_t next = code_label(x->c);

		if ((a->ai_family != AF_INET && a->ai_family != AF_INET6) || !has_addresses(p, w.words))
			continue;
		gen_one(x, n, p, &w, yes, next);
		code_place(x->c, next);
		used++;
	}
	code_goto(x->c, no);
	if (all)
		freeaddrinfo(all);
	if (!used)
		strict_refuse(x, &n->token, "strict meaning: unknown host");
}

void strict_network(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	const struct protocol *p = n->q.proto.kind == TOKEN_END ? NULL : strict_protocol(&n->q.proto);
	bool net = n->q.type.kind != TOKEN_END && token_is(&n->q.type, "net");
	struct network w;

	if (n->q.proto.kind != TOKEN_END && (!p || p->ip4 || p->ip6))
		strict_refuse(x, &n->q.proto, "strict meaning: no such addresses in this protocol");
	else if (n->token.kind == TOKEN_NAME && !net)
		gen_name(x, n, p, yes, no);
	else if (!read_network(n, &w))
		strict_refuse(x, &n->token, "strict meaning: not an address in figures");
	else if (!has_addresses(p, w.words))
		strict_refuse(x, &n->q.proto, "strict meaning: no such addresses in this protocol");
	else
		gen_one(x, n, p, &w, yes, no);
}
