/* dpf/tool/bench/ours.c - the engines of this tree, libpcap's interpreter, and hand-written C.
 * SPDX-License-Identifier: ISC */
#include "dpf/dpf.h"
#include "dpf/tool/bench/bench.h"

/* Programs run one after another are timed up to here: beyond, it takes minutes. */
enum { IN_TURN_MAX = 1000 };

static const char *always(const struct work *w)
{
	(void)w;
	return NULL;
}

static const char *open_in_turn(const struct work *w)
{
	return w->nfilters <= IN_TURN_MAX ? NULL : "programs in turn are measured up to 1,000";
}

static void by_dpf(struct work *w)
{
	for (uint32_t i = 0; i < w->nframes; i++)
		w->verdict[i] = dpf_classify(w->d, w->frames[i].data, w->frames[i].caplen,
		                             w->frames[i].wirelen);
}

static const char *open_burst(const struct work *w)
{
	for (uint32_t i = 0; i < w->nframes; i++)
		if (w->frames[i].caplen != w->frames[i].wirelen)
			return "it takes frames that were captured whole";
	return NULL;
}

static void by_burst(struct work *w)
{
	const uint8_t *data[DPF_BURST_MAX];
	uint32_t lens[DPF_BURST_MAX];

	for (uint32_t i = 0; i < w->nframes; i += DPF_BURST_MAX) {
		uint32_t n = w->nframes - i < DPF_BURST_MAX ? w->nframes - i : DPF_BURST_MAX;

		for (uint32_t k = 0; k < n; k++) {
			data[k] = w->frames[i + k].data;
			lens[k] = w->frames[i + k].caplen;
		}
		dpf_classify_burst(w->d, data, lens, n, w->verdict + i);
	}
}

static void by_interpreter(struct work *w)
{
	static struct path scratch;
	uint64_t rank;

	for (uint32_t i = 0; i < w->nframes; i++) {
		uint32_t k = 0;

		while (k < w->nfilters &&
		       !interp_filter(&w->view[k], &scratch, w->frames[i].data, w->frames[i].caplen,
		                      w->frames[i].wirelen, &rank))
			k++;
		w->verdict[i] = k < w->nfilters ? k + 1 : 0;
	}
}

static void by_libpcap(struct work *w)
{
	for (uint32_t i = 0; i < w->nframes; i++) {
		uint32_t k = 0;

		while (k < w->nfilters &&
		       !bpf_filter(w->program[k].bf_insns, w->frames[i].data, w->frames[i].wirelen,
		                   w->frames[i].caplen))
			k++;
		w->verdict[i] = k < w->nfilters ? k + 1 : 0;
	}
}

static void by_hand(struct work *w)
{
	for (uint32_t i = 0; i < w->nframes; i++)
		w->verdict[i] = w->hand(w->frames[i].data, w->frames[i].caplen);
}

const struct engine engine_libpcap = { .name = "libpcap", .open = open_in_turn, .run = by_libpcap };
const struct engine engine_dpf = { .name = "dpf", .open = always, .run = by_dpf };
const struct engine engine_burst = { .name = "dpf-burst", .open = open_burst, .run = by_burst };
const struct engine engine_interpreter = { .name = "dpf-interp", .open = open_in_turn,
	                                   .run = by_interpreter };
static const char *written(const struct work *w)
{
	return w->hand ? NULL : "nobody has written it";
}

const struct engine engine_hand = { .name = "hand", .open = written, .run = by_hand };
