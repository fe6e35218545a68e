/* dpf/tool/asm.c - show the machine code that expressions become.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/host.h"
#include "dpf/tool/tool.h"
#include <capstone/capstone.h>
#include <getopt.h>
#include <stdio.h>

/* The block of code sealed last: the one that runs after the last insertion. */
static struct dpf_code newest;

static void note_seal(void *ctx, const struct dpf_code *code)
{
	host_memory.code_seal(ctx, code);
	newest = *code;
}

static void show(csh cs, const uint8_t *code, size_t length)
{
	cs_insn *in = cs_malloc(cs);
	uint64_t address = 0;

	while (length > 0 && cs_disasm_iter(cs, &code, &length, &address, in))
		printf("%6llx  %s %s\n", (unsigned long long)in->address, in->mnemonic, in->op_str);
	cs_free(in, 1);
}

static int show_all(char **texts, int n)
{
	struct dpf_memory memory = host_memory;
	pcap_t *link = pcap_open_dead(DLT_EN10MB, 65535);
	struct expression *e = expressions_compile(link, texts, n, FILTER_SHARED);
	struct dpf_stats stats;
	struct dpf *d;
	csh cs;

	memory.code_seal = note_seal;
	d = e ? expressions_merge(e, n, &memory) : NULL;
	if (d && cs_open(CS_ARCH_X86, CS_MODE_64, &cs) == CS_ERR_OK) {
		dpf_stats(d, &stats);
		size_t room = newest.npages * DPF_PAGE;

		printf("; %u filters, %u paths, %u bytes of code\n", stats.filters, stats.paths,
		       stats.code_bytes);
		show(cs, newest.exec, stats.code_bytes < room ? stats.code_bytes : room);
		cs_close(&cs);
	}
	expressions_free(e, n);
	pcap_close(link);
	if (!d)
		return TOOL_ERROR;
	dpf_destroy(d);
	return 0;
}

int command_asm(int argc, char **argv)
{
	if (getopt(argc, argv, "+") != -1 || optind == argc)
		return usage(argv[0]);
	return show_all(argv + optind, argc - optind);
}
