/* dpf/tool/syntax.c - see syntax.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/syntax.h"
#include <stdlib.h>
#include <string.h>

struct parser {
	struct syntax *s;
	struct token t;      /* the next one */
	const char *passed;  /* the end of the one before */
	struct qualifiers q; /* the last ones, for an address without any */
	bool has_qualifiers;
	int depth;
};

enum { NOTHING = -1 }; /* in place of a node: an error was noted */

static int fail(struct parser *p, const char *message)
{
	if (!p->s->message) {
		p->s->message = message;
		p->s->where = p->t;
	}
	return NOTHING;
}

static struct token advance(struct parser *p)
{
	struct token t = p->t;

	p->passed = t.at + t.length;
	p->t = token_read(p->passed);
	return t;
}

static bool accept(struct parser *p, const char *word)
{
	if (!token_is(&p->t, word))
		return false;
	advance(p);
	return true;
}

static int add(struct parser *p, const struct node *n)
{
	struct syntax *s = p->s;

	if (s->nodes == SYNTAX_NODES_MAX)
		return fail(p, "more than 8192 parts");
	if ((s->nodes & (s->nodes - 1)) == 0) { /* full, at a power of two */
		void *more = realloc(s->node, (s->nodes ? 2 * (size_t)s->nodes : 1) * sizeof *s->node);

		if (!more)
			return fail(p, "no memory");
		s->node = more;
	}
	s->node[s->nodes] = *n;
	return s->nodes++;
}
_Static_assert(SYNTAX_NODES_MAX == 8192, "as the message says");

static int add_two(struct parser *p, enum node_kind kind, struct token t, int left, int right)
{
	const struct node n = { .kind = kind, .token = t, .left = left, .right = right };

	return left < 0 || right < 0 ? NOTHING : add(p, &n);
}

static bool enter(struct parser *p)
{
	if (p->depth < SYNTAX_DEPTH_MAX) {
		p->depth++;
		return true;
	}
	fail(p, "nested more than 200 deep");
	return false;
}
_Static_assert(SYNTAX_DEPTH_MAX == 200, "as the message says");

static bool is_binary(const struct token *t, int *level)
{
	static const char *const operators[][4] = { { "|", "^" }, { "&" }, { "<<", ">>" },
		{ "+", "-" }, { "*", "/", "%" } };

	for (*level = 0; *level < 5; ++*level)
		for (int i = 0; i < 4 && operators[*level][i]; i++)
			if (t->kind == TOKEN_SIGN && token_is(t, operators[*level][i]))
				return true;
	return false;
}

static bool is_relation(const struct token *t)
{
	static const char *const relations[] = { "<", ">", "<=", ">=", "=", "==", "!=" };

	for (unsigned i = 0; i < sizeof relations / sizeof *relations; i++)
		if (t->kind == TOKEN_SIGN && token_is(t, relations[i]))
			return true;
	return false;
}

static int arithmetic(struct parser *p, int level);

/* PROTO `[` index [`:` bytes] `]`; the protocol has been read. */
static int load(struct parser *p, struct token proto)
{
	struct node n = { .kind = NODE_LOAD, .token = proto, .value = 1 };

	advance(p);
	n.left = arithmetic(p, 0);
	if (n.left < 0)
		return NOTHING;
	if (accept(p, ":")) {
		if (p->t.kind != TOKEN_NUMBER || (p->t.value != 1 && p->t.value != 2 && p->t.value != 4))
			return fail(p, "a load has 1, 2 or 4 bytes");
		n.value = advance(p).value;
	}
	return accept(p, "]") ? add(p, &n) : fail(p, "expected `]' or `:' and the number of bytes");
}

static int operand(struct parser *p)
{
	struct token t = p->t;

	if (t.kind == TOKEN_NUMBER) {
		advance(p);
		return add(p, &(struct node){ .kind = NODE_NUMBER, .token = t, .value = t.value });
	}
	if (accept(p, "len") || accept(p, "length"))
		return add(p, &(struct node){ .kind = NODE_LENGTH, .token = t });
	if (accept(p, "-")) {
		int inner = enter(p) ? operand(p) : NOTHING;

		p->depth--;
		return add_two(p, NODE_NEGATE, t, inner, 0);
	}
	if (accept(p, "(")) {
		int inner = arithmetic(p, 0);

		return inner < 0 || accept(p, ")") ? inner : fail(p, "expected `)' or an operator");
	}
	if (t.kind == TOKEN_PROTO) {
		advance(p);
		return token_is(&p->t, "[") ? load(p, t) : fail(p, "expected `[' behind the protocol");
	}
	return fail(p, "expected a number, `len' or PROTOCOL[OFFSET]");
}

