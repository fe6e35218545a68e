/* dpf/tool/rules.c - see rules.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/rules.h"
#include "dpf/tool/complain.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of the file, being read. */
struct cursor {
	const char *path;
	char *begin, *at;
	unsigned line;
};

static bool wrong(const struct cursor *c, const char *what)
{
	struct spot s = { c->path, c->line, 0, c->begin, (unsigned)(c->at - c->begin), 1 };

	complain_at(&s, "%s", what);
	return false;
}

static void skip_space(struct cursor *c) { c->at += strspn(c->at, " \t"); }

static bool is_owner(const char *s, size_t n)
{
	if (n == 0 || n > OWNER_BYTES_MAX || *s == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("._-", s[i]))
			return false;
	return true;
}

static bool read_owner(struct cursor *c, struct expression *e, char **end)
{
	size_t n = strcspn(c->at, " \t:");

	if (!is_owner(c->at, n))
		return wrong(c, "an owner's name has at most 100 letters, digits, `.', `_', `-'");
	e->owner = c->at;
	c->at += n;
	*end = c->at;
	skip_space(c);
	return true;
}

static bool read_priority(struct cursor *c, struct expression *e)
{
	unsigned long v = 0;
	char *s = c->at;

	for (; isdigit((unsigned char)*s); s++)
		if ((v = 10 * v + (unsigned long)(*s - '0')) > UINT16_MAX)
			return wrong(c, "a priority is at most 65535");
	e->priority = (uint16_t)v;
	c->at = s;
	skip_space(c);
	return true;
}

static bool read_rule(struct cursor *c, struct expression *e)
{
	char *owner_end;

	*e = (struct expression){ .path = c->path, .line = c->line };
	if (!read_owner(c, e, &owner_end) || !read_priority(c, e))
		return false;
	if (strncmp(c->at, "shared", 6) == 0) {
		e->flags = FILTER_SHARED;
		c->at += 6;
		skip_space(c);
	}
	if (*c->at != ':')
		return wrong(c, "expected OWNER [PRIORITY] [shared]: EXPRESSION");
	c->at++;
	*owner_end = 0;
	skip_space(c);
	e->text = c->at;
	e->column = (unsigned)(c->at - c->begin);
	return true;
}

static bool add(struct filters *f, const struct expression *e)
{
	if ((f->n & (f->n - 1)) == 0) { /* full, at a power of two */
		size_t room = f->n ? 2 * (size_t)f->n : 1;
		void *more = realloc(f->e, room * sizeof *f->e);

		if (!more)
			return false;
		f->e = more;
	}
	f->e[f->n++] = *e;
	return true;
}

/* The file's bytes and a 0, in *text. */
static bool slurp(const char *path, char **text)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	const char *why = NULL;
	size_t n = 0, room = 0;

	while (in && !feof(in) && !ferror(in) && !why) {
		if (n + 1 >= room) {
			char *more = realloc(*text, room = 2 * room + 4096);

			if (!more)
				break;
			*text = more;
		}
		n += fread(*text + n, 1, room - 1 - n, in);
		(*text)[n] = 0;
		why = n >= RULES_BYTES_MAX ? "more than 64 MiB" : NULL;
	}
	if (!why && (!in || !feof(in)))
		why = strerror(errno);
	else if (!why && strlen(*text) < n)
		why = "no text: it has a byte 0";
	if (why)
		complain("%s: %s", path, why);
	if (in && in != stdin)
		fclose(in);
	return !why;
}
_Static_assert(RULES_BYTES_MAX == 64 << 20, "as the message says");

static bool read_file(struct filters *f, const char *path, char **text)
{
	struct cursor c = { .path = path };
	char *next = NULL;

	if (!slurp(path, text))
		return false;
	for (c.begin = *text; c.begin; c.begin = next) {
		size_t n = strcspn(c.begin, "\n");
		struct expression e;

		next = c.begin[n] ? c.begin + n + 1 : NULL;
		c.begin[n] = 0;
		if (n > 0 && c.begin[n - 1] == '\r')
			c.begin[n - 1] = 0;
		c.at = c.begin;
		c.line++;
		skip_space(&c);
		if (*c.at == 0 || *c.at == '#')
			continue;
		if (!read_rule(&c, &e))
			return false;
		if (!add(f, &e)) {
			complain("%s: %s", path, reason(-E_NOMEM));
			return false;
		}
	}
	return true;
}

bool rules_read(struct filters *f, const struct options *o)
{
	for (int i = 0; i < o->nrules; i++)
		if (!read_file(f, o->rules[i], &f->text[i]))
			return false;
	if (f->n == 0)
		complain("%s: no rules", o->rules[0]);
	return f->n > 0;
}
