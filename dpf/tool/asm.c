/* dpf/tool/asm.c - show the machine code that expressions become, and what caused it: a question
 * of the decision tree, with the expressions that ask it, or an instruction of a BPF program.
 * SPDX-License-Identifier: ISC */
#include "dpf/bpf.h" /* first: libpcap's macros have names of it, too */
#include "dpf/lower.h"
#include "dpf/tool/host.h"
#include "dpf/tool/job.h"
#include "dpf/tool/json.h"
#include "dpf/tool/merged.h"
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
	uint32_t begin, n;     /* what of the program is compiled: the tree asks the rest, */
	uint32_t captured;     /* and checks that so many bytes are there */
	struct bpf_mark *mark; /* [n] */
};

struct block {
	const uint8_t *code;
	size_t length;
	const struct merged *m; /* the tree that it is a part of, or NULL: programs */
	uint32_t at;            /* where it stands in the tree's code */
	struct part *parts;
	int nparts;
};

/* One cause of the instruction: in text a comment before it; in JSON members of its object. */
static void put_cause(const char *cause, const char *expression, bool json)
{
	if (!json) {
		printf(";  %s%s%s\n", cause, *expression ? "    for: " : "", expression);
		return;
	}
	printf(",\"expression\":");
	json_string(stdout, expression);
	printf(",\"cause\":");
	json_string(stdout, cause);
}

/* The piece of the tree that begins at this offset: as text once, in JSON with each
 * instruction of it. */
static void note_piece(const struct block *b, uint64_t offset, bool json)
{
	const struct piece *last = NULL;

	offset += b->at;
	for (uint32_t i = 0; b->m && i < b->m->n && b->m->piece[i].code <= offset; i++) {
		const struct piece *p = &b->m->piece[i];

		if (!json && p->code == offset)
			put_cause(p->text, p->who, false);
		last = p->kind == GEN_VALUE && json ? last : p;
	}
	if (json && last)
		put_cause(last->text, last->who, true);
}

/* Leave out the beginning that became questions of the tree. */
static void skip_prefix(struct part *p, struct filter_view *f)
{
	struct lower_scratch *s = malloc(sizeof *s);
	struct path path;

	path_init(&path, 0);
	p->begin = s && f->ninsns ? lower_prefix(f, s, &path) : 0;
	p->captured = path.span[0];
	free(s);
	f->insns += p->begin * sizeof(struct exo_bpf_insn);
	p->n = f->ninsns -= p->begin;
}

/* Compile the program alone and look for the same bytes. */
static void find_part(const struct block *b, struct part *p, const struct expression *e)
{
	size_t room = bpf_code_bound(e->program.bf_len);
	uint8_t *code = malloc(room);
	struct filter_view f;
	struct x86 a;

	*p = (struct part){ .e = e, .mark = calloc(e->program.bf_len + 1, sizeof *p->mark) };
	if (code && p->mark && filter_decode(&f, e->filter, e->length) == 0) {
		skip_prefix(p, &f);
		x86_init(&a, code, room);
		bpf_compile(&a, &f, p->captured, p->mark);
		p->length = x86_here(&a);
		p->at = memmem(b->code, b->length, code, p->length);
	}
	free(code);
}

/* The program's instruction that this code is of: as text where its code begins, in JSON with
 * each instruction of it. */
static void note_insn(const struct part *p, const uint8_t *at, bool json)
{
	uint32_t offset = (uint32_t)(at - p->at);
	int last = -1;

	if (at == p->at && !json)
		printf("; %s\n", p->e->text);
	for (uint32_t k = 0; k < p->n && p->mark[k].code <= offset; k++) {
		if (!p->mark[k].captured)
			continue; /* not reached */
		last = (int)(p->begin + k);
		if (!json && p->mark[k].code == offset)
			put_cause(bpf_image(&p->e->program.bf_insns[last], last), "", false);
	}
	if (json && last >= 0)
		put_cause(bpf_image(&p->e->program.bf_insns[last], last), p->e->text, true);
}

