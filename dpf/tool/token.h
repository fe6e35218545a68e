/* dpf/tool/token.h - the words of pcap-filter(7). SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum token_kind {
	TOKEN_END, TOKEN_WRONG,
	TOKEN_NUMBER,  /* decimal, octal or hexadecimal, or a named constant: `value` */
	TOKEN_IP4,     /* one to four numbers with dots; with one, it is a NUMBER */
	TOKEN_IP6, TOKEN_MAC,
	TOKEN_NAME,    /* a host, a port, a protocol's number; after `\` a keyword, too */
	TOKEN_PROTO,   /* a protocol that qualifies */
	TOKEN_ALONE,   /* a protocol or condition that stands alone */
	TOKEN_WORD,    /* any other keyword */
	TOKEN_SIGN,    /* punctuation */
};

struct token {
	enum token_kind kind;
	const char *at;  /* in the text */
	unsigned length;
	uint32_t value;
};

/* The token that begins at `at` or behind the white space there. */
struct token token_read(const char *at);

/* It is this keyword or punctuation. */
bool token_is(const struct token *t, const char *word);
