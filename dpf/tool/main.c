/* dpf/tool/main.c - the command `dpf`: filters on captures, seen from the host.
 *
 *   dpf match -r FILE [--] EXPR...   a line COUNT, tab, EXPR for each expression, in order
 *   dpf asm [--] EXPR...             the machine code that all of them become
 *   dpf bench -r FILE [--] EXPR...   this classifier, its interpreter and libpcap, compared
 *
 * EXPR is a pcap-filter(7) expression; the empty one takes every frame. Status: 0 something
 * matched (match), all went well (others); 1 nothing matched; 2 an error, said on standard
 * error. Layer: host tool. SPDX-License-Identifier: ISC */
#include "dpf/tool/tool.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int usage(void)
{
	fprintf(stderr, "usage: dpf match -r FILE [--] EXPR...\n"
	                "       dpf asm [--] EXPR...\n"
	                "       dpf bench -r FILE [--] EXPR...\n");
	return TOOL_ERROR;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "", *file = NULL;
	bool wants_file = strcmp(name, "match") == 0 || strcmp(name, "bench") == 0;
	int c;

	if (!wants_file && strcmp(name, "asm") != 0)
		return usage();
	argc--;
	argv++;
	while ((c = getopt(argc, argv, wants_file ? "+r:" : "+")) != -1) {
		if (c != 'r')
			return usage();
		file = optarg;
	}
	if (optind == argc || (wants_file && !file))
		return usage();
	if (strcmp(name, "match") == 0)
		return command_match(file, argv + optind, argc - optind);
	if (strcmp(name, "bench") == 0)
		return command_bench(file, argv + optind, argc - optind);
	return command_asm(argv + optind, argc - optind);
}
