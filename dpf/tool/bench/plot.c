/* dpf/tool/bench/plot.c - the results as a picture (SVG 1.1): above, sessions over their
 * number; below, one row for each expression. All scales of time are logarithmic.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/bench.h"
#include <math.h>
#include <string.h>

enum { WIDTH = 1100, MARGIN = 80, PANEL = 430, TOP = 90, LINES_HIGH = 300, ROW = 26, DECADES = 5 };

/* Colours that colour-blind readers can tell apart (Okabe & Ito, 2008), and a shape each. */
static const struct look { const char *engine, *colour; char shape; } looks[] = {
	{ "dpf", "#d55e00", 'o' },           { "dpf-burst", "#e69f00", 's' },
	{ "hand", "#000000", 'd' },          { "linux-jit", "#0072b2", 'o' },
	{ "rte_bpf", "#009e73", 's' },       { "libpcap", "#cc79a7", 'd' },
	{ "linux-hashmap", "#56b4e9", 'o' }, { "rte_acl", "#7a5c00", 's' },
	{ "dpf-interp", "#999999", 'd' },
};
enum { LOOKS = sizeof looks / sizeof *looks };

struct panel {
	FILE *f;
	const char *workload, *title;
	double x, y, w, h;
};

/* Escaped for SVG. */
static void text(FILE *f, double x, double y, const char *anchor, const char *s)
{
	fprintf(f, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"%s\">", x, y, anchor);
	for (; *s; s++)
		if (*s == '&' || *s == '<' || *s == '>')
			fprintf(f, "&#%d;", *s);
		else
			putc(*s, f);
	fputs("</text>\n", f);
}

static void line(FILE *f, double x1, double y1, double x2, double y2, const char *colour)
{
	fprintf(f, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1, x2,
	        y2, colour);
}

static void mark(FILE *f, const struct look *l, double x, double y)
{
	if (l->shape == 'o')
		fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n", x, y, l->colour);
	else
		fprintf(f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"7\" height=\"7\" fill=\"%s\" "
		        "transform=\"rotate(%d %.1f %.1f)\"/>\n", x - 3.5, y - 3.5, l->colour,
		        l->shape == 'd' ? 45 : 0, x, y);
}

/* How far along the scale of time, 1 ns to 10^DECADES ns, as a part of 1. */
static double part(double ns, int decades)
{
	double p = log10(ns < 1 ? 1 : ns) / decades;

	return p > 1 ? 1 : p;
}

static void legend(FILE *f)
{
	for (int i = 0; i < LOOKS; i++) {
		double x = MARGIN - 50 + i * 117;

		mark(f, &looks[i], x, 52);
		text(f, x + 9, 56, "start", looks[i].engine);
	}
}

static void frame_of_lines(const struct panel *p)
{
	char label[32];

	text(p->f, p->x, p->y - 10, "start", p->title);
	for (int d = 0; d <= DECADES; d++) {
		double y = p->y + p->h * (1 - (double)d / DECADES);

		line(p->f, p->x, y, p->x + p->w, y, "#ddd");
		snprintf(label, sizeof label, "%.0f ns", pow(10, d));
		text(p->f, p->x - 6, y + 4, "end", label);
	}
	for (int d = 0; d <= 4; d++) {
		snprintf(label, sizeof label, "%.0f", pow(10, d));
		text(p->f, p->x + p->w * d / 4, p->y + p->h + 16, "middle", label);
	}
	text(p->f, p->x + p->w / 2, p->y + p->h + 32, "middle", "sessions");
}

static void lines(const struct panel *p)
{
	uint32_t n;
	const struct result *r = results(&n);

	frame_of_lines(p);
	for (int k = 0; k < LOOKS; k++) {
		double last_x = -1, last_y = 0;

		for (uint32_t i = 0; i < n; i++) {
			if (strcmp(r[i].workload, p->workload) || strcmp(r[i].engine, looks[k].engine))
				continue;
			double x = p->x + p->w * log10(r[i].filters) / 4;
			double y = p->y + p->h * (1 - part(r[i].cost, DECADES));

			if (last_x >= 0)
				line(p->f, last_x, last_y, x, y, looks[k].colour);
			mark(p->f, &looks[k], x, y);
			last_x = x;
			last_y = y;
		}
	}
}

/* One row for each expression, in the order of the results. The slowest last decade is 3:
 * no engine takes a microsecond for one filter. */
static void rows(const struct panel *p)
{
	uint32_t n;
	const struct result *r = results(&n);
	const char *expression = NULL;
	double y = p->y;
	char label[32];

	text(p->f, MARGIN - 40, p->y - 24, "start", p->title);
	for (uint32_t i = 0; i < n; i++) {
		if (strcmp(r[i].workload, p->workload))
			continue;
		if (!expression || strcmp(expression, r[i].text)) {
			expression = r[i].text;
			y += ROW;
			line(p->f, p->x, y, p->x + p->w, y, "#ddd");
			text(p->f, p->x - 8, y + 4, "end", expression);
		}
		for (int k = 0; k < LOOKS; k++)
			if (!strcmp(r[i].engine, looks[k].engine))
				mark(p->f, &looks[k], p->x + p->w * part(r[i].cost, 3), y);
	}
	for (int i = 0; i <= 9; i++) { /* 1, 2, 5, 10, ... */
		double ns = pow(10, i / 3) * (i % 3 == 0 ? 1 : i % 3 == 1 ? 2 : 5);
		double x = p->x + p->w * part(ns, 3);

		line(p->f, x, p->y + ROW / 2, x, y + ROW / 2, "#eee");
		snprintf(label, sizeof label, "%.0f ns", ns);
		text(p->f, x, y + ROW / 2 + 16, "middle", label);
	}
}

static uint32_t expressions(const char *workload)
{
	uint32_t n, count = 0;
	const struct result *r = results(&n);

	for (uint32_t i = 0; i < n; i++)
		count += !strcmp(r[i].workload, workload) && !strcmp(r[i].engine, "dpf");
	return count;
}

bool results_plot(const char *path)
{
	FILE *f = fopen(path, "w");
	const double below = TOP + LINES_HIGH + 100, wide = WIDTH - 520 - 40;
	struct panel p[] = {
		{ f, "sessions", "TCP sessions, hit at random: ns a packet", MARGIN, TOP, PANEL, LINES_HIGH },
		{ f, "sessions-miss", "TCP sessions, no filter matches", WIDTH - 40 - PANEL, TOP, PANEL,
		  LINES_HIGH },
		{ f, "single", "One expression, frames in random order", 520, below, wide, 0 },
		{ f, "trace", "One expression, recorded frames in their order", 520, 0, wide, 0 },
	};

	if (!f)
		return false;
	p[3].y = below + (expressions("single") + 1) * ROW + 60;
	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" "
	        "font-family=\"sans-serif\" font-size=\"12\">\n"
	        "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", WIDTH,
	        p[3].y + (expressions("trace") + 1) * ROW + 40);
	text(f, MARGIN - 40, 28, "start", "DPF and its peers: nanoseconds a packet, one run, equal verdicts");
	legend(f);
	lines(&p[0]);
	lines(&p[1]);
	rows(&p[2]);
	rows(&p[3]);
	fputs("</svg>\n", f);
	return fclose(f) == 0;
}
