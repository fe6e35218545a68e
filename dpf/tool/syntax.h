/* dpf/tool/syntax.h - pcap-filter(7) expressions as trees, and where they are wrong.
 *
 * `and` and `or` bind alike, to the left, as in libpcap; `not` binds tighter.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/tool/token.h"

enum { SYNTAX_NODES_MAX = 8192, SYNTAX_DEPTH_MAX = 200 };

enum node_kind {
	NODE_ALL,     /* the empty expression */
	NODE_AND, NODE_OR, NODE_NOT,
	NODE_ID,      /* `token`, e.g. an address, under qualifiers */
	NODE_PROTO,   /* a protocol alone: `token` */
	NODE_TAG,     /* vlan, mpls, pppoes, geneve: `token`; has_value: `value` */
	NODE_COMPARE, /* left `token` right */
	NODE_SIZE,    /* less, greater: `token`, `value` */
	NODE_CAST,    /* broadcast, multicast: `token` */
	NODE_OTHER,   /* a primitive that is only known to be one: `token` */
	NODE_NUMBER, NODE_LENGTH,
	NODE_LOAD,    /* `token` is the protocol, left the index, value the bytes */
	NODE_BINARY,  /* left `token` right */
	NODE_NEGATE,
};

enum direction { DIRECTION_NONE, DIRECTION_SRC, DIRECTION_DST, DIRECTION_EITHER,
	         DIRECTION_BOTH, DIRECTION_OTHER };

struct qualifiers {
	struct token proto, type; /* kind TOKEN_END: none */
	enum direction direction;
};

struct node {
	enum node_kind kind;
	struct token token, extra; /* extra: prefix length or mask of a net */
	const char *begin, *end;   /* a primitive's text; NULL: is none */
	struct qualifiers q;
	int left, right;           /* indices of nodes */
	uint32_t value;
	bool has_value;
};

struct syntax {
	struct node *node;  /* [nodes] */
	int nodes, root;
	/* What is wrong, and where; NULL: nothing. */
	const char *message;
	struct token where;
};

/* Read an expression. True if it is one; else message and where tell. Free it either way. */
bool syntax_read(struct syntax *s, const char *text);
void syntax_free(struct syntax *s);