/* Operators of this level or a tighter one. */
static int arithmetic(struct parser *p, int level)
{
	int left, at;

	if (!enter(p))
		return NOTHING;
	left = operand(p);
	while (left >= 0 && is_binary(&p->t, &at) && at >= level) {
		struct token t = advance(p);

		left = add_two(p, NODE_BINARY, t, left, arithmetic(p, at + 1));
	}
	p->depth--;
	return left;
}

static int compare(struct parser *p)
{
	int left = arithmetic(p, 0);

	if (left < 0)
		return NOTHING;
	if (!is_relation(&p->t))
		return fail(p, "expected a comparison, as `=' or `>'");
	struct token t = advance(p);
	return add_two(p, NODE_COMPARE, t, left, arithmetic(p, 0));
}

static bool is_id(const struct token *t)
{
	return t->kind == TOKEN_NUMBER || t->kind == TOKEN_IP4 || t->kind == TOKEN_IP6 ||
	       t->kind == TOKEN_MAC || t->kind == TOKEN_NAME;
}

static int one_id(struct parser *p, const char *wanted)
{
	struct node n = { .kind = NODE_ID, .token = p->t, .q = p->q };

	if (!is_id(&p->t))
		return fail(p, wanted);
	if (p->q.type.kind != TOKEN_END && (token_is(&p->q.type, "proto") ||
	    token_is(&p->q.type, "protochain")) && p->t.kind == TOKEN_IP4)
		return fail(p, "expected a protocol's number or name");
	advance(p);
	if (accept(p, "/") || accept(p, "mask")) {
		if (p->t.kind != TOKEN_NUMBER && p->t.kind != TOKEN_IP4)
			return fail(p, "expected the length of a prefix, or a mask");
		n.extra = advance(p);
	}
	n.begin = n.token.at;
	n.end = p->passed;
	return add(p, &n);
}

/* What was read since `begin` is the text of node n. */
static int with_text(struct parser *p, int n, const char *begin)
{
	if (n >= 0 && !p->s->node[n].begin) {
		p->s->node[n].begin = begin;
		p->s->node[n].end = p->passed;
	}
	return n;
}

static bool accept_not(struct parser *p) { return accept(p, "not") || accept(p, "!"); }

/* `and` or `or` comes next: which one. */
static bool joint(struct parser *p, struct token *t, enum node_kind *kind)
{
	*t = p->t;
	*kind = NODE_AND;
	if (accept(p, "and") || accept(p, "&&"))
		return true;
	*kind = NODE_OR;
	return accept(p, "or") || accept(p, "||");
}

/* An address, or several in parentheses, under the qualifiers read last. */
static int ids(struct parser *p, const char *wanted)
{
	struct token t = p->t;
	enum node_kind kind;
	int left;

	if (!enter(p))
		return NOTHING;
	if (accept_not(p)) {
		left = add_two(p, NODE_NOT, t, ids(p, wanted), 0);
	} else if (accept(p, "(")) {
		left = ids(p, wanted);
		while (left >= 0 && joint(p, &t, &kind))
			left = add_two(p, kind, t, left, ids(p, wanted));
		if (left >= 0 && !accept(p, ")"))
			left = fail(p, "expected `)', `and' or `or'");
	} else {
		left = one_id(p, wanted);
	}
	p->depth--;
	return left;
}

static bool read_direction(struct parser *p, struct qualifiers *q)
{
	static const char *const others[] = { "addr1", "addr2", "addr3", "addr4", "address1",
		"address2", "address3", "address4", "ra", "ta" };
	bool src = token_is(&p->t, "src");

	for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
		if (accept(p, others[i])) {
			q->direction = DIRECTION_OTHER;
			return true;
		}
	if (!src && !token_is(&p->t, "dst"))
		return true;
	advance(p);
	q->direction = src ? DIRECTION_SRC : DIRECTION_DST;
	bool both = token_is(&p->t, "and") || token_is(&p->t, "&&");
	struct token next = token_read(p->t.at + p->t.length);
	if (!both && !token_is(&p->t, "or") && !token_is(&p->t, "||"))
		return true;
	if (!token_is(&next, src ? "dst" : "src"))
		return true; /* the `and' of an expression: libpcap says so at the next word */
	advance(p);
	advance(p);
	q->direction = both ? DIRECTION_BOTH : DIRECTION_EITHER;
	return true;
}

