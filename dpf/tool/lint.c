/* dpf/tool/lint.c - what is doubtful about filters: where libpcap's meaning is not the strict
 * one, overlaps that are refused, and filters that take packets from others.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/host.h"
#include "dpf/tool/job.h"
#include "dpf/tool/json.h"
#include "dpf/tool/meaning.h"
#include "dpf/tool/tool.h"
#include <stdio.h>
#include <stdlib.h>

struct lint {
	struct job j;
	struct dpf *d;
	uint32_t *lower; /* filters that the one being looked at takes packets from */
	uint32_t nlower;
	unsigned findings;
};

/* column: in the expression, from 0 */
static void find(struct lint *l, const struct expression *e, unsigned column, const char *kind,
                 const struct expression *other, const char *words)
{
	const char *lead = l->findings++ ? ",\n " : "[";

	column += e->column + 1;
	if (!l->j.o.json) {
		if (e->path)
			printf("%s:%u:%u: %s: ", e->path, e->line, column, e->owner);
		else
			printf("%s: column %u: ", e->text, column);
		printf("%s%s\n", words, other ? other->owner : "");
		return;
	}
	printf("%s{\"path\":", lead);
	if (e->path)
		json_string(stdout, e->path);
	else
		printf("null");
	printf(",\"line\":%u,\"column\":%u,\"owner\":", e->line, column);
	json_string(stdout, e->owner);
	printf(",\"kind\":\"%s\",\"other\":", kind);
	if (other)
		json_string(stdout, other->owner);
	else
		printf("null");
	printf(",\"message\":");
	json_string(stdout, words);
	putchar('}');
}

/* The two meanings. */
static void compare_meanings(struct lint *l, const struct expression *e)
{
	struct difference d[DIFFERENCES_MAX];
	struct syntax s;
	int n = syntax_read(&s, e->text) ? meaning_compare(&s, d) : 0;

	for (int i = 0; i < n; i++)
		find(l, e, (unsigned)(d[i].where.at - e->text), d[i].kind, NULL, d[i].words);
	syntax_free(&s);
}

static bool is_known(const struct lint *l, uint32_t id)
{
	for (uint32_t i = 0; i < l->nlower; i++)
		if (l->lower[i] == id)
			return true;
	return false;
}

/* Insert with the right to take from nobody, then from those who were named, one by one. */
static void insert(struct lint *l, struct expression *e, uint32_t number)
{
	l->nlower = 0;
	for (;;) {
		const struct dpf_dominance may = { l->lower, l->nlower };
		uint32_t other;
		int id = dpf_insert(l->d, e->filter, e->length, number, &may, &other);
		const struct expression *o = filters_by_id(&l->j.f, other);

		dpf_reclaim(l->d);
		if (id > 0) {
			e->id = (uint32_t)id;
			return;
		}
		if (!o || is_known(l, other)) {
			find(l, e, 0, "refused", o, o ? "refused: neither is above the other: "
			                           : reason(id));
			return;
		}
		l->lower[l->nlower++] = other;
	}
}

static void compare_all(struct lint *l)
{
	for (int i = 0; i < l->j.f.n; i++) {
		struct expression *e = &l->j.f.e[i];

		insert(l, e, (uint32_t)i + 1);
		for (uint32_t k = 0; e->id && k < l->nlower; k++)
			find(l, e, 0, "takes", filters_by_id(&l->j.f, l->lower[k]),
			     "takes packets from ");
	}
}

/* Only rules stand beside each other in a classifier. */
static bool lint(struct lint *l)
{
	for (int i = 0; i < l->j.f.n; i++)
		compare_meanings(l, &l->j.f.e[i]);
	if (!filters_compile(&l->j.f, l->j.in))
		return false;
	if (!l->j.f.rules)
		return true;
	l->d = filters_room(&l->j.f, &host_memory);
	l->lower = calloc((size_t)l->j.f.n, sizeof *l->lower);
	if (l->d && l->lower)
		compare_all(l);
	return l->d && l->lower;
}

int command_lint(int argc, char **argv)
{
	struct lint l = { .d = NULL };

	if (!job_open(&l.j, argc, argv, "f:r:y:jsc", JOB_READ))
		return TOOL_ERROR;
	bool good = lint(&l);
	if (l.j.o.json)
		puts(l.findings ? "]" : "[]");
	if (l.d)
		dpf_destroy(l.d);
	free(l.lower);
	job_close(&l.j);
	return finish(!good ? TOOL_ERROR : l.findings ? 1 : 0);
}
