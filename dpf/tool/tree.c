/* dpf/tool/tree.c - see merged.h: decision trees as text for Graphviz, as a picture, as JSON.
 * In the picture each piece has a line of its own, below and to the right of the one that it
 * depends on; a broken line leads to what is asked instead. SPDX-License-Identifier: ISC */
#include "dpf/tool/json.h"
#include "dpf/tool/merged.h"
#include <stdlib.h>
#include <string.h>

enum { LINE = 24, STEP = 26, LEFT = 16, CHARACTER = 7, TOP = 24 };

static void put_escaped(FILE *o, const char *s, const char *escaped, const char *form)
{
	for (; *s; s++)
		if (strchr(escaped, *s))
			fprintf(o, form, *s);
		else
			putc((unsigned char)*s < ' ' ? ' ' : *s, o);
}

/* The piece that this one depends on, or m->n. */
static uint32_t parent(const struct merged *m, uint32_t i)
{
	uint32_t depth = m->piece[i].depth;

	while (i-- > 0)
		if (merged_in_tree(&m->piece[i]) && m->piece[i].depth < depth)
			return i;
	return m->n;
}

/* The piece whose failure leads to this one: the last at its depth below the same parent. */
static uint32_t before(const struct merged *m, uint32_t i)
{
	uint32_t depth = m->piece[i].depth;

	while (i-- > 0 && merged_in_tree(&m->piece[i]) && m->piece[i].depth >= depth)
		if (m->piece[i].depth == depth)
			return i;
	return m->n;
}

static bool is_answer(const struct piece *p) { return p->kind == GEN_KEY || p->kind == GEN_TABLE; }

static void dot_piece(FILE *o, const struct merged *m, int tree, uint32_t i)
{
	const struct piece *p = &m->piece[i];
	uint32_t above = parent(m, i), instead = before(m, i);

	fprintf(o, "  t%d_%u [label=\"", tree, i);
	put_escaped(o, p->text, "\"\\", "\\%c");
	fputs("\\l", o);
	if (is_answer(p)) {
		put_escaped(o, p->who, "\"\\", "\\%c");
		fputs("\\l\", style=bold", o);
	} else {
		fputs("\"", o);
	}
	fputs("];\n", o);
	if (above < m->n && (instead == m->n || p->kind == GEN_VALUE))
		fprintf(o, "  t%d_%u -> t%d_%u;\n", tree, above, tree, i);
	if (instead < m->n && p->kind != GEN_VALUE)
		fprintf(o, "  t%d_%u -> t%d_%u [label=else, style=dashed];\n", tree, instead, tree, i);
}

void merged_dot(FILE *out, const struct merged m[], int n)
{
	fputs("digraph dpf {\n  node [shape=box, fontname=monospace];\n", out);
	for (int k = 0; k < n; k++)
		for (uint32_t i = 0; i < m[k].n; i++)
			if (merged_in_tree(&m[k].piece[i]))
				dot_piece(out, &m[k], k, i);
	fputs("}\n", out);
}

void merged_json(FILE *out, const struct merged m[], int n)
{
	const char *lead = "[";

	for (int k = 0; k < n; k++)
		for (uint32_t i = 0; i < m[k].n; i++) {
			const struct piece *p = &m[k].piece[i];

			if (!merged_in_tree(p))
				continue;
			fprintf(out, "%s{\"depth\":%u,\"code\":%u,\"answer\":%s,\"text\":", lead, p->depth,
			        p->code, is_answer(p) ? "true" : "false");
			json_string(out, p->text);
			fputs(",\"filters\":", out);
			json_string(out, p->who);
			putc('}', out);
			lead = ",\n ";
		}
	fputs(*lead == '[' ? "[]\n" : "]\n", out);
}

static void svg_line(FILE *o, uint32_t x1, uint32_t y1, uint32_t x2, uint32_t y2, bool broken)
{
	fprintf(o, "<path d=\"M%u %uV%uH%u\" fill=\"none\" stroke=\"%s\"%s/>\n", x1, y1, y2, x2,
	        broken ? "#999" : "#444", broken ? " stroke-dasharray=\"3 3\"" : "");
}

static uint32_t x_of(const struct piece *p) { return LEFT + p->depth * STEP / 2; }

static void svg_piece(FILE *o, const struct merged *m, uint32_t i, const uint32_t *y)
{
	const struct piece *p = &m->piece[i];
	uint32_t above = parent(m, i), instead = before(m, i), x = x_of(p);
	uint32_t wide = (uint32_t)strlen(p->text) * CHARACTER + 12;

	if (instead < m->n && p->kind != GEN_VALUE)
		svg_line(o, x + 6, y[instead] + 8, x + 6, y[i] - 9, true);
	else if (above < m->n)
		svg_line(o, x_of(&m->piece[above]) + 6, y[above] + 9, x, y[i], false);
	fprintf(o, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"18\" rx=\"3\" fill=\"%s\" "
	        "stroke=\"#444\"/><text x=\"%u\" y=\"%u\">", x, y[i] - 9, wide,
	        is_answer(p) ? "#d8f0d8" : p->kind == GEN_VALUE ? "#fff" : "#eef", x + 6, y[i] + 4);
	put_escaped(o, p->text, "<>&\"", "&#%d;");
	fprintf(o, "</text>\n<text x=\"%u\" y=\"%u\" fill=\"#666\">", x + wide + 8, y[i] + 4);
	put_escaped(o, p->who, "<>&\"", "&#%d;");
	fputs("</text>\n", o);
}

/* The widest line, and where each one is. */
static uint32_t place(const struct merged *m, uint32_t *y, uint32_t *next)
{
	uint32_t widest = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		const struct piece *p = &m->piece[i];
		uint32_t x = x_of(p) + (uint32_t)(strlen(p->text) + strlen(p->who) + 6) * CHARACTER;

		if (!merged_in_tree(p))
			continue;
		y[i] = *next;
		*next += LINE;
		widest = x > widest ? x : widest;
	}
	return widest;
}

void merged_svg(FILE *out, const struct merged m[], int n)
{
	uint32_t *y[2] = { 0 }, next = TOP, widest = 0;

	for (int k = 0; k < n; k++) {
		y[k] = calloc(m[k].n + 1, sizeof **y);
		uint32_t wide = y[k] ? place(&m[k], y[k], &next) : 0;
		widest = wide > widest ? wide : widest;
		next += LINE;
	}
	fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
	        "font-family=\"monospace\" font-size=\"11.6\">\n<rect width=\"100%%\" height=\"100%%\" "
	        "fill=\"#fff\"/>\n", widest + LEFT, next);
	for (int k = 0; k < n; k++) {
		for (uint32_t i = 0; y[k] && i < m[k].n; i++)
			if (merged_in_tree(&m[k].piece[i]))
				svg_piece(out, &m[k], i, y[k]);
		free(y[k]);
	}
	fputs("</svg>\n", out);
}