static const char *read_type(struct parser *p, struct qualifiers *q)
{
	static const struct { const char *word, *wanted; } types[] = {
		{ "host", "expected a host's address or name" },
		{ "net", "expected a network's address or name" },
		{ "portrange", "expected a range of ports, as 80-90" },
		{ "port", "expected a port's number or name" },
		{ "protochain", "expected a protocol's number or name" },
		{ "proto", "expected a protocol's number or name" },
		{ "gateway", "expected a host's name" },
	};

	for (unsigned i = 0; i < sizeof types / sizeof *types; i++)
		if (token_is(&p->t, types[i].word)) {
			q->type = advance(p);
			return types[i].wanted;
		}
	return NULL;
}

/* [PROTO] [direction] [type] address; or less, if that says something. */
static int qualified(struct parser *p)
{
	struct qualifiers q = { 0 };
	struct token first = p->t;

	if (p->t.kind == TOKEN_PROTO)
		q.proto = advance(p);
	if (token_is(&p->t, "broadcast") || token_is(&p->t, "multicast")) {
		const struct node n = { .kind = NODE_CAST, .token = advance(p), .q = q };
		return add(p, &n);
	}
	read_direction(p, &q);
	const char *wanted = read_type(p, &q);
	p->q = q;
	p->has_qualifiers = true;
	if (wanted || q.direction != DIRECTION_NONE) {
		int n = ids(p, wanted ? wanted : "expected `host', `net', `port' or an address");

		if (n >= 0 && p->s->node[n].kind == NODE_ID)
			p->s->node[n].begin = first.at;
		return n;
	}
	p->has_qualifiers = false;
	if (q.proto.kind == TOKEN_END)
		return fail(p, "expected an expression: a protocol, `host', `port', `net', ...");
	if (is_id(&p->t) || p->t.kind == TOKEN_WORD) {
		struct token t = p->t;

		if (!token_is(&t, "and") && !token_is(&t, "or"))
			return fail(p, "expected `src', `dst', `host', `net', `port', `[', `and' or `or'");
	}
	return add(p, &(struct node){ .kind = NODE_PROTO, .token = first, .q = q });
}

/* Parentheses around nothing but a number. */
static bool opens_number(const struct parser *p)
{
	struct token t = p->t;

	while (token_is(&t, "("))
		t = token_read(t.at + t.length);
	if (t.kind != TOKEN_NUMBER)
		return false;
	t = token_read(t.at + t.length);
	return token_is(&t, ")");
}

static int with_number(struct parser *p, enum node_kind kind, bool optional)
{
	struct node n = { .kind = kind, .token = advance(p) };
	unsigned open = 0;

	while (optional && token_is(&p->t, "(") && opens_number(p)) {
		advance(p);
		open++;
	}
	n.has_value = p->t.kind == TOKEN_NUMBER;
	if (n.has_value)
		n.value = advance(p).value;
	else if (!optional)
		return fail(p, "expected a number");
	for (; open > 0; open--)
		if (!accept(p, ")"))
			return fail(p, "expected `)'");
	return add(p, &n);
}

/* `byte` OFFSET operator VALUE */
static int byte(struct parser *p)
{
	struct node n = { .kind = NODE_OTHER, .token = advance(p) };
	int level;

	if (p->t.kind != TOKEN_NUMBER)
		return fail(p, "expected a number");
	advance(p);
	if (!is_binary(&p->t, &level) && !is_relation(&p->t))
		return fail(p, "expected an operator");
	advance(p);
	if (p->t.kind != TOKEN_NUMBER)
		return fail(p, "expected a number");
	advance(p);
	return add(p, &n);
}

