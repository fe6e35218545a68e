/* dpf/tool/bench/dpdk.c - the engines rte_bpf and rte_acl: DPDK's compiler of BPF programs, and
 * its multi-field classifier. The library dpf-dpdk.so (dpdk_load.c).
 *
 * rte_bpf reads through a packet buffer of DPDK's (rte_mbuf); one is used for all frames, so
 * that its own cache misses are not counted. rte_acl gets the frames whose TCP header was
 * found by C, as DPDK's programs do it, in bursts; of its algorithms the fastest here is
 * taken. SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/bench.h"
#include "dpf/tool/bench/headers.h"
#include <rte_acl.h>
#include <rte_bpf.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRAMS_MAX = 1000, BURST = 256 };

/* DPDK's environment: no huge pages, no devices, nothing left behind. It ties its caller to
 * one processor, which is undone. */
static bool started(void)
{
	static char a[][40] = { "dpf", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
		                "-m1024", "--log-level=critical",
		                "--force-max-simd-bitwidth=512" };
	enum { N = sizeof a / sizeof *a };
	char *arguments[N + 1] = { NULL };
	static int state; /* 1: there, -1: not to be had */
	cpu_set_t all;

	for (int i = 0; i < N; i++)
		arguments[i] = a[i];
	if (state == 0) {
		sched_getaffinity(0, sizeof all, &all);
		state = rte_eal_init(N, arguments) < 0 ? -1 : 1;
		sched_setaffinity(0, sizeof all, &all);
	}
	return state == 1;
}

static struct rte_bpf *bpf[PROGRAMS_MAX];
static uint64_t (*compiled[PROGRAMS_MAX])(void *);

static const char *compile(const struct bpf_program *p, uint32_t i)
{
	struct rte_bpf_prm *prm = rte_bpf_convert(p);
	struct rte_bpf_jit jit = { 0 };

	if (!prm)
		return "it cannot convert the program";
	bpf[i] = rte_bpf_load(prm);
	rte_free(prm);
	if (!bpf[i])
		return "its validator refuses the program";
	if (rte_bpf_get_jit(bpf[i], &jit) < 0 || !jit.func)
		return "it cannot compile the program";
	compiled[i] = jit.func;
	return NULL;
}

static const char *open_bpf(const struct work *w)
{
	const char *why = NULL;

	if (w->nfilters > PROGRAMS_MAX)
		return "programs in turn are measured up to 1,000";
	if (!started())
		return "DPDK does not start here";
	for (uint32_t i = 0; i < w->nfilters && !why; i++)
		why = compile(&w->program[i], i);
	return why;
}

static void by_bpf(struct work *w)
{
	static struct rte_mbuf m = { .nb_segs = 1 };

	for (uint32_t i = 0; i < w->nframes; i++) {
		uint32_t k = 0;

		m.buf_addr = (void *)(uintptr_t)w->frames[i].data;
		m.data_len = (uint16_t)w->frames[i].caplen;
		m.pkt_len = w->frames[i].caplen;
		while (k < w->nfilters && !compiled[k](&m))
			k++;
		w->verdict[i] = k < w->nfilters ? k + 1 : 0;
	}
}

static void close_bpf(void)
{
	for (uint32_t i = 0; i < PROGRAMS_MAX && bpf[i]; i++) {
		rte_bpf_destroy(bpf[i]);
		bpf[i] = NULL;
	}
}

/* What rte_acl sees of a frame: from the protocol on; where there are options, a copy. */
struct tuple { uint8_t proto, zero[2], addresses[8], ports[4]; };
enum { FIELDS = 5, PROTOCOL_AT = 23 };
RTE_ACL_RULE_DEF(rule, FIELDS);

static struct rte_acl_ctx *acl;

static void field(struct rte_acl_config *c, int i, uint8_t type, uint8_t size, uint8_t input,
                  uint32_t offset)
{
	c->defs[i] = (struct rte_acl_field_def){ type, size, (uint8_t)i, input, offset };
}

