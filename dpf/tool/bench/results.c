/* dpf/tool/bench/results.c - what was measured: as it comes, a table or with --json a list; and in a
 * file at the end. SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/bench.h"
#include "dpf/tool/complain.h"
#include "dpf/tool/json.h"
#include <stdlib.h>

static struct result kept[RESULTS_MAX];
static uint32_t nkept, nprinted;

/* An element of a list; why: the engine was skipped. */
static void put_json(FILE *f, bool first, const struct result *r, const char *why)
{
	fprintf(f, "%s\n  {\"workload\": \"%s\", \"filters\": %u, \"engine\": \"%s\", ", first ? "[" : ",",
	        r->workload, r->filters, r->engine);
	if (why) {
		fputs("\"skipped\": ", f);
		json_string(f, why);
	} else {
		fprintf(f, "\"%s\": %.3f, \"verdicts_equal\": true",
		        measure_is_of_time() ? "ns_per_packet" : "instructions_per_packet", r->cost);
	}
	fputs(", \"expression\": ", f);
	json_string(f, r->text);
	fputs("}", f);
}

static void put_line(const struct result *r, const char *why)
{
	printf("%-14s %6u  %-13s ", r->workload, r->filters, r->engine);
	if (why)
		printf("   skipped     %s%s%s\n", r->text, *r->text ? ": " : "", why);
	else
		printf("%10.2f %s  %s\n", r->cost, measure_is_of_time() ? "ns" : "instructions", r->text);
}

static void put(const struct result *r, const char *why)
{
	if (complains_as_json())
		put_json(stdout, nprinted++ == 0, r, why);
	else
		put_line(r, why);
}

static struct result result_of(const struct work *w, const char *engine, double cost)
{
	return (struct result){ w->name, engine, w->text ? w->text : "", w->nfilters, cost };
}

void result_add(const struct work *w, const char *engine, double cost)
{
	if (nkept == RESULTS_MAX) {
		complain("bench: more than %d results", RESULTS_MAX);
		exit(2);
	}
	kept[nkept] = result_of(w, engine, cost);
	put(&kept[nkept++], NULL);
}

void result_skip(const struct work *w, const char *engine, const char *why)
{
	const struct result r = result_of(w, engine, 0);

	put(&r, why);
}

int results_end(void)
{
	if (complains_as_json())
		puts(nprinted ? "\n]" : "[]");
	return 0;
}

const struct result *results(uint32_t *n)
{
	*n = nkept;
	return kept;
}

bool results_json(const char *path)
{
	FILE *f = fopen(path, "w");

	for (uint32_t i = 0; f && i < nkept; i++)
		put_json(f, i == 0, &kept[i], NULL);
	if (f)
		fputs(nkept ? "\n]\n" : "[]\n", f);
	return f && fclose(f) == 0;
}
