/* dpf/tool/strict_value.c - arithmetic, loads, and comparisons of values.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/strict_parts.h"

/* Where a load counts from; STRICT_SLOTS: the frame. Goes to no if that is not there. */
static unsigned find_start(struct strict *x, const struct token *proto, uint16_t no)
{
	const struct protocol *p = strict_protocol(proto);

	if (token_is(proto, "ether") || token_is(proto, "link"))
		return STRICT_SLOTS;
	if (!p) {
		strict_refuse(x, proto, strict_not_covered);
		return STRICT_SLOTS;
	}
	strict_need(x, p, no);
	if (!p->ip4 && !p->ip6)
		return STRICT_NETWORK;
	strict_load_slot(x, STRICT_TRANSPORT);
	code_if(x->c, BPF_JEQ, 0, no, FALL);
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
		strict_refuse(x, &n->token, "strict meaning: arithmetic nested too deep");
		return;
	}
	unsigned slot = STRICT_TEMPORARY + x->temporaries;
	code_put(x->c, BPF_ST, slot);
	start = find_start(x, &n->token, no);
	strict_load_slot(x, slot);
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
		strict_refuse(x, &n->token, "strict meaning: arithmetic nested too deep");
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

void strict_compare(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
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
