/* dpf/tool/mark.c - see mark.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/mark.h"
#include "dpf/tool/complain.h"
#include "dpf/tool/syntax.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct spot spot_of(const struct expression *e, const char *at, unsigned length)
{
	return (struct spot){ e->path, e->line, e->column, e->text, (unsigned)(at - e->text), length };
}

void mark_place(const struct expression *e, const char *message, const struct token *where)
{
	struct spot s = spot_of(e, where->at ? where->at : e->text, where->length);
	bool ends = where->kind == TOKEN_END && where->at;

	complain_at(&s, "%s%s", message, ends ? ", and the expression ends here" : "");
}

void mark_all(const struct expression *e, const char *message)
{
	struct spot s = spot_of(e, e->text, (unsigned)strlen(e->text));

	complain_at(&s, "%s", message);
}

/* A part of a text. */
struct part {
	const char *at;
	size_t length;
};

/* The first place in the part where this word stands, alone. */
static bool find_word(struct part *p, const char *word, size_t n)
{
	const char *end = p->at + p->length;

	for (const char *s = p->at; n > 0 && s + n <= end; s++) {
		bool begins = s == p->at || !isalnum((unsigned char)s[-1]);
		bool ends = s + n == end || !isalnum((unsigned char)s[n]);

		if (begins && ends && memcmp(s, word, n) == 0) {
			*p = (struct part){ s, n };
			return true;
		}
	}
	return false;
}

/* Narrow the part to what the message names: a word in quotes, or else a number. */
static void narrow(struct part *p, const char *message)
{
	const char *open = strpbrk(message, "'\"");
	size_t n = open ? strcspn(open + 1, "'\"") : 0;

	if (n > 0 && open[n + 1] && find_word(p, open + 1, n))
		return;
	for (const char *s = message + strcspn(message, "0123456789"); *s;
	     s += n, s += strcspn(s, "0123456789")) {
		n = strspn(s, "0123456789");
		if (find_word(p, s, n))
			return;
	}
}

static const char *qualifier(const struct token *t, int *length)
{
	*length = t->kind == TOKEN_END ? 0 : (int)t->length;
	return t->at ? t->at : "";
}

/* The primitive as an expression of its own: an address gets its qualifiers, which may stand
 * elsewhere. NULL without memory. */
static char *alone(const struct node *n)
{
	static const char *const directions[] = { [DIRECTION_SRC] = "src", [DIRECTION_DST] = "dst",
		[DIRECTION_EITHER] = "src or dst", [DIRECTION_BOTH] = "src and dst" };
	const char *direction = n->q.direction < DIRECTION_OTHER ? directions[n->q.direction] : "";
	int proto_length, type_length;
	const char *proto = qualifier(&n->q.proto, &proto_length);
	const char *type = qualifier(&n->q.type, &type_length);
	char *text = NULL;

	if (n->kind == NODE_ID ? asprintf(&text, "%.*s %s %.*s %.*s", proto_length, proto,
	                                  direction ? direction : "", type_length, type,
	                                  (int)(n->end - n->token.at), n->token.at) < 0
	                       : asprintf(&text, "%.*s", (int)(n->end - n->begin), n->begin) < 0)
		return NULL;
	return text;
}

static bool is_primitive(const struct node *n)
{
	return n->begin && n->kind != NODE_AND && n->kind != NODE_OR && n->kind != NODE_NOT &&
	       n->kind != NODE_ALL;
}

/* Does libpcap refuse the primitive alone, with this message? */
static bool is_refused(const struct node *n, pcap_t *in, const char *message)
{
	struct bpf_program program;
	char *text = alone(n);
	bool refused = text && pcap_compile(in, &program, text, 1, 0) != 0;

	if (text && !refused)
		pcap_freecode(&program);
	free(text);
	return refused && strcmp(pcap_geterr(in), message) == 0;
}

/* The part of an expression, whose grammar is right, that libpcap means. */
static struct part find_part(const struct syntax *s, const char *text, pcap_t *in,
                             const char *message)
{
	struct part p = { text, strlen(text) };
	char same[PCAP_ERRBUF_SIZE];

	snprintf(same, sizeof same, "%s", message);
	for (int i = 0; i < s->nodes; i++) {
		const struct node *n = &s->node[i];

		if (!is_primitive(n) || !is_refused(n, in, same))
			continue;
		p = (struct part){ n->begin, (size_t)(n->end - n->begin) };
		if (n->extra.kind != TOKEN_END && (strstr(same, "mask") || strstr(same, "Mask")))
			return (struct part){ n->extra.at, n->extra.length };
		break;
	}
	narrow(&p, same);
	return p;
}

void mark_error(const struct expression *e, pcap_t *in, const char *message)
{
	static const char *const prefix = "can't parse filter expression: ";
	char words[PCAP_ERRBUF_SIZE];
	struct syntax s;

	snprintf(words, sizeof words, "%s", message);
	if (!syntax_read(&s, e->text)) {
		mark_place(e, s.message, &s.where);
	} else {
		struct part p = find_part(&s, e->text, in, words);
		struct spot spot = spot_of(e, p.at, (unsigned)p.length);
		bool has_prefix = strncmp(words, prefix, strlen(prefix)) == 0;

		complain_at(&spot, "%s", words + (has_prefix ? strlen(prefix) : 0));
	}
	syntax_free(&s);
}
