/* dpf/tool/exec.c - run classic BPF programs on packets, one of each a line.
 *
 * In:  NAME PROGRAM PACKET WIRELEN, with one space or tab between two fields. PROGRAM is
 *      what `tcpdump -ddd` prints, PACKET the captured bytes, both in hexadecimal; an empty
 *      PACKET is `-` or nothing. WIRELEN is decimal.
 * Out: NAME VERDICT, the program's 32-bit return value, or NAME ERR reason; a line for each
 *      line that is not blank, in order, written before waiting for more. SPDX-License-Identifier: ISC */
#include "dpf/bpf.h"
#include "dpf/tool/complain.h"
#include "dpf/tool/hex.h"
#include "dpf/tool/json.h"
#include "dpf/tool/lines.h"
#include "dpf/tool/native.h"
#include "dpf/tool/program.h"
#include "dpf/tool/tool.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct exec {
	bool interpret, json;
	struct native *native;
	char *last;       /* PROGRAM of the line before, if it was good */
	struct filter_view view;
	struct program program;
	char text[LINE_BYTES_MAX / 2 + 1];
	uint8_t packet[LINE_BYTES_MAX / 2 + 1];
};

struct line {
	char *name, *program, *packet, *wirelen;
};

/* The field that *at begins, ended by a 0; NULL when the line is over. */
static char *field(char **at)
{
	char *begin = *at;

	if (!begin)
		return NULL;
	*at = begin + strcspn(begin, " \t");
	if (**at)
		*(*at)++ = 0;
	else
		*at = NULL;
	return begin;
}

static const char *split(char *text, struct line *l)
{
	size_t n = strlen(text);

	while (n > 0 && isspace((unsigned char)text[n - 1]))
		text[--n] = 0;
	l->name = field(&text);
	l->program = field(&text);
	l->packet = field(&text);
	l->wirelen = field(&text);
	if (*l->name == 0)
		return "the line has no name";
	return l->wirelen && !text ? NULL : "the line is not NAME PROGRAM PACKET WIRELEN";
}

static const char *length(const char *s, uint32_t *out)
{
	uint64_t v = 0;

	for (const char *p = s; *p; p++) {
		if (!isdigit((unsigned char)*p) || (v = 10 * v + (uint64_t)(*p - '0')) > UINT32_MAX)
			return "the wire length is not a decimal number below 2^32";
	}
	*out = (uint32_t)v;
	return *s ? NULL : "the wire length is missing";
}

/* Make PROGRAM the one that runs. */
static const char *load(struct exec *x, const char *hex)
{
	if (x->last && strcmp(x->last, hex) == 0)
		return NULL;
	free(x->last);
	x->last = NULL;
	long n = unhex(hex, x->text);
	if (n < 0)
		return "the program is not hexadecimal";
	x->text[n] = 0;
	if (strlen(x->text) < (size_t)n)
		return "the program's text has a byte 0";
	const char *wrong = program_parse(&x->program, x->text, &x->view);
	if (wrong)
		return wrong;
	if (!x->interpret && !native_compile(x->native, &x->view))
		return "the system gives no executable memory";
	x->last = strdup(hex);
	return NULL;
}

/* Returns NULL and the verdict, or what is wrong with the line. */
static const char *run(struct exec *x, char *text, struct line *l, uint32_t *verdict)
{
	const char *wrong = split(text, l);
	uint32_t wirelen;

	if (!wrong)
		wrong = length(l->wirelen, &wirelen);
	if (!wrong)
		wrong = load(x, l->program);
	if (wrong)
		return wrong;
	long n = strcmp(l->packet, "-") == 0 ? 0 : unhex(l->packet, x->packet);
	if (n < 0)
		return "the packet is not hexadecimal";
	*verdict = x->interpret ? bpf_run(&x->view, x->packet, (uint32_t)n, wirelen)
	                        : native_run(x->native, x->packet, (uint32_t)n, wirelen);
	return NULL;
}

static void answer(const struct exec *x, const char *name, const char *wrong, uint32_t verdict)
{
	if (x->json) {
		fputs("{\"name\":", stdout);
		json_string(stdout, name);
		if (wrong)
			printf(",\"error\":\"%s\"}\n", wrong);
		else
			printf(",\"verdict\":%u}\n", verdict);
	} else if (wrong) {
		printf("%s ERR %s\n", *name ? name : "-", wrong);
	} else {
		printf("%s %u\n", name, verdict);
	}
}

static enum line_result run_all(struct exec *x, struct lines *in)
{
	enum line_result r;
	char *text;

	while ((r = line_next(in, &text)) == LINE_OK || r == LINE_TOO_LONG) {
		if (text[strspn(text, " \t\r")] == 0)
			continue;
		struct line l = { .name = text };
		uint32_t verdict = 0;
		const char *wrong = "the line is longer than 4 MiB";

		if (r == LINE_OK)
			wrong = run(x, text, &l, &verdict);
		else
			text[strcspn(text, " \t")] = 0;
		answer(x, l.name, wrong, verdict);
	}
	return r;
}

int command_exec(int argc, char **argv)
{
	struct lines in = { .fd = STDIN_FILENO, .answers = stdout };
	enum line_result end = LINE_ERROR;
	struct options o;

	if (!options_read(&o, argc, argv, "ij") || o.nrest > 0)
		return o.nrest ? usage(argv[0], "%s is no option", *o.rest) : TOOL_ERROR;
	struct exec *x = calloc(1, sizeof *x);
	if (x) {
		x->interpret = o.interpret;
		x->json = o.json;
		x->native = native_create();
	}
	if (x && x->native)
		end = run_all(x, &in);
	if (end == LINE_ERROR)
		complain("exec: %s", strerror(errno));
	lines_free(&in);
	if (x) {
		native_destroy(x->native);
		free(x->last);
		free(x);
	}
	return finish(end == LINE_END ? 0 : TOOL_ERROR);
}
