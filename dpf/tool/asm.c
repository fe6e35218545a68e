/* dpf/tool/asm.c - show the machine code that expressions become.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/host.h"
#include "dpf/tool/job.h"
#include "dpf/tool/tool.h"
#include <capstone/capstone.h>
#include <stdio.h>

/* The block of code sealed last: the one that runs after the last insertion. */
static struct dpf_code newest;

static void note_seal(void *ctx, const struct dpf_code *code)
{
	host_memory.code_seal(ctx, code);
	newest = *code;
}

static void show(csh cs, const uint8_t *code, size_t length, bool json)
{
	cs_insn *in = cs_malloc(cs);
	uint64_t address = 0;
	const char *lead = "";

	for (; length > 0 && cs_disasm_iter(cs, &code, &length, &address, in); lead = ",\n ") {
		if (!json)
			printf("%6llx  %s %s\n", (unsigned long long)in->address, in->mnemonic,
			       in->op_str);
		else
			printf("%s{\"offset\":%llu,\"text\":\"%s %s\"}", lead,
			       (unsigned long long)in->address, in->mnemonic, in->op_str);
	}
	cs_free(in, 1);
}

static void show_all(const struct dpf *d, csh cs, bool json)
{
	struct dpf_stats s;

	dpf_stats(d, &s);
	size_t room = newest.npages * DPF_PAGE, bytes = s.code_bytes < room ? s.code_bytes : room;
	printf(json ? "{\"filters\":%u,\"paths\":%u,\"code_bytes\":%u,\"code\":[\n "
	            : "; %u filters, %u paths, %u bytes of code\n", s.filters, s.paths, s.code_bytes);
	show(cs, newest.exec, bytes, json);
	if (json)
		puts("]}");
}

int command_asm(int argc, char **argv)
{
	struct dpf_memory memory = host_memory;
	struct job j;
	csh cs;

	if (!job_open(&j, argc, argv, "scf:y:j", JOB_SHARE))
		return TOOL_ERROR;
	memory.code_seal = note_seal;
	struct dpf *d = filters_merge(&j.f, &memory);
	if (d && cs_open(CS_ARCH_X86, CS_MODE_64, &cs) == CS_ERR_OK) {
		show_all(d, cs, j.o.json);
		cs_close(&cs);
	}
	if (d)
		dpf_destroy(d);
	job_close(&j);
	return finish(d ? 0 : TOOL_ERROR);
}
