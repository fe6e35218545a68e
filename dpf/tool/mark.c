/* dpf/tool/mark.c - see mark.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/mark.h"
#include "dpf/tool/json.h"
#include "dpf/tool/syntax.h"
#include <stdio.h>
#include <string.h>

/* A part of the expression's text. */
struct place {
	unsigned column, length;
};

/* The word in quotes in libpcap's message, if the text has it. */
static bool find_quoted(const char *message, const char *text, struct place *place)
{
	char word[128];
	const char *open = strpbrk(message, "'\"");
	size_t n = open ? strcspn(open + 1, "'\"") : 0;

	if (n == 0 || n >= sizeof word || !open[n + 1])
		return false;
	memcpy(word, open + 1, n);
	word[n] = 0;
	const char *at = strstr(text, word);
	if (at)
		*place = (struct place){ (unsigned)(at - text), (unsigned)n };
	return at;
}

/* White space as it is, so that tabs line up; then the mark. */
static void underline(const char *text, struct place p)
{
	fputs("  ", stderr);
	for (unsigned i = 0; i < p.column; i++)
		putc(text[i] == '\t' ? '\t' : ' ', stderr);
	putc('^', stderr);
	for (unsigned i = 1; i < p.length; i++)
		putc('~', stderr);
	putc('\n', stderr);
}

/* One object, on standard error. */
static void mark_json(const struct filters *f, const struct expression *e, const char *message,
                      struct place place)
{
	fputs("{\"error\":", stderr);
	json_string(stderr, message);
	fputs(",\"path\":", stderr);
	if (e->line)
		json_string(stderr, f->path);
	else
		fputs("null", stderr);
	fprintf(stderr, ",\"line\":%u,\"column\":%u,\"length\":%u,\"expression\":", e->line,
	        e->column + place.column + 1, place.length);
	json_string(stderr, e->text);
	fputs("}\n", stderr);
}

static void mark(const struct filters *f, const struct expression *e, const char *message,
                 struct place place, bool ends)
{
	const char *end = ends ? ", and the expression ends here" : "";

	if (f->json) {
		mark_json(f, e, message, place);
		return;
	}
	if (e->line)
		fprintf(stderr, "dpf: %s:%u:%u: %s%s\n", f->path, e->line,
		        e->column + place.column + 1, message, end);
	else
		fprintf(stderr, "dpf: column %u: %s%s\n", place.column + 1, message, end);
	if (strchr(e->text, '\n'))
		return;
	fprintf(stderr, "  %s\n", e->text);
	underline(e->text, place);
}

void mark_place(const struct filters *f, const struct expression *e, const char *message,
                const struct token *where)
{
	struct place place = { where->at ? (unsigned)(where->at - e->text) : 0, where->length };

	mark(f, e, message, place, where->kind == TOKEN_END && where->at);
}

void mark_error(const struct filters *f, const struct expression *e, const char *message)
{
	static const char *const prefix = "can't parse filter expression: ";
	struct place place = { 0, (unsigned)strlen(e->text) };
	struct syntax s;

	if (strncmp(message, prefix, strlen(prefix)) == 0)
		message += strlen(prefix);
	if (!syntax_read(&s, e->text)) {
		mark_place(f, e, s.message, &s.where);
	} else {
		find_quoted(message, e->text, &place);
		mark(f, e, message, place, false);
	}
	syntax_free(&s);
}
