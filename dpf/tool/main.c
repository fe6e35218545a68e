/* dpf/tool/main.c - the command `dpf`: filters on captures, seen from the host.
 *
 * Status: 0 something matched (match), all went well (others); 1 nothing matched; 2 an error,
 * said on standard error. docs/man/dpf.1 is the manual. Layer: host tool.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/tool.h"
#include <errno.h>
#include <stdio.h>
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
	{ "bench", command_bench, "[--json] -r FILE EXPR..." },
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

int usage(const char *name)
{
	list(stderr, name);
	return TOOL_ERROR;
}

int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "dpf: standard output: %s\n", strerror(errno));
	return TOOL_ERROR;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
		list(stdout, NULL);
		return 0;
	}
	for (int i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	return usage(NULL);
}
