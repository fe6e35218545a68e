/* dpf/tool/bench.c - three engines on the same frames, in one run.
 *
 * First every verdict of every engine is compared, frame by frame; then they are timed, in
 * turns, and medians are printed with their ratios to libpcap's bpf_filter. What is timed is
 * the answer to "which of the expressions take this frame". SPDX-License-Identifier: ISC */
#include "dpf/interp.h"
#include "dpf/tool/complain.h"
#include "dpf/tool/host.h"
#include "dpf/tool/job.h"
#include "dpf/tool/times.h"
#include "dpf/tool/tool.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 11, ROUND_NS = 20000000, FRAMES_MAX = 1 << 20 };

struct frame {
	uint8_t *data;
	uint32_t caplen, length;
};

struct bench {
	struct frame *frames;
	uint32_t nframes;
	struct filters *f;
	struct expression *e; /* f's */
	struct filter_view *views;
	uint32_t n;
	struct dpf *d;
	uint32_t *ids;      /* n of them */
	bool *verdicts;     /* by expression: what the engine said last */
};

static bool add(struct bench *b, const struct pcap_pkthdr *h, const uint8_t *data)
{
	if (b->nframes % 1024 == 0) {
		void *more = realloc(b->frames, (b->nframes + 1024) * sizeof *b->frames);

		if (!more)
			return false;
		b->frames = more;
	}
	struct frame *f = &b->frames[b->nframes];

	f->data = malloc(h->caplen ? h->caplen : 1);
	if (!f->data)
		return false;
	memcpy(f->data, data, h->caplen);
	f->caplen = h->caplen;
	f->length = h->len;
	b->nframes++;
	return true;
}

static bool load(struct bench *b, pcap_t *in, const char *path)
{
	struct pcap_pkthdr *h;
	const uint8_t *data;
	int more;

	while ((more = capture_next(in, path, &h, &data)) == 1 && b->nframes < FRAMES_MAX)
		if (!add(b, h, data)) {
			complain("out of memory");
			return false;
		}
	if (more == 0 && b->nframes == 0)
		complain("%s: no frames", path);
	return more >= 0 && b->nframes > 0;
}

static void by_dpf(struct bench *b, const struct frame *f)
{
	uint32_t m = dpf_match_set(b->d, f->data, f->caplen, f->length, b->ids, b->n);

	for (uint32_t i = 0; i < m; i++)
		b->verdicts[b->ids[i] - 1] = true;
}

static void by_interpreter(struct bench *b, const struct frame *f)
{
	static struct path scratch;
	uint64_t rank;

	for (uint32_t i = 0; i < b->n; i++)
		b->verdicts[b->e[i].id - 1] =
			interp_filter(&b->views[i], &scratch, f->data, f->caplen, f->length, &rank);
}

static void by_libpcap(struct bench *b, const struct frame *f)
{
	for (uint32_t i = 0; i < b->n; i++)
		b->verdicts[b->e[i].id - 1] =
			bpf_filter(b->e[i].program.bf_insns, f->data, f->length, f->caplen) != 0;
}

static const struct engine {
	const char *name;
	void (*run)(struct bench *b, const struct frame *f);
} engines[] = { { "dpf", by_dpf },
	        { "interpreter", by_interpreter },
	        { "libpcap", by_libpcap } };
enum { ENGINES = sizeof engines / sizeof *engines, LIBPCAP = ENGINES - 1 };

static bool agree(struct bench *b)
{
	bool *wanted = calloc(b->n, sizeof *wanted);

	for (uint32_t i = 0; wanted && i < b->nframes; i++) {
		engines[LIBPCAP].run(b, &b->frames[i]);
		memcpy(wanted, b->verdicts, b->n);
		for (int k = 0; k < LIBPCAP; k++) {
			memset(b->verdicts, 0, b->n);
			engines[k].run(b, &b->frames[i]);
			if (memcmp(wanted, b->verdicts, b->n) == 0)
				continue;
			complain("%s and libpcap differ on frame %u", engines[k].name, i + 1);
			free(wanted);
			return false;
		}
	}
	free(wanted);
	return true;
}

/* Nanoseconds for each frame, over at least ROUND_NS. */
static double time_round(struct bench *b, const struct engine *k)
{
	double begin = now_ns(), end;
	uint64_t frames = 0;

	do {
		for (uint32_t i = 0; i < b->nframes; i++)
			k->run(b, &b->frames[i]);
		frames += b->nframes;
		end = now_ns();
	} while (end - begin < ROUND_NS);
	return (end - begin) / (double)frames;
}

static void report(double t[ENGINES][ROUNDS])
{
	for (int k = 0; k < ENGINES; k++)
		printf("%-12s %10.1f ns per frame  %6.2f times libpcap's  (%.1f to %.1f)\n",
		       engines[k].name, t[k][ROUNDS / 2], t[k][ROUNDS / 2] / t[LIBPCAP][ROUNDS / 2],
		       t[k][0], t[k][ROUNDS - 1]);
}

static void report_json(const struct bench *b, double t[ENGINES][ROUNDS])
{
	for (int k = 0; k < ENGINES; k++)
		printf("%s{\"workload\":\"trace\",\"filters\":%u,\"frames\":%u,\"engine\":\"%s\","
		       "\"ns_per_packet\":%.1f,\"verdicts_equal\":true}%s\n", k ? " " : "[", b->n,
		       b->nframes, engines[k].name, t[k][ROUNDS / 2], k + 1 < ENGINES ? "," : "]");
}

static void time_all(struct bench *b, bool json)
{
	double t[ENGINES][ROUNDS];

	for (int r = 0; r < ROUNDS; r++)
		for (int k = 0; k < ENGINES; k++)
			t[k][r] = time_round(b, &engines[k]);
	for (int k = 0; k < ENGINES; k++)
		times_sort(t[k], ROUNDS);
	if (json)
		report_json(b, t);
	else
		report(t);
}

static bool prepare(struct bench *b)
{
	b->d = filters_merge(b->f, &host_memory);
	b->views = calloc(b->n, sizeof *b->views);
	b->ids = calloc(b->n, sizeof *b->ids);
	b->verdicts = calloc(b->n, sizeof *b->verdicts);
	if (!b->d || !b->views || !b->ids || !b->verdicts)
		return false;
	for (uint32_t i = 0; i < b->n; i++)
		if (filter_decode(&b->views[i], b->e[i].filter, b->e[i].length) < 0)
			return false;
	return true;
}

static void dispose(struct bench *b)
{
	for (uint32_t i = 0; i < b->nframes; i++)
		free(b->frames[i].data);
	free(b->frames);
	if (b->d)
		dpf_destroy(b->d);
	free(b->views);
	free(b->ids);
	free(b->verdicts);
}

int command_bench(int argc, char **argv)
{
	struct job j;

	if (!job_open(&j, argc, argv, "scr:j", JOB_CAPTURE | JOB_SHARE))
		return TOOL_ERROR;
	struct bench b = { .f = &j.f, .e = j.f.e, .n = (uint32_t)j.f.n };
	bool good = prepare(&b) && load(&b, j.in, j.o.capture) && agree(&b);
	if (good && !j.o.json)
		printf("%u frames, %u expressions: every verdict of every engine is libpcap's\n",
		       b.nframes, b.n);
	if (good)
		time_all(&b, j.o.json);
	dispose(&b);
	job_close(&j);
	return finish(good ? 0 : TOOL_ERROR);
}