static void note_insns(const struct block *b, uint64_t offset, bool json)
{
	const uint8_t *at = b->code + offset;

	for (int i = 0; i < b->nparts; i++)
		if (b->parts[i].at && at >= b->parts[i].at && at < b->parts[i].at + b->parts[i].length) {
			note_insn(&b->parts[i], at, json);
			return;
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
		note_piece(b, in->address, json);
		note_insns(b, in->address, json);
		if (json)
			putchar('}');
		else
			printf("%6llx  %s %s\n", (unsigned long long)in->address, in->mnemonic,
			       in->op_str);
	}
	cs_free(in, 1);
}

/* Before and behind the code its pages are 0; no code begins so, and its last instruction is a return
 * or a jump. */
static struct block find_code(const struct dpf_code *c)
{
	struct block b = { .code = c->exec, .length = c->npages * DPF_PAGE };

	while (b.length > 0 && b.code[b.length - 1] == 0)
		b.length--;
	for (; b.length > 0 && *b.code == 0; b.length--)
		b.code++;
	return b;
}

/* A block is a part of the function of a set, or programs. */
static void find_causes(struct block *b, const struct merged m[2], const struct filters *f)
{
	for (int i = 0; i < 2 && !b->m; i++) {
		const uint8_t *at = memmem(m[i].code, m[i].length, b->code, b->length);

		b->m = at ? &m[i] : NULL;
		b->at = at ? (uint32_t)(at - m[i].code) : 0;
	}
	if (b->m || !(b->parts = calloc((size_t)f->n, sizeof *b->parts)))
		return;
	b->nparts = f->n;
	for (int i = 0; i < f->n; i++)
		find_part(b, &b->parts[i], &f->e[i]);
}

static void show_block(const struct dpf_code *c, const struct merged m[2], const struct filters *f,
                       csh cs, bool json, const char *lead)
{
	struct block b = find_code(c);

	find_causes(&b, m, f);
	printf(json ? "%s{\"bytes\":%zu,\"code\":[\n " : "%s; a block of %zu bytes\n", lead, b.length);
	show(cs, &b, json);
	if (json)
		printf("]}");
	for (int i = 0; i < b.nparts; i++)
		free(b.parts[i].mark);
	free(b.parts);
}

static void show_all(const struct dpf *d, const struct live *l, const struct merged m[2],
                     const struct filters *f, csh cs, bool json)
{
	struct dpf_stats s;

	dpf_stats(d, &s);
	printf(json ? "{\"filters\":%u,\"paths\":%u,\"code_bytes\":%u,\"blocks\":[\n "
	            : "; %u filters, %u paths, %u bytes of code\n", s.filters, s.paths, s.code_bytes);
	for (size_t i = 0; i < l->n; i++)
		show_block(&l->code[i], m, f, cs, json, !json ? "\n" : i ? ",\n " : "");
	if (json)
		puts("]}");
}

int command_asm(int argc, char **argv)
{
	struct dpf_memory memory = host_memory;
	struct live live = { .n = 0 };
	struct merged m[2] = { 0 };
	bool good = false;
	struct job j;
	csh cs;

	if (!job_open(&j, argc, argv, "f:y:jsc", JOB_SHARE_WORDS))
		return TOOL_ERROR;
	memory.ctx = &live;
	memory.code_alloc = live_alloc;
	memory.code_seal = live_seal;
	memory.code_free = live_free;
	struct dpf *d = filters_merge(&j.f, &memory);
	if (d && !live.lost && merged_read(&m[0], d, false, &j.f) &&
	    merged_read(&m[1], d, true, &j.f) && cs_open(CS_ARCH_X86, CS_MODE_64, &cs) == CS_ERR_OK) {
		show_all(d, &live, m, &j.f, cs, j.o.json);
		cs_close(&cs);
		good = true;
	}
	for (int i = 0; i < 2; i++)
		merged_free(&m[i]);
	if (d)
		dpf_destroy(d);
	free(live.code);
	job_close(&j);
	return finish(good ? 0 : TOOL_ERROR);
}