static bool build(const struct work *w)
{
	struct rte_acl_config c = { .num_categories = 1, .num_fields = FIELDS };

	field(&c, 0, RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, offsetof(struct tuple, proto));
	field(&c, 1, RTE_ACL_FIELD_TYPE_MASK, 4, 1, offsetof(struct tuple, addresses));
	field(&c, 2, RTE_ACL_FIELD_TYPE_MASK, 4, 2, offsetof(struct tuple, addresses) + 4);
	field(&c, 3, RTE_ACL_FIELD_TYPE_RANGE, 2, 3, offsetof(struct tuple, ports));
	field(&c, 4, RTE_ACL_FIELD_TYPE_RANGE, 2, 3, offsetof(struct tuple, ports) + 2);
	for (uint32_t i = 0; i < w->nfilters; i++) {
		const struct session *s = &w->session[i];
		struct rule r = { .data = { 1, 1, i + 1 } };

		r.field[0].value.u8 = 6, r.field[0].mask_range.u8 = 0xff;
		r.field[1].value.u32 = s->source, r.field[1].mask_range.u32 = 32;
		r.field[2].value.u32 = s->dest, r.field[2].mask_range.u32 = 32;
		r.field[3].value.u16 = r.field[3].mask_range.u16 = s->sport;
		r.field[4].value.u16 = r.field[4].mask_range.u16 = s->dport;
		if (rte_acl_add_rules(acl, (const struct rte_acl_rule *)&r, 1) < 0)
			return false;
	}
	return rte_acl_build(acl, &c) == 0;
}

static const uint8_t *tuple_of(const uint8_t *f, uint32_t at, struct tuple *copy)
{
	if (at == 34)
		return f + PROTOCOL_AT;
	copy->proto = f[PROTOCOL_AT];
	memcpy(copy->addresses, f + 26, sizeof copy->addresses);
	memcpy(copy->ports, f + at, sizeof copy->ports);
	return (const uint8_t *)copy;
}

static void one_burst(struct work *w, uint32_t first, uint32_t n)
{
	const uint8_t *data[BURST];
	struct tuple copy[BURST];
	uint32_t frame[BURST], id[BURST], count = 0;

	for (uint32_t i = first; i < first + n; i++) {
		uint32_t at = tcp(w->frames[i].data, w->frames[i].caplen, 4);

		w->verdict[i] = 0;
		if (!at)
			continue;
		data[count] = tuple_of(w->frames[i].data, at, &copy[count]);
		frame[count++] = i;
	}
	if (count)
		rte_acl_classify(acl, data, id, count, 1);
	for (uint32_t i = 0; i < count; i++)
		w->verdict[frame[i]] = id[i];
}

static void by_acl(struct work *w)
{
	for (uint32_t i = 0; i < w->nframes; i += BURST)
		one_burst(w, i, w->nframes - i < BURST ? w->nframes - i : BURST);
}

/* Let the fastest of its algorithms be the one. */
static void choose(const struct work *w)
{
	static const enum rte_acl_classify_alg algorithm[] = {
		RTE_ACL_CLASSIFY_SSE, RTE_ACL_CLASSIFY_AVX2, RTE_ACL_CLASSIFY_AVX512X16,
		RTE_ACL_CLASSIFY_AVX512X32 };
	enum rte_acl_classify_alg best = RTE_ACL_CLASSIFY_SCALAR;
	double least = 1e18;
	struct work probe = *w;

	for (size_t k = 0; k < sizeof algorithm / sizeof *algorithm; k++) {
		if (rte_acl_set_ctx_classify(acl, algorithm[k]) < 0)
			continue;
		by_acl(&probe);
		double took = used_ns();
		for (int i = 0; i < 5; i++)
			by_acl(&probe);
		took = used_ns() - took;
		if (took < least) {
			least = took;
			best = algorithm[k];
		}
	}
	rte_acl_set_ctx_classify(acl, best);
}

static const char *open_acl(const struct work *w)
{
	struct rte_acl_param p = { "bench", SOCKET_ID_ANY, RTE_ACL_RULE_SZ(FIELDS), w->nfilters };

	if (!w->session)
		return "it holds sessions";
	if (!started())
		return "DPDK does not start here";
	acl = rte_acl_create(&p);
	if (!acl || !build(w))
		return "it cannot build its tables";
	choose(w);
	return NULL;
}

static void close_acl(void)
{
	rte_acl_free(acl);
	acl = NULL;
}

const struct engine engine_rte_bpf = { .name = "rte_bpf", .open = open_bpf, .run = by_bpf,
	                               .close = close_bpf, .foreign = true };
const struct engine engine_rte_acl = { .name = "rte_acl", .open = open_acl, .run = by_acl,
	                               .close = close_acl, .foreign = true };
