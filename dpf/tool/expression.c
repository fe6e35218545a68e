/* dpf/tool/expression.c - pcap-filter expressions as filters. SPDX-License-Identifier: ISC */
#include "dpf/tool/tool.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MERGED_PAGES = 1 << 18 };

_Static_assert(sizeof(struct exo_bpf_insn) == sizeof(struct bpf_insn), "libpcap's layout");

pcap_t *capture_open(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *in = pcap_open_offline(path, error);

	if (!in)
		fprintf(stderr, "dpf: %s\n", error);
	return in;
}

/* The filter that consists of the program alone. */
static bool wrap(struct expression *e, uint16_t flags)
{
	size_t insns = e->program.bf_len * sizeof(struct exo_bpf_insn);
	struct exo_filter head = { .flags = flags, .ninsns = e->program.bf_len };

	e->length = sizeof head + insns;
	head.bytes = (uint32_t)e->length;
	e->filter = malloc(e->length);
	if (!e->filter)
		return false;
	memcpy(e->filter, &head, sizeof head);
	memcpy(e->filter + sizeof head, e->program.bf_insns, insns);
	return true;
}

struct expression *expressions_compile(pcap_t *in, char **texts, int n, uint16_t flags)
{
	struct expression *e = calloc((size_t)n, sizeof *e);

	for (int i = 0; e && i < n; i++) {
		e[i].text = texts[i];
		if (pcap_compile(in, &e[i].program, texts[i], 1, PCAP_NETMASK_UNKNOWN) == 0 &&
		    wrap(&e[i], flags))
			continue;
		fprintf(stderr, "dpf: %s: %s\n", texts[i], pcap_geterr(in));
		expressions_free(e, n);
		return NULL;
	}
	return e;
}

void expressions_free(struct expression *e, int n)
{
	for (int i = 0; e && i < n; i++) {
		pcap_freecode(&e[i].program);
		free(e[i].filter);
	}
	free(e);
}

const char *reason(int error)
{
	static const char *const text[] = {
#define X(name, words) [E_##name] = words,
		EXO_ERRORS(X)
#undef X
	};

	return text[-error];
}

struct dpf *expressions_merge(struct expression *e, int n, const struct dpf_memory *mem)
{
	struct dpf *d;
	uint32_t other;
	int error = dpf_create(&d, mem, (uint32_t)n, MERGED_PAGES, 0);

	if (error < 0) {
		fprintf(stderr, "dpf: %s\n", reason(error));
		return NULL;
	}
	for (int i = 0; i < n; i++) {
		int id = dpf_insert(d, e[i].filter, e[i].length, 1, NULL, &other);

		if (id < 0) {
			fprintf(stderr, "dpf: %s: %s\n", e[i].text, reason(id));
			dpf_destroy(d);
			return NULL;
		}
		e[i].id = (uint32_t)id;
	}
	return d;
}
