/* dpf/tool/bench/change.c - one session more, one session less, beside N others; and what a
 * filter holds in memory. SPDX-License-Identifier: ISC */
#include "dpf/build.h"
#include "dpf/dpf.h"
#include "dpf/tool/bench/bench.h"
#include "dpf/tool/complain.h"
#include <stdlib.h>
#include <string.h>

enum { TIMES = 1000 };

/* The session alone: the builder's first path. Its others are the errors about it. */
static size_t session_filter(uint8_t *out, const struct session *s)
{
	uint8_t f[FRAME_BYTES];
	struct exo_filter head = { .npaths = 1 };
	struct exo_path path;

	session_frame(f, s);
	filter_tcp_session(out, FILTER_BUILD_MAX, 4, f + 30, s->dport, f + 26, s->sport);
	memcpy(&path, out + sizeof head, sizeof path);
	head.bytes = (uint32_t)(sizeof head + sizeof path + path.natoms * sizeof(struct exo_atom));
	memcpy(out, &head, sizeof head);
	return head.bytes;
}

static void print(struct work *w, double in[TIMES], double out[TIMES], FILE *f)
{
	uint32_t held = dpf_charge(w->d, 1);

	times_sort(in, TIMES);
	times_sort(out, TIMES);
	if (!complains_as_json())
		printf("%-14s %6u  insert %.2f us (90%%: %.2f, worst %.1f)  delete %.2f us (90%%: %.2f)  "
	       "%u bytes a filter\n", "change", w->nfilters, in[TIMES / 2] / 1e3,
	       in[TIMES * 9 / 10] / 1e3, in[TIMES - 1] / 1e3, out[TIMES / 2] / 1e3,
	       out[TIMES * 9 / 10] / 1e3, held);
	if (f)
		fprintf(f, "%s\n  {\"filters\": %u, \"engine\": \"dpf\", \"insert_ns\": %.0f, "
		        "\"insert_ns_90\": %.0f, \"delete_ns\": %.0f, \"delete_ns_90\": %.0f, "
		        "\"bytes_per_filter\": %u}", w->nfilters == 1 ? "" : ",", w->nfilters,
		        in[TIMES / 2], in[TIMES * 9 / 10], out[TIMES / 2], out[TIMES * 9 / 10], held);
}

void change_measure(struct work *w, FILE *f)
{
	static double in[TIMES], out[TIMES];
	uint8_t bytes[FILTER_BUILD_MAX];

	for (int i = 0; i < TIMES; i++) {
		size_t n = session_filter(bytes, &session[w->nfilters + (uint32_t)i]);
		double begin = now_ns();
		int id = dpf_insert(w->d, bytes, n, 1, NULL, NULL);
		double middle = now_ns();

		if (id <= 0 || dpf_delete(w->d, (uint32_t)id) < 0) {
			complain("bench: insert: %d", id);
			exit(2);
		}
		out[i] = now_ns() - middle;
		in[i] = middle - begin;
		dpf_reclaim(w->d);
	}
	print(w, in, out, f);
}