/* A keyword and the word that it needs, or may have. */
static int with_word(struct parser *p)
{
	struct node n = { .kind = NODE_OTHER, .token = advance(p) };
	bool optional = token_is(&n.token, "llc");
	bool joins = token_is(&p->t, "and") || token_is(&p->t, "or") || p->t.kind == TOKEN_SIGN ||
	             p->t.kind == TOKEN_END || p->t.kind == TOKEN_WRONG;

	if (!joins)
		n.extra = advance(p);
	else if (!optional)
		return fail(p, "expected a word or a number");
	return add(p, &n);
}

static int primitive(struct parser *p)
{
	static const char *const plain[] = { "type", "subtype", "dir", "direction", "vpi", "vci",
		"ifname", "on", "rset", "ruleset", "rnr", "rulenum", "srnr", "subrulenum", "reason",
		"action", "sio", "opc", "dpc", "sls", "llc", "ifindex" };

	if (p->t.kind == TOKEN_ALONE) {
		struct token t = advance(p);
		return add(p, &(struct node){ .kind = NODE_OTHER, .token = t });
	}
	if (token_is(&p->t, "vlan") || token_is(&p->t, "mpls") || token_is(&p->t, "pppoes") ||
	    token_is(&p->t, "geneve"))
		return with_number(p, NODE_TAG, true);
	if (token_is(&p->t, "less") || token_is(&p->t, "greater"))
		return with_number(p, NODE_SIZE, false);
	if (token_is(&p->t, "byte"))
		return byte(p);
	for (unsigned i = 0; i < sizeof plain / sizeof *plain; i++)
		if (token_is(&p->t, plain[i]))
			return with_word(p);
	return qualified(p);
}

/* Do the parentheses that open here hold arithmetic? What follows them tells. */
static bool opens_arithmetic(const struct parser *p)
{
	struct token t = p->t;
	int open = 0, level;

	do {
		open += token_is(&t, "(") ? 1 : token_is(&t, ")") ? -1 : 0;
		t = token_read(t.at + t.length);
	} while (open > 0 && t.kind != TOKEN_END && t.kind != TOKEN_WRONG);
	return is_relation(&t) || is_binary(&t, &level);
}

static int expression(struct parser *p);

/* Behind it, addresses have the qualifiers from before it, as in libpcap. */
static int parenthesis(struct parser *p)
{
	bool has_qualifiers = p->has_qualifiers;
	struct qualifiers q = p->q;

	advance(p);
	int n = expression(p);
	p->has_qualifiers = has_qualifiers;
	p->q = q;
	return n < 0 || accept(p, ")") ? n : fail(p, "expected `)', `and' or `or'");
}

static int term(struct parser *p)
{
	struct token t = p->t, next = token_read(t.at + t.length);
	int n, level;

	if (!enter(p))
		return NOTHING;
	bool before_operator = is_relation(&next) || is_binary(&next, &level);
	if (t.kind == TOKEN_WRONG) {
		n = fail(p, "not a word of the language");
	} else if (accept_not(p)) {
		n = add_two(p, NODE_NOT, t, term(p), 0);
	} else if (token_is(&t, "(") && !opens_arithmetic(p)) {
		n = parenthesis(p);
	} else if (token_is(&t, "(") || token_is(&t, "-") || token_is(&t, "len") ||
	           token_is(&t, "length") || (t.kind == TOKEN_NUMBER && before_operator) ||
	           (t.kind == TOKEN_PROTO && token_is(&next, "["))) {
		p->has_qualifiers = false;
		n = compare(p);
	} else if (is_id(&t) && p->has_qualifiers) {
		n = one_id(p, "");
	} else {
		p->has_qualifiers = false;
		n = primitive(p);
	}
	p->depth--;
	return with_text(p, n, t.at);
}

static int expression(struct parser *p)
{
	int left = term(p);
	enum node_kind kind;
	struct token t;

	while (left >= 0 && joint(p, &t, &kind))
		left = add_two(p, kind, t, left, term(p));
	return left;
}

bool syntax_read(struct syntax *s, const char *text)
{
	struct parser p = { .s = s, .t = token_read(text) };

	*s = (struct syntax){ 0 };
	if (p.t.kind == TOKEN_END) {
		s->root = add(&p, &(struct node){ .kind = NODE_ALL });
	} else {
		s->root = expression(&p);
		if (s->root >= 0 && p.t.kind != TOKEN_END)
			s->root = fail(&p, "expected `and', `or' or the end");
	}
	return s->root >= 0;
}

void syntax_free(struct syntax *s) { free(s->node); }
