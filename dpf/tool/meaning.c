/* dpf/tool/meaning.c - see meaning.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/meaning.h"
#include <stddef.h>
#include <string.h>

enum kind { ORDER, SET, UNTAGGED, IP6_LOAD, HEADERS, INSIDE, KINDS };
_Static_assert((int)KINDS == (int)DIFFERENCES_MAX, "room for each kind");

static const struct { const char *kind, *words; } texts[KINDS] = {
	[ORDER] = { "tag-order", "libpcap: from here on to the end, packets are looked at behind "
	            "one more tag, and before here without; strict: order does not matter" },
	[SET] = { "tag-set", "libpcap: looks at another tag, further in, than the one before; "
	          "strict: at every tag" },
	[UNTAGGED] = { "untagged", "libpcap: only packets without VLAN tag, MPLS label, PPPoE or SNAP "
	               "header; strict: those with some, too" },
	[IP6_LOAD] = { "ipv6-load", "libpcap: only in IPv4; strict: in IPv6, too" },
	[INSIDE] = { "geneve", "libpcap: what follows is about what Geneve carries; strict: about the "
	             "packet that carries it" },
	[HEADERS] = { "extension-headers", "libpcap: not behind IPv6 extension headers; strict: "
	              "there, too" },
};

struct compare {
	const struct node *seen[KINDS];
	const struct node *vlan, *mpls; /* the first of each */
};

static void note(struct compare *c, enum kind k, const struct node *n)
{
	if (!c->seen[k] || n->token.at < c->seen[k]->token.at)
		c->seen[k] = n;
}

static bool is_one_of(const struct token *t, const char *const list[])
{
	for (int i = 0; t->kind != TOKEN_END && list[i]; i++)
		if (token_is(t, list[i]))
			return true;
	return false;
}

/* Protocols that both versions of IP carry. */
static const char *const carried[] = { "tcp", "udp", "sctp", "pim", "vrrp", "carp", "ah", "esp",
	                               NULL };
static const char *const carried_by_ip6[] = { "tcp", "udp", "sctp", "pim", "vrrp", "carp", "ah",
	                                      "esp", "icmp6", "icmpv6", NULL };
static const char *const frames[] = { "ether", "link", NULL };

static void look_at_tag(struct compare *c, const struct node *n, int primitives)
{
	if (token_is(&n->token, "geneve")) {
		note(c, primitives > 1 ? INSIDE : UNTAGGED, n);
		return;
	}
	const struct node **first = token_is(&n->token, "vlan") ? &c->vlan : &c->mpls;

	if (*first)
		note(c, SET, n);
	else
		*first = n;
	if (primitives > 1)
		note(c, ORDER, n);
}

static void look_at_id(struct compare *c, const struct node *n)
{
	static const char *const by_port[] = { "port", "portrange", NULL };
	static const char *const by_proto[] = { "proto", NULL };
	static const char *const ip4[] = { "ip", NULL };

	if (n->token.kind != TOKEN_MAC)
		note(c, UNTAGGED, n);
	if (is_one_of(&n->q.type, by_port) || (is_one_of(&n->q.type, by_proto) &&
	    !is_one_of(&n->q.proto, frames) && !is_one_of(&n->q.proto, ip4)))
		note(c, HEADERS, n);
}

static void look_at(struct compare *c, const struct node *n, int primitives)
{
	switch (n->kind) {
	case NODE_TAG: look_at_tag(c, n, primitives); break;
	case NODE_ID: look_at_id(c, n); break;
	case NODE_LOAD:
		if (!is_one_of(&n->token, frames))
			note(c, UNTAGGED, n);
		if (is_one_of(&n->token, carried))
			note(c, IP6_LOAD, n);
		if (is_one_of(&n->token, carried_by_ip6))
			note(c, HEADERS, n);
		break;
	case NODE_PROTO:
		note(c, UNTAGGED, n);
		if (is_one_of(&n->token, carried_by_ip6))
			note(c, HEADERS, n);
		break;
	case NODE_OTHER:
		if (token_is(&n->token, "llc"))
			note(c, UNTAGGED, n);
		break;
	default: break;
	}
}

static int count_primitives(const struct syntax *s)
{
	int n = 0;

	for (int i = 0; i < s->nodes; i++)
		n += s->node[i].kind == NODE_ID || s->node[i].kind == NODE_PROTO ||
		     s->node[i].kind == NODE_TAG || s->node[i].kind == NODE_COMPARE ||
		     s->node[i].kind == NODE_SIZE || s->node[i].kind == NODE_CAST ||
		     s->node[i].kind == NODE_OTHER;
	return n;
}

int meaning_compare(const struct syntax *s, struct difference d[DIFFERENCES_MAX])
{
	struct compare c = { .vlan = NULL };
	int n = 0, primitives = count_primitives(s);

	for (int i = 0; i < s->nodes; i++)
		look_at(&c, &s->node[i], primitives);
	if (c.vlan || c.mpls)
		c.seen[UNTAGGED] = NULL;
	for (int k = 0; k < KINDS; k++)
		if (c.seen[k])
			d[n++] = (struct difference){ texts[k].kind, texts[k].words,
				                      c.seen[k]->token };
	return n;
}
