/* dpf/tool/match.c - count the frames of a capture that each expression takes.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/host.h"
#include "dpf/tool/job.h"
#include "dpf/tool/json.h"
#include "dpf/tool/tool.h"
#include <stdio.h>
#include <stdlib.h>

/* Count by id. Returns false, after a message, when the capture is cut off or damaged. */
static bool count(pcap_t *in, const char *path, const struct dpf *d, uint32_t n, uint64_t *hits)
{
	uint32_t *ids = calloc(n, sizeof *ids);
	struct pcap_pkthdr *h;
	const uint8_t *frame;
	int more = -1;

	while (ids && (more = capture_next(in, path, &h, &frame)) == 1) {
		uint32_t m = dpf_match_set(d, frame, h->caplen, h->len, ids, n);

		for (uint32_t i = 0; i < m; i++)
			hits[ids[i]]++;
	}
	free(ids);
	return more == 0;
}

static void report_json(const struct filters *f, const uint64_t *hits)
{
	for (int i = 0; i < f->n; i++) {
		printf("%s{\"frames\":%llu,\"expression\":", i ? "," : "[",
		       (unsigned long long)hits[f->e[i].id]);
		json_string(stdout, f->e[i].text);
		putchar('}');
	}
	puts("]");
}

static int report(const struct filters *f, const uint64_t *hits, bool json)
{
	bool any = false;

	if (json)
		report_json(f, hits);
	for (int i = 0; i < f->n; i++) {
		if (!json)
			printf("%llu\t%s\n", (unsigned long long)hits[f->e[i].id], f->e[i].text);
		any |= hits[f->e[i].id] > 0;
	}
	return any ? TOOL_MATCHED : TOOL_NONE;
}

static int match(pcap_t *in, struct filters *f, const struct options *o)
{
	int status = TOOL_ERROR;
	struct dpf *d = filters_merge(f, &host_memory);
	uint64_t *hits = calloc((size_t)f->n + 1, sizeof *hits);

	if (d && hits) {
		bool whole = count(in, o->capture, d, (uint32_t)f->n, hits);

		status = report(f, hits, o->json);
		status = whole ? status : TOOL_ERROR;
	}
	free(hits);
	if (d)
		dpf_destroy(d);
	return status;
}

int command_match(int argc, char **argv)
{
	struct job j;

	if (!job_open(&j, argc, argv, "scr:j", JOB_CAPTURE | JOB_SHARE))
		return TOOL_ERROR;
	int status = match(j.in, &j.f, &j.o);
	job_close(&j);
	return finish(status);
}
