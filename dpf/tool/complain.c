/* dpf/tool/complain.c - see complain.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/complain.h"
#include "dpf/tool/json.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 2048 };

static struct { bool json; } how;

void complain_as_json(void) { how.json = true; }
bool complains_as_json(void) { return how.json; }

void complain(const char *format, ...)
{
	char message[MESSAGE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	if (!how.json) {
		fprintf(stderr, "dpf: %s\n", message);
		return;
	}
	fputs("{\"error\":", stderr);
	json_string(stderr, message);
	fputs("}\n", stderr);
}

/* The line of the text that has the spot, and a mark below: white space as it is there, so that
 * tabs line up. */
static void show(const struct spot *s)
{
	const char *at = s->text + s->column, *begin = at;

	while (begin > s->text && begin[-1] != '\n')
		begin--;
	size_t line = strcspn(begin, "\n"), before = (size_t)(at - begin), length = s->length;
	if (before + length > line)
		length = line - before;
	fprintf(stderr, "  %.*s\n  ", (int)line, begin);
	for (const char *c = begin; c < at; c++)
		putc(*c == '\t' ? '\t' : ' ', stderr);
	putc('^', stderr);
	while (length-- > 1)
		putc('~', stderr);
	putc('\n', stderr);
}

static void object(const struct spot *s, const char *message)
{
	fputs("{\"error\":", stderr);
	json_string(stderr, message);
	fputs(",\"path\":", stderr);
	if (s->path)
		json_string(stderr, s->path);
	else
		fputs("null", stderr);
	fprintf(stderr, ",\"line\":%u,\"column\":%u,\"length\":%u,\"expression\":", s->line,
	        s->indent + s->column + 1, s->length);
	json_string(stderr, s->text);
	fputs("}\n", stderr);
}

void complain_at(const struct spot *s, const char *format, ...)
{
	char message[MESSAGE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	if (how.json) {
		object(s, message);
		return;
	}
	if (s->path)
		fprintf(stderr, "dpf: %s:%u:%u: %s\n", s->path, s->line, s->indent + s->column + 1,
		        message);
	else
		fprintf(stderr, "dpf: column %u: %s\n", s->column + 1, message);
	show(s);
}
