/* dpf/tool/graph.c - see graph.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/graph.h"
#include "dpf/tool/json.h"
#include <stdlib.h>

/* A run of instructions that is entered at its first and left at its last one. */
struct block {
	uint32_t first, last;
	uint32_t yes, no; /* instructions that follow; NONE, or equal when there is no choice */
};
enum { NONE = 0xffffffff };

static void find_next(const struct bpf_insn *p, struct block *b)
{
	const struct bpf_insn *in = &p[b->last];

	b->yes = b->no = b->last + 1;
	if (BPF_CLASS(in->code) == BPF_RET) {
		b->yes = b->no = NONE;
	} else if (in->code == (BPF_JMP | BPF_JA)) {
		b->yes = b->no = b->last + 1 + in->k;
	} else if (BPF_CLASS(in->code) == BPF_JMP) {
		b->yes += in->jt;
		b->no += in->jf;
	}
}

static bool ends_block(const struct bpf_insn *in)
{
	return BPF_CLASS(in->code) == BPF_JMP || BPF_CLASS(in->code) == BPF_RET;
}

/* begins[i]: instruction i begins a block. Room for one more than there are. */
static bool *find_begins(const struct bpf_program *p)
{
	bool *begins = calloc(p->bf_len + 1, sizeof *begins);

	for (uint32_t i = 0; begins && i < p->bf_len; i++) {
		struct block b = { .last = i };

		if (!ends_block(&p->bf_insns[i]))
			continue;
		begins[i + 1] = true;
		find_next(p->bf_insns, &b);
		if (b.yes != NONE)
			begins[b.yes] = begins[b.no] = true;
	}
	return begins;
}

/* The block that begins at instruction `first`. */
static struct block read_block(const struct bpf_program *p, const bool *begins, uint32_t first)
{
	struct block b = { .first = first, .last = first };

	while (!ends_block(&p->bf_insns[b.last]) && !begins[b.last + 1])
		b.last++;
	find_next(p->bf_insns, &b);
	return b;
}

/* Inside a quoted string of Graphviz. */
static void put_quoted(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putc('\\', out);
		putc((unsigned char)*s < ' ' ? ' ' : *s, out);
	}
}

static void put_block(FILE *out, int n, const struct bpf_program *p, const struct block *b)
{
	fprintf(out, "    e%d_%u [label=\"", n, b->first);
	for (uint32_t i = b->first; i <= b->last; i++) {
		put_quoted(out, bpf_image(&p->bf_insns[i], (int)i));
		fputs("\\l", out);
	}
	fputs("\"];\n", out);
	if (b->yes != NONE)
		fprintf(out, "    e%d_%u -> e%d_%u%s;\n", n, b->first, n, b->yes,
		        b->yes == b->no ? "" : " [label=yes]");
	if (b->no != b->yes)
		fprintf(out, "    e%d_%u -> e%d_%u [label=no, style=dashed];\n", n, b->first, n, b->no);
}

void graph_write(FILE *out, const struct filters *f)
{
	fputs("digraph dpf {\n  node [shape=box, fontname=monospace];\n", out);
	for (int n = 0; n < f->n; n++) {
		const struct bpf_program *p = &f->e[n].program;
		bool *begins = find_begins(p);

		fprintf(out, "  subgraph cluster_%d {\n    label=\"", n);
		put_quoted(out, f->e[n].text);
		fputs("\";\n", out);
		for (uint32_t i = 0; begins && i < p->bf_len;) {
			struct block b = read_block(p, begins, i);

			put_block(out, n, p, &b);
			i = b.last + 1;
		}
		free(begins);
		fputs("  }\n", out);
	}
	fputs("}\n", out);
}

static void put_json_block(FILE *out, const struct bpf_program *p, const struct block *b)
{
	fprintf(out, "{\"first\":%u,\"last\":%u", b->first, b->last);
	if (b->yes != NONE)
		fprintf(out, ",\"yes\":%u,\"no\":%u", b->yes, b->no);
	fputs(",\"text\":[", out);
	for (uint32_t i = b->first; i <= b->last; i++) {
		fputs(i > b->first ? "," : "", out);
		json_string(out, bpf_image(&p->bf_insns[i], (int)i));
	}
	fputs("]}", out);
}

void graph_write_json(FILE *out, const struct filters *f)
{
	for (int n = 0; n < f->n; n++) {
		const struct bpf_program *p = &f->e[n].program;
		bool *begins = find_begins(p);

		fprintf(out, "%s{\"expression\":", n ? ",\n " : "[");
		json_string(out, f->e[n].text);
		fputs(",\"blocks\":[", out);
		for (uint32_t i = 0; begins && i < p->bf_len;) {
			struct block b = read_block(p, begins, i);

			fputs(i ? ",\n  " : "", out);
			put_json_block(out, p, &b);
			i = b.last + 1;
		}
		free(begins);
		fputs("]}", out);
	}
	fputs("]\n", out);
}
