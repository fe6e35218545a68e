/* dpf/tool/strict.c - see strict.h: from an expression's tree to its program. The parts are in
 * strict_*.c. SPDX-License-Identifier: ISC */
#include "dpf/tool/strict_parts.h"

static void gen_id(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	const struct token *type = &n->q.type;

	if (type->kind != TOKEN_END && (token_is(type, "port") || token_is(type, "portrange")))
		strict_port(x, n, yes, no);
	else if (type->kind != TOKEN_END && (token_is(type, "proto") || token_is(type, "protochain")))
		strict_proto(x, n, yes, no);
	else if (type->kind != TOKEN_END && token_is(type, "gateway"))
		strict_refuse(x, type, "strict meaning: a gateway is `ether host MAC and not host ADDRESS'");
	else if (n->token.kind == TOKEN_MAC)
		strict_mac(x, n, yes, no);
	else
		strict_network(x, n, yes, no);
}

/* `vlan`, `vlan N`, `mpls`, `mpls N`: any of the tags; `pppoes`, `pppoes N`: the session. */
static void gen_tag(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	static const struct { const char *word; unsigned slot, count; } tags[] = {
		{ "vlan", STRICT_VLAN, STRICT_VLANS },
		{ "mpls", STRICT_MPLS, STRICT_LABELS },
		{ "pppoes", STRICT_SESSION, 1 },
	};
	enum { TAGS = sizeof tags / sizeof *tags };
	unsigned i = 0;

	while (i < TAGS && !token_is(&n->token, tags[i].word))
		i++;
	if (i == TAGS) {
		strict_geneve(x, n, yes, no);
		return;
	}
	unsigned slot = tags[i].slot, last = slot + tags[i].count - 1;
	if (!n->has_value) {
		strict_load_slot(x, slot);
		code_if(x->c, BPF_JSET, STRICT_THERE, yes, no);
		return;
	}
	for (; slot <= last; slot++) {
		strict_load_slot(x, slot);
		code_if(x->c, BPF_JEQ, n->value | STRICT_THERE, yes, slot == last ? no : FALL);
	}
}

static void gen_cast(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct token *p = &n->q.proto;
	bool multicast = token_is(&n->token, "multicast");

	if (p->kind == TOKEN_END || token_is(p, "ether") || token_is(p, "link")) {
		if (!strict_is_ethernet(x, &n->token))
			return;
		if (!multicast) {
			strict_if_mac(x, 0, all, yes, no);
			return;
		}
		code_put(x->c, BPF_LD | BPF_B | BPF_ABS, 0);
		code_if(x->c, BPF_JSET, 1, yes, no);
	} else if (multicast && token_is(p, "ip")) {
		strict_if_type(x, IP4, FALL, no);
		strict_load_at(x, STRICT_NETWORK, 1, 16);
		code_if(x->c, BPF_JGE, 224, yes, no);
	} else if (multicast && (token_is(p, "ip6") || token_is(p, "ipv6"))) {
		strict_if_type(x, IP6, FALL, no);
		strict_load_at(x, STRICT_NETWORK, 1, 24);
		code_if(x->c, BPF_JEQ, 255, yes, no);
	} else {
		strict_refuse(x, p, strict_not_covered);
	}
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
	const struct protocol *p = strict_protocol(&n->token);

	if (!p) {
		if (!strict_without_type(x, &n->token, yes, no))
			strict_refuse(x, &n->token, strict_not_covered);
		return;
	}
	strict_need(x, p, no);
	code_goto(x->c, yes);
}

static void gen_other(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	if (token_is(&n->token, "llc"))
		strict_llc(x, n, yes, no);
	else if (token_is(&n->token, "inbound") || token_is(&n->token, "outbound"))
		strict_way(x, n, yes, no);
	else
		gen_protocol(x, n, yes, no); /* pppoed, and words that are refused */
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
	case NODE_COMPARE: strict_compare(x, n, yes, no); break;
	case NODE_SIZE: gen_size(x, n, yes, no); break;
	case NODE_CAST: gen_cast(x, n, yes, no); break;
	default: gen_other(x, n, yes, no);
	}
}

static bool is_frames(const struct token *t)
{
	return t->kind != TOKEN_END && (token_is(t, "ether") || token_is(t, "link"));
}

static enum strict_depth depth_of_id(const struct node *n)
{
	static const char *const in_transport[] = { "port", "portrange", "proto", "protochain" };

	for (int i = 0; n->q.type.kind != TOKEN_END && i < 4; i++)
		if (token_is(&n->q.type, in_transport[i]) && !is_frames(&n->q.proto))
			return STRICT_TO_TRANSPORT;
	return n->token.kind == TOKEN_MAC ? STRICT_FRAME : STRICT_TO_NETWORK;
}

static enum strict_depth depth_of_protocol(const struct token *t)
{
	const struct protocol *p = strict_protocol(t);

	if (is_frames(t))
		return STRICT_FRAME;
	return p && (p->ip4 || p->ip6) ? STRICT_TO_TRANSPORT : STRICT_TO_NETWORK;
}

static enum strict_depth depth_of(const struct node *n)
{
	switch (n->kind) {
	case NODE_ID: return depth_of_id(n);
	case NODE_PROTO:
	case NODE_LOAD: return depth_of_protocol(&n->token);
	case NODE_TAG:
		return token_is(&n->token, "geneve") ? STRICT_TO_TRANSPORT : STRICT_TO_NETWORK;
	case NODE_OTHER:
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
		strict_refuse(&x, &begin, "strict meaning: not for this link type");
	code_place(c, yes);
	code_put(c, BPF_RET, snaplen);
	code_place(c, no);
	code_put(c, BPF_RET, 0);
	if (!code_finish(c))
		strict_refuse(&x, &begin, "strict meaning: more than 16384 instructions");
	*message = x.message;
	*where = x.where;
	return !x.message;
}
_Static_assert(CODE_INSNS_MAX == 16384, "as the message says");
