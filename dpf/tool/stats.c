/* dpf/tool/stats.c - what filters cost, merged. SPDX-License-Identifier: ISC */
#include "dpf/tool/host.h"
#include "dpf/tool/job.h"
#include "dpf/tool/tool.h"
#include <stdio.h>

static double percent(uint32_t part, uint32_t whole)
{
	return whole ? 100.0 * part / whole : 0;
}

/* Bytes charged to all the filters. */
static uint64_t charged(const struct dpf *d, const struct filters *f)
{
	uint64_t sum = 0;

	for (int i = 0; i < f->n; i++)
		sum += dpf_charge(d, f->e[i].id);
	return sum;
}

static void show(const struct dpf *d, const struct filters *f, bool json)
{
	struct dpf_stats s;

	dpf_stats(d, &s);
	const struct { const char *name; uint64_t value; } row[] = {
		{ "filters", s.filters }, { "shared", s.shared }, { "paths", s.paths },
		{ "residual", s.residual }, { "shapes", s.shapes }, { "tables", s.tables },
		{ "code_bytes", s.code_bytes }, { "code_pages", s.code_pages },
		{ "data_pages", s.data_pages }, { "charged_bytes", charged(d, f) },
		{ "bytes_per_filter", f->n ? charged(d, f) / (uint64_t)f->n : 0 },
		{ "generated", s.generated }, { "rekeyed", s.rekeyed },
	};
	for (unsigned i = 0; i < sizeof row / sizeof *row; i++)
		printf(json ? "%s\"%s\":%llu" : "%s%-17s%llu\n", !json ? "" : i ? "," : "{",
		       row[i].name, (unsigned long long)row[i].value);
	double share = percent(s.residual, s.paths);
	printf(json ? ",\"residual_percent\":%.1f}\n" : "residual_percent %.1f\n", share);
}

int command_stats(int argc, char **argv)
{
	struct job j;

	if (!job_open(&j, argc, argv, "scf:r:y:j", JOB_SHARE_WORDS))
		return TOOL_ERROR;
	struct dpf *d = filters_merge(&j.f, &host_memory);
	if (d) {
		show(d, &j.f, j.o.json);
		dpf_destroy(d);
	}
	job_close(&j);
	return finish(d ? 0 : TOOL_ERROR);
}
