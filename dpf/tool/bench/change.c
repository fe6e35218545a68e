/* dpf/tool/bench/change.c - one session more, one session less, beside N others, and what a
 * filter holds in memory; one shape more or less beside N others, and what a frame then
 * costs. SPDX-License-Identifier: ISC */
#include "dpf/build.h"
#include "dpf/dpf.h"
#include "dpf/tool/bench/bench.h"
#include "dpf/tool/complain.h"
#include "dpf/tool/host.h"
#include <stdlib.h>
#include <string.h>

enum { TIMES = 1000, DPF_PAGES = 1 << 16 };

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

static void print(const char *name, uint32_t n, double in[TIMES], double out[TIMES])
{
	times_sort(in, TIMES);
	times_sort(out, TIMES);
	if (!complains_as_json())
		printf("%-14s %6u  insert %.2f us (90%%: %.2f, worst %.1f)  delete %.2f us (90%%: %.2f)", name,
		       n, in[TIMES / 2] / 1e3, in[TIMES * 9 / 10] / 1e3, in[TIMES - 1] / 1e3,
		       out[TIMES / 2] / 1e3, out[TIMES * 9 / 10] / 1e3);
}

static void print_sessions(struct work *w, double in[TIMES], double out[TIMES], FILE *f)
{
	uint32_t held = dpf_charge(w->d, 1);

	print("change", w->nfilters, in, out);
	if (!complains_as_json())
		printf("  %u bytes a filter\n", held);
	if (f)
		fprintf(f, "%s\n  {\"filters\": %u, \"engine\": \"dpf\", \"insert_ns\": %.0f, "
		        "\"insert_ns_90\": %.0f, \"delete_ns\": %.0f, \"delete_ns_90\": %.0f, "
		        "\"bytes_per_filter\": %u}", w->nfilters == 1 ? "" : ",", w->nfilters,
		        in[TIMES / 2], in[TIMES * 9 / 10], out[TIMES / 2], out[TIMES * 9 / 10], held);
}

/* One filter more, one less. */
static void change(struct dpf *d, const void *filter, size_t n, double *in, double *out)
{
	static const struct dpf_dominance any = { NULL, DPF_ALL };
	double begin = now_ns();
	int id = dpf_insert(d, filter, n, 1, &any, NULL);
	double middle = now_ns();

	if (id <= 0 || dpf_delete(d, (uint32_t)id) < 0) {
		complain("bench: insert: %d", id);
		exit(2);
	}
	*out = now_ns() - middle;
	*in = middle - begin;
	dpf_reclaim(d);
}

static double in[TIMES], out[TIMES];

void change_measure(struct work *w, FILE *f)
{
	uint8_t bytes[FILTER_BUILD_MAX];

	for (int i = 0; i < TIMES; i++) {
		size_t n = session_filter(bytes, &session[w->nfilters + (uint32_t)i]);

		change(w->d, bytes, n, &in[i], &out[i]);
	}
	print_sessions(w, in, out, f);
}

/* TCP over IPv4, and two bytes where no other filter looks: a shape of its own. */
struct shape_filter {
	struct exo_filter head;
	struct exo_path path;
	struct exo_atom atom[3];
};

static struct shape_filter shape_filter(uint32_t i)
{
	enum { AT = 60, OFFSETS = 400 };
	const uint32_t mask = 0xffff & ~(1u << i / OFFSETS);
	const struct shape_filter f = {
		{ .bytes = sizeof f, .npaths = 1, .priority = (uint16_t)(1 + i * 7919u % 4001) }, { .natoms = 3 },
		{ { .op = FILTER_IN, .width = 2, .offset = 12, .mask = 0xffff, .lo = 0x0800, .hi = 0x0800 },
		  { .op = FILTER_IN, .width = 1, .offset = 23, .mask = 0xff, .lo = 6, .hi = 6 },
		  { .op = FILTER_IN, .width = 2, .offset = (uint16_t)(AT + i % OFFSETS), .mask = mask, .lo = mask, .hi = mask } },
	};

	return f;
}

static double frame_ns(const struct dpf *d, uint16_t type)
{
	enum { FRAMES = 2000, ROUNDS = 15 };
	uint8_t frame[1024] = { [12] = (uint8_t)(type >> 8), [13] = (uint8_t)type, [23] = 6 };
	double t[ROUNDS];

	for (int r = 0; r < ROUNDS; r++) {
		double begin = used_ns();

		for (int i = 0; i < FRAMES; i++)
			dpf_classify(d, frame, sizeof frame, sizeof frame);
		t[r] = (used_ns() - begin) / FRAMES;
	}
	times_sort(t, ROUNDS);
	return t[ROUNDS / 2];
}

void change_shapes(uint32_t n)
{
	struct dpf *d;

	if (dpf_create(&d, &host_memory, 2 * TIMES, DPF_PAGES, 1) < 0) {
		complain("bench: out of memory");
		exit(2);
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct shape_filter f = shape_filter(i);

		if (dpf_insert(d, &f, sizeof f, 1, &(struct dpf_dominance){ NULL, DPF_ALL }, NULL) <= 0)
			exit(2);
		dpf_reclaim(d);
	}
	for (uint32_t i = 0; i < TIMES; i++) {
		const struct shape_filter f = shape_filter(n + i);

		change(d, &f, sizeof f, &in[i], &out[i]);
	}
	print("shapes", n, in, out);
	if (!complains_as_json())
		printf("  a frame of another type %.1f ns, one that none takes %.1f ns\n", frame_ns(d, 0x86dd),
		       frame_ns(d, 0x0800));
	dpf_destroy(d);
}
