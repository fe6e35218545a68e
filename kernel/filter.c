/* kernel/filter.c - installed filters: two classifiers and their memory.
 * SPDX-License-Identifier: ISC */
#include "dpf/dpf.h"
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/code.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/filter.h"
#include "kernel/generation.h"
#include "kernel/handler.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/tee.h"

_Static_assert((int)FILTER_CARVE_MAX <= (int)TEE_FILTERS, "what a tee may read");

enum { CLASSIFIER_PAGES = 8192, RX_ONLY = 0 };

struct exo_filter_info filter_info[EXO_FILTER_MAX] __attribute__((aligned(EXO_PAGE_SIZE)));

static struct {
	struct dpf *rx, *tx;
	uint32_t nshared; /* filters that get copies */
	uint32_t mirror[EXO_FILTER_MAX];    /* its id in tx, or RX_ONLY */
	uint8_t mirrored[FILTER_KERNEL_MAX]; /* scratch */
} state;

static void *data_alloc(void *ctx, size_t npages)
{
	uint32_t pfn = page_take_kernel_run((uint32_t)npages);

	(void)ctx;
	return pfn ? page_kva(pfn) : NULL;
}

static void data_free(void *ctx, void *at, size_t npages)
{
	(void)ctx;
	page_free_kernel_run((uint32_t)(kmap_phys((uint64_t)at) >> EXO_PAGE_SHIFT),
	                     (uint32_t)npages);
}

static bool code_alloc(void *ctx, struct dpf_code *code, size_t npages)
{
	uint8_t *at = code_take(npages);

	(void)ctx;
	*code = (struct dpf_code){ .write = at, .exec = at, .npages = npages };
	return at != NULL;
}

static void code_ready(void *ctx, const struct dpf_code *code)
{
	(void)ctx;
	code_seal(code->exec, code->npages);
}

static void code_free(void *ctx, const struct dpf_code *code)
{
	(void)ctx;
	code_give(code->write, code->npages);
}

void filter_init(void)
{
	static const struct dpf_memory memory = {
		NULL, data_alloc, data_free, code_alloc, code_ready, code_free
	};
	uint64_t seed = 0;

	if (!cpu_random(&seed))
		seed = 0x5eed; /* said by cap_init already: a run that repeats */
	if (dpf_create(&state.rx, &memory, EXO_FILTER_MAX - 1, CLASSIFIER_PAGES, seed) < 0 ||
	    dpf_create(&state.tx, &memory, EXO_FILTER_MAX - 1, CLASSIFIER_PAGES, ~seed) < 0)
		panic("filter_init: no memory for the classifiers");
	for (int i = 0; i < EXO_FILTER_MAX; i++)
		filter_info[i].generation = generation_first;
}

/* No classification is running: this CPU is here. */
static void reclaim(void)
{
	dpf_reclaim(state.rx);
	dpf_reclaim(state.tx);
}

/* The filter whose mirror has this id in the transmit classifier. */
static uint32_t mirrored_by(uint32_t id)
{
	uint32_t i = 1;

	while (i < EXO_FILTER_MAX && (!filter_info[i].owner || state.mirror[i] != id))
		i++;
	return i < EXO_FILTER_MAX ? i : 0;
}

/* Put the mirror of a filter in the transmit classifier. Returns its id, RX_ONLY when
 * nothing of it can be mirrored, or an error. */
static long insert_mirror(struct env *env, const void *bytes, uint32_t length, uint32_t *conflict)
{
	static const struct dpf_dominance all = { NULL, DPF_ALL };
	long n = dpf_mirror(bytes, length, state.mirrored, sizeof state.mirrored);

	if (n <= 0)
		return n == 0 ? RX_ONLY : n;
	long id = dpf_insert(state.tx, state.mirrored, (size_t)n, env->pub->id, &all, conflict);
	if (id == -E_OVERLAP)
		*conflict = mirrored_by(*conflict);
	return id;
}

bool filter_is_shared(const void *bytes, uint32_t length)
{
	const struct exo_filter *f = bytes;

	return length >= sizeof *f && f->flags & FILTER_SHARED;
}

long filter_insert(struct env *env, uint32_t ring, const void *bytes, uint32_t length,
                   const uint32_t *may, uint32_t nmay, uint32_t *conflict)
{
	struct dpf_dominance dominance = { may, nmay == UINT32_MAX ? DPF_ALL : nmay };
	const struct exo_filter *f = bytes;
	bool shared = filter_is_shared(bytes, length), limited = shared && nmay != UINT32_MAX;

	*conflict = 0;
	if (limited && !tee_room())
		return -E_NOSPC;
	int id = dpf_insert(state.rx, bytes, length, env->pub->id, &dominance, conflict);
	if (id < 0) {
		reclaim();
		return id;
	}
	long mirror = shared ? RX_ONLY : insert_mirror(env, bytes, length, conflict);
	if (mirror < 0) {
		dpf_delete(state.rx, (uint32_t)id);
		reclaim();
		return mirror;
	}
	if (limited)
		tee_limit((uint32_t)id, may, nmay);
	state.mirror[id] = (uint32_t)mirror;
	filter_info[id] = (struct exo_filter_info){ .owner = env->pub->id, .ring = ring,
		                                    .generation = filter_info[id].generation,
		                                    .flags = f->flags };
	env->filters++;
	info.filters++;
	state.nshared += shared;
	reclaim();
	return id;
}

void filter_remove(uint32_t number)
{
	struct exo_filter_info *fi = &filter_info[number];
	struct env *env = env_by_id(fi->owner);

	assert(env);
	env->filters--;
	state.nshared -= (fi->flags & FILTER_SHARED) != 0;
	handler_unbind(number);
	tee_forget(number);
	dpf_delete(state.rx, number);
	if (fi->generation == GENERATION_MAX)
		dpf_spend(state.rx, number);
	if (state.mirror[number] != RX_ONLY)
		dpf_delete(state.tx, state.mirror[number]);
	reclaim();
	*fi = (struct exo_filter_info){ .generation = fi->generation + 1 };
	info.filters--;
}

void filter_release_ring(uint32_t ring)
{
	for (uint32_t i = 0; i < EXO_FILTER_MAX; i++)
		if (filter_info[i].owner && filter_info[i].ring == ring)
			filter_remove(i);
}

uint32_t filter_first(const struct env *env)
{
	uint32_t i = 0;

	while (i < EXO_FILTER_MAX && filter_info[i].owner != env->pub->id)
		i++;
	assert(i < EXO_FILTER_MAX);
	return i;
}

void filter_release(struct env *env)
{
	while (env->filters)
		filter_remove(filter_first(env));
}

const struct dpf *filter_rx(void) { return state.rx; }

bool filter_has_shared(void) { return state.nshared > 0; }

uint32_t filter_tx_owner(const uint8_t *header, uint32_t copied, uint32_t length)
{
	uint32_t id = dpf_classify(state.tx, header, copied, length);

	return id ? dpf_owner(state.tx, id) : 0;
}
