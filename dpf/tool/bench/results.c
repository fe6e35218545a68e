/* dpf/tool/bench/results.c - what was measured: a table as it comes, JSON at the end.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/bench.h"
#include "dpf/tool/json.h"
#include <stdlib.h>

static struct result kept[RESULTS_MAX];
static uint32_t nkept;

void result_add(const struct work *w, const char *engine, double ns)
{
	if (nkept == RESULTS_MAX) {
		fprintf(stderr, "dpf-bench: more than %d results\n", RESULTS_MAX);
		exit(2);
	}
	kept[nkept++] = (struct result){ w->name, engine, w->text ? w->text : "", w->nfilters, ns };
	printf("%-14s %6u  %-13s %10.2f ns  %s\n", w->name, w->nfilters, engine, ns,
	       w->text ? w->text : "");
}

void result_skip(const struct work *w, const char *engine, const char *why)
{
	printf("%-14s %6u  %-13s    skipped     %s%s%s\n", w->name, w->nfilters, engine,
	       w->text ? w->text : "", w->text ? ": " : "", why);
}

const struct result *results(uint32_t *n)
{
	*n = nkept;
	return kept;
}

bool results_json(const char *path)
{
	FILE *f = fopen(path, "w");

	for (uint32_t i = 0; f && i < nkept; i++) {
		fprintf(f, "%s\n  {\"workload\": \"%s\", \"filters\": %u, \"engine\": \"%s\", "
		        "\"ns_per_packet\": %.3f, \"verdicts_equal\": true, \"expression\": ",
		        i ? "," : "[", kept[i].workload, kept[i].filters, kept[i].engine, kept[i].ns);
		json_string(f, kept[i].text);
		fputs("}", f);
	}
	if (f)
		fputs(nkept ? "\n]\n" : "[]\n", f);
	return f && fclose(f) == 0;
}
