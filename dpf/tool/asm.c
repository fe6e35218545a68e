/* dpf/tool/asm.c - show the machine code that expressions become, and which BPF instruction
 * caused it. SPDX-License-Identifier: ISC */
#include "dpf/bpf.h" /* first: libpcap's macros have names of it, too */
#include "dpf/tool/host.h"
#include "dpf/tool/job.h"
#include "dpf/tool/json.h"
#include "dpf/tool/tool.h"
#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Blocks of code that were sealed and not freed. */
struct live {
	struct dpf_code *code;
	size_t n;
	bool lost; /* some of them, for want of memory */
};

static bool live_alloc(void *ctx, struct dpf_code *code, size_t npages)
{
	(void)ctx;
	return host_memory.code_alloc(NULL, code, npages);
}

static void live_seal(void *ctx, const struct dpf_code *code)
{
	struct live *l = ctx;
	void *more = realloc(l->code, (l->n + 1) * sizeof *l->code);

	host_memory.code_seal(NULL, code);
	l->lost |= !more;
	if (!more)
		return;
	l->code = more;
	l->code[l->n++] = *code;
}

static void live_free(void *ctx, const struct dpf_code *code)
{
	struct live *l = ctx;
	size_t i = 0;

	while (i < l->n && l->code[i].exec != code->exec)
		i++;
	if (i < l->n) {
		l->n--;
		memmove(&l->code[i], &l->code[i + 1], (l->n - i) * sizeof *l->code);
	}
	host_memory.code_free(NULL, code);
}

/* The code of one filter's program, which lies as it is in the block. */
struct part {
	const struct expression *e;
	const uint8_t *at;     /* in the block; NULL: the filter has no program there */
	size_t length;
	struct bpf_mark *mark; /* [program's instructions] */
};

struct block {
	const uint8_t *code;
	size_t length;
	struct part *parts;
	int nparts;
};

/* Compile the program alone and look for the same bytes. */
static void find_part(const struct block *b, struct part *p, const struct expression *e)
{
	size_t room = bpf_code_bound(e->program.bf_len);
	uint8_t *code = malloc(room);
	struct filter_view f;
	struct x86 a;

	*p = (struct part){ .e = e, .mark = calloc(e->program.bf_len + 1, sizeof *p->mark) };
	if (code && p->mark && filter_decode(&f, e->filter, e->length) == 0) {
		x86_init(&a, code, room);
		bpf_compile(&a, &f, p->mark);
		p->length = x86_here(&a);
		p->at = memmem(b->code, b->length, code, p->length);
	}
	free(code);
}

/* The BPF instructions whose code begins at this offset. */
static void note_causes(const struct block *b, uint64_t offset, bool json)
{
	const uint8_t *at = b->code + offset;

	for (int i = 0; i < b->nparts; i++) {
		const struct part *p = &b->parts[i];

		if (!p->at || at < p->at || at >= p->at + p->length)
			continue;
		if (at == p->at && !json)
			printf("; %s\n", p->e->text);
		for (u_int k = 0; k < p->e->program.bf_len; k++) {
			const struct bpf_mark *m = &p->mark[k];
			const char *image = bpf_image(&p->e->program.bf_insns[k], (int)k);

			if (!m->captured || m->code != (uint32_t)(at - p->at))
				continue; /* not reached, or not here */
			if (!json) {
				printf(";  %s\n", image);
				continue;
			}
			printf(",\"expression\":");
			json_string(stdout, p->e->text);
			printf(",\"cause\":");
			json_string(stdout, image);
			return;
		}
	}
}

static void show(csh cs, const struct block *b, bool json)
{
	cs_insn *in = cs_malloc(cs);
	const uint8_t *code = b->code;
	size_t length = b->length;
	uint64_t address = 0;
	const char *lead = "";

	for (; length > 0 && cs_disasm_iter(cs, &code, &length, &address, in); lead = ",\n ") {
		if (json)
			printf("%s{\"offset\":%llu,\"text\":\"%s %s\"", lead,
			       (unsigned long long)in->address, in->mnemonic, in->op_str);
		note_causes(b, in->address, json);
		if (json)
			putchar('}');
		else
			printf("%6llx  %s %s\n", (unsigned long long)in->address, in->mnemonic,
			       in->op_str);
	}
	cs_free(in, 1);
}

/* Behind the code its pages are 0, and its last instruction is a return or a jump. */
static size_t code_length(const struct dpf_code *c)
{
	size_t n = c->npages * DPF_PAGE;

	while (n > 0 && c->exec[n - 1] == 0)
		n--;
	return n;
}

static void show_block(const struct dpf_code *c, const struct filters *f, csh cs, bool json,
                       const char *lead)
{
	struct block b = { .code = c->exec, .length = code_length(c) };

	b.parts = calloc((size_t)f->n, sizeof *b.parts);
	for (int i = 0; b.parts && i < f->n; i++)
		find_part(&b, &b.parts[i], &f->e[i]);
	b.nparts = b.parts ? f->n : 0;
	printf(json ? "%s{\"bytes\":%zu,\"code\":[\n " : "%s; a block of %zu bytes\n", lead, b.length);
	show(cs, &b, json);
	if (json)
		printf("]}");
	for (int i = 0; i < b.nparts; i++)
		free(b.parts[i].mark);
	free(b.parts);
}

static void show_all(const struct dpf *d, const struct live *l, const struct filters *f, csh cs,
                     bool json)
{
	struct dpf_stats s;

	dpf_stats(d, &s);
	printf(json ? "{\"filters\":%u,\"paths\":%u,\"code_bytes\":%u,\"blocks\":[\n "
	            : "; %u filters, %u paths, %u bytes of code\n", s.filters, s.paths, s.code_bytes);
	for (size_t i = 0; i < l->n; i++)
		show_block(&l->code[i], f, cs, json, !json ? "\n" : i ? ",\n " : "");
	if (json)
		puts("]}");
}

int command_asm(int argc, char **argv)
{
	struct dpf_memory memory = host_memory;
	struct live live = { .n = 0 };
	bool good = false;
	struct job j;
	csh cs;

	if (!job_open(&j, argc, argv, "f:y:jsc", JOB_SHARE))
		return TOOL_ERROR;
	memory.ctx = &live;
	memory.code_alloc = live_alloc;
	memory.code_seal = live_seal;
	memory.code_free = live_free;
	struct dpf *d = filters_merge(&j.f, &memory);
	if (d && !live.lost && cs_open(CS_ARCH_X86, CS_MODE_64, &cs) == CS_ERR_OK) {
		show_all(d, &live, &j.f, cs, j.o.json);
		cs_close(&cs);
		good = true;
	}
	if (d)
		dpf_destroy(d);
	free(live.code);
	job_close(&j);
	return finish(good ? 0 : TOOL_ERROR);
}
