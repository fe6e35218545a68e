/* dpf/tool/main.c - the command `dpf`: filters on captures, seen from the host.
 *
 * Status: 0 something matched (match), all went well (others); 1 nothing matched; 2 an error,
 * said on standard error. docs/man/dpf.1 is the manual. Layer: host tool.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/complain.h"
#include "dpf/tool/json.h"
#include "dpf/tool/tool.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct verb {
	const char *name;
	command_fn *run;
	const char *arguments;
} verbs[] = {
	{ "match", command_match, "[--json] -r FILE EXPR..." },
	{ "demux", command_demux, "[--json] -f RULES -r FILE -w DIR" },
	{ "explain", command_explain, "[--json] -f RULES -r FILE [NUMBER...] | -f RULES HEX..." },
	{ "lint", command_lint, "[--json] [-y LINKTYPE] -f RULES | EXPR..." },
	{ "stats", command_stats, "[--json] [-y LINKTYPE] -f RULES | EXPR..." },
	{ "ir", command_ir, "[--json] [-d[d[d]]] [-y LINKTYPE] -f RULES | EXPR..." },
	{ "dot", command_dot, "[--json] [-d] [-y LINKTYPE] -f RULES | EXPR..." },
	{ "svg", command_svg, "[--json] [-y LINKTYPE] -f RULES | EXPR..." },
	{ "asm", command_asm, "[--json] [-y LINKTYPE] -f RULES | EXPR..." },
	{ "exec", command_exec, "[--json] [--interp]" },
	{ "replay", command_replay, "[--json] -i INTERFACE [-c CACHE -I INTERFACE] [-T nano|select|gtod]\n"
	  "                  [-x TIMES | -p PPS [--pps-multi N] | -M MBPS | -t] [-l LOOPS] [--loopdelay-ms MS]\n"
	  "                  [--unique-ip] [-L FRAMES] [--duration SECONDS] FILE" },
	{ "bench", command_bench, "[--json] [--instructions] [-w DIR] {-r FILE EXPR... | [CAPTURE...]}" },
};
enum { VERBS = sizeof verbs / sizeof *verbs };

static void list(FILE *out, const char *name)
{
	const char *lead = "usage:";

	for (int i = 0; i < VERBS; i++) {
		if (name && strcmp(verbs[i].name, name) != 0)
			continue;
		fprintf(out, "%s dpf %s %s\n", lead, verbs[i].name, verbs[i].arguments);
		lead = "      ";
	}
	if (!name)
		fprintf(out, "       Expressions: [--libpcap-compat | --strict-meaning]; see dpf-filter(7)\n");
}

/* In JSON, one object. */
static void list_json(const char *name, const char *why)
{
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	if (f)
		list(f, name), fclose(f);
	fputs("{\"error\":", stderr);
	json_string(stderr, why);
	fputs(",\"usage\":", stderr);
	json_string(stderr, text ? text : "");
	fputs("}\n", stderr);
	free(text);
}

int usage(const char *name, const char *why, ...)
{
	char words[1024];
	va_list arguments;
	int n = name ? snprintf(words, sizeof words, "%s: ", name) : 0;

	va_start(arguments, why);
	vsnprintf(words + n, sizeof words - (size_t)n, why, arguments);
	va_end(arguments);
	if (complains_as_json()) {
		list_json(name, words);
		return TOOL_ERROR;
	}
	complain("%s", words);
	list(stderr, name);
	return TOOL_ERROR;
}

int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	complain("standard output: %s", strerror(errno));
	return TOOL_ERROR;
}

/* Is this option among them? */
static bool is_asked(int argc, char **argv, const char *option)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], option) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (is_asked(argc, argv, "--json"))
		complain_as_json();
	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
		list(stdout, NULL);
		return finish(0);
	}
	for (int i = 0; i < VERBS; i++) {
		if (strcmp(verbs[i].name, name) != 0)
			continue;
		if (!is_asked(argc, argv, "--help"))
			return verbs[i].run(argc - 1, argv + 1);
		list(stdout, name);
		return finish(0);
	}
	return usage(NULL, *name ? "%s: no such command" : "a command is missing", name);
}
