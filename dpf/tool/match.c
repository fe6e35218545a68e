/* dpf/tool/match.c - count the frames of a capture that each expression takes.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/host.h"
#include "dpf/tool/tool.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

/* Count by id. Returns false, after a message, when the capture is cut off or damaged. */
static bool count(pcap_t *in, const char *path, const struct dpf *d, uint32_t n, uint64_t *hits)
{
	uint32_t *ids = calloc(n, sizeof *ids);
	struct pcap_pkthdr *h;
	const uint8_t *frame;
	int more = PCAP_ERROR;

	while (ids && (more = pcap_next_ex(in, &h, &frame)) == 1) {
		uint32_t m = dpf_match_set(d, frame, h->caplen, h->len, ids, n);

		for (uint32_t i = 0; i < m; i++)
			hits[ids[i]]++;
	}
	free(ids);
	if (more == PCAP_ERROR)
		fprintf(stderr, "dpf: %s: %s\n", path, pcap_geterr(in));
	return more == PCAP_ERROR_BREAK;
}

static int report(const struct expression *e, int n, const uint64_t *hits)
{
	bool any = false;

	for (int i = 0; i < n; i++) {
		printf("%llu\t%s\n", (unsigned long long)hits[e[i].id], e[i].text);
		any |= hits[e[i].id] > 0;
	}
	return any ? TOOL_MATCHED : TOOL_NONE;
}

static int match(const char *path, char **texts, int n)
{
	int status = TOOL_ERROR;
	pcap_t *in = capture_open(path);

	if (!in)
		return TOOL_ERROR;
	/* Shared, so that each counts what it takes, whoever else does. */
	struct expression *e = expressions_compile(in, texts, n, FILTER_SHARED);
	struct dpf *d = e ? expressions_merge(e, n, &host_memory) : NULL;
	uint64_t *hits = calloc((size_t)n + 1, sizeof *hits);

	if (d && hits) {
		bool whole = count(in, path, d, (uint32_t)n, hits);

		status = report(e, n, hits);
		status = whole ? status : TOOL_ERROR;
	}
	free(hits);
	if (d)
		dpf_destroy(d);
	expressions_free(e, n);
	pcap_close(in);
	return status;
}

int command_match(int argc, char **argv)
{
	const char *file = NULL;
	int c;

	while ((c = getopt(argc, argv, "+r:")) != -1) {
		if (c != 'r')
			return usage(argv[0]);
		file = optarg;
	}
	if (optind == argc || !file)
		return usage(argv[0]);
	return match(file, argv + optind, argc - optind);
}
