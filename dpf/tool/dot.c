/* dpf/tool/dot.c - the commands dot and svg: the decision tree that filters become, merged; or,
 * with -d, each program's flow graph. SPDX-License-Identifier: ISC */
#include "dpf/tool/graph.h"
#include "dpf/tool/host.h"
#include "dpf/tool/job.h"
#include "dpf/tool/json.h"
#include "dpf/tool/merged.h"
#include "dpf/tool/tool.h"
#include <stdlib.h>

/* As a JSON document with one member. */
static void svg_json(FILE *out, const struct merged m[], int n)
{
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	if (f)
		merged_svg(f, m, n), fclose(f);
	fputs("{\"svg\":", out);
	json_string(out, text ? text : "");
	fputs("}\n", out);
	free(text);
}

/* Read the trees of exclusive and of shared filters and write those that have any. */
static bool show(struct filters *f, void (*write)(FILE *out, const struct merged m[], int n))
{
	struct dpf *d = filters_merge(f, &host_memory);
	struct merged m[2] = { 0 };
	bool good = d && merged_read(&m[0], d, false, f) && merged_read(&m[1], d, true, f);

	if (good)
		write(stdout, m, 2);
	for (int i = 0; i < 2; i++)
		merged_free(&m[i]);
	if (d)
		dpf_destroy(d);
	return good;
}

int command_dot(int argc, char **argv)
{
	struct job j;
	bool good = true;

	if (!job_open(&j, argc, argv, "scf:r:y:jd", JOB_SHARE_WORDS))
		return TOOL_ERROR;
	if (j.o.dump)
		(j.o.json ? graph_write_json : graph_write)(stdout, &j.f);
	else
		good = show(&j.f, j.o.json ? merged_json : merged_dot);
	job_close(&j);
	return finish(good ? 0 : TOOL_ERROR);
}

int command_svg(int argc, char **argv)
{
	struct job j;

	if (!job_open(&j, argc, argv, "scf:r:y:j", JOB_SHARE_WORDS))
		return TOOL_ERROR;
	bool good = show(&j.f, j.o.json ? svg_json : merged_svg);
	job_close(&j);
	return finish(good ? 0 : TOOL_ERROR);
}
