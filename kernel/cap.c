/* kernel/cap.c - capabilities: made and verified here, bound to slots.
 * SPDX-License-Identifier: ISC */
#include "exo/env.h"
#include "exo/err.h"
#include "kernel/cap.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/filter.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/pt.h"
#include "kernel/ring.h"
#include "kernel/sched.h"
#include "kernel/siphash.h"

static struct {
	uint64_t key[2];
} state;

void cap_init(void)
{
	if (cpu_random(&state.key[0]) && cpu_random(&state.key[1]))
		return;
	info.key_is_test = 1;
	state.key[0] = 0x0706050403020100;
	state.key[1] = 0x0f0e0d0c0b0a0908;
	log_printf("cap: no random generator: USING THE WELL-KNOWN TEST KEY\n");
}

uint32_t cap_generation(enum exo_cap_type type, uint32_t index)
{
	switch (type) {
	case CAP_PAGE:
		return pages[index].generation;
	case CAP_ENV:
		return env_at(index)->generation;
	case CAP_SLICE:
		return slices[index].generation;
	case CAP_RING:
		return ring_generation(index);
	case CAP_FILTER:
		return filter_info[index].generation;
	case CAP_DEVICE:
		return info.device[index].generation;
	case CAP_PAIR:
		return info.pair[index].generation;
	default:
		return 0;
	}
}

static bool live(const struct slot *s)
{
	return s->generation == cap_generation(s->type, s->index);
}

struct slot *slot_get(struct env *env, uint32_t slot, enum exo_cap_type type, uint8_t rights)
{
	struct slot *s = slot_at(env, slot);

	if (s && s->type == type && (s->rights & rights) == rights && live(s))
		return s;
	info.cap_refused++;
	return NULL;
}

/* Are n slots in a row, in one page of slots, live page slots with these rights? */
static inline bool pages_good(const struct slot *s, uint32_t n, uint8_t rights, uint32_t *executable)
{
	uint32_t any = 0;

	for (const struct slot *end = s + n; s < end; s++) {
		if (!slot_is_page(s, rights))
			return false;
		any |= pages[s->index].executable;
	}
	*executable |= any;
	return true;
}

bool slot_check_pages(struct env *env, uint32_t slot, uint32_t n, uint8_t rights,
                      uint32_t *executable)
{
	for (uint32_t m; n; slot += m, n -= m) {
		uint32_t room = SLOTS_PER_PAGE - slot % SLOTS_PER_PAGE;
		const struct slot *s = slot_at(env, slot);

		m = n < room ? n : room;
		if (!s || !pages_good(s, m, rights, executable)) {
			info.cap_refused++;
			return false;
		}
	}
	return true;
}

bool slot_check(struct env *env, uint32_t slot, uint32_t n, enum exo_cap_type type,
                uint8_t rights)
{
	uint32_t executable;

	if (type == CAP_PAGE)
		return slot_check_pages(env, slot, n, rights, &executable);
	for (uint32_t i = 0; i < n; i++)
		if (!slot_get(env, slot + i, type, rights))
			return false;
	return true;
}

/* A page for slots, charged to env as a table is. */
static int grow(struct env *env, uint32_t page)
{
	uint32_t pfn = pt_take(env);

	if (!pfn)
		return -E_NOMEM;
	env->slot_pages[page] = page_kva(pfn);
	return 0;
}

static bool empty(struct env *env, uint32_t slot)
{
	const struct slot *s = slot_at(env, slot);

	return !s || s->type == CAP_NONE;
}

/* First of n empty slots in a row, SLOT_MAX if there are none. */
static uint32_t find_run(struct env *env, uint32_t n)
{
	uint32_t run = 0;

	for (uint32_t slot = env->slot_hint; slot < SLOT_MAX; slot++) {
		run = empty(env, slot) ? run + 1 : 0;
		if (run == n)
			return slot + 1 - n;
	}
	return SLOT_MAX;
}

/* noinline: slot_reserve is short without it. */
static __attribute__((noinline)) long reserve_run(struct env *env, uint32_t n)
{
	uint32_t first = find_run(env, n);

	if (first == SLOT_MAX)
		return -E_NOSPC;
	for (uint32_t p = first / SLOTS_PER_PAGE; p <= (first + n - 1) / SLOTS_PER_PAGE; p++)
		if (!env->slot_pages[p] && grow(env, p) < 0)
			return -E_NOMEM;
	return first;
}

long slot_reserve(struct env *env, uint32_t n)
{
	const struct slot *s = slot_at(env, env->slot_hint);

	return n == 1 && s && s->type == CAP_NONE ? (long)env->slot_hint : reserve_run(env, n);
}

void slot_fill(struct env *env, uint32_t slot, enum exo_cap_type type, uint32_t index,
               uint8_t rights)
{
	struct slot *s = slot_at(env, slot);

	assert(s && s->type == CAP_NONE);
	*s = (struct slot){ .type = (uint8_t)type, .rights = rights, .index = index,
		            .generation = type == CAP_PAGE ? pages[index].generation
		                                           : cap_generation(type, index) };
	env->pub->slots++;
	if (slot == env->slot_hint)
		env->slot_hint++;
}

void slot_clear(struct env *env, uint32_t slot)
{
	struct slot *s = slot_at(env, slot);

	if (!s || s->type == CAP_NONE)
		return;
	*s = (struct slot){ 0 };
	env->pub->slots--;
	if (slot < env->slot_hint)
		env->slot_hint = slot;
}

long slot_end(struct env *env, uint32_t slot, enum exo_cap_type type, void (*end)(uint32_t index))
{
	const struct slot *s = slot_get(env, slot, type, RIGHT_OWN);

	if (!s)
		return -E_PERM;
	end(s->index);
	slot_clear(env, slot);
	return 0;
}

void slot_destroy(struct env *env)
{
	for (int i = 0; i < SLOT_PAGES; i++) {
		if (env->slot_pages[i])
			page_release((uint32_t)(kmap_phys((uint64_t)env->slot_pages[i]) >> 12));
		env->slot_pages[i] = NULL;
	}
	env->pub->slots = 0;
}

enum { INDEX_BITS = 28, TYPE_BITS = 4, GENERATION_BITS = 24 };

struct exo_cap cap_make(enum exo_cap_type type, uint32_t index, uint8_t rights)
{
	uint64_t generation = cap_generation(type, index);
	uint64_t name = index | (uint64_t)type << INDEX_BITS |
	                generation << (INDEX_BITS + TYPE_BITS) | (uint64_t)rights << 56;

	return (struct exo_cap){ name, siphash_word(state.key, name) };
}

bool cap_verify(const struct exo_cap *cap, struct slot *out)
{
	/* One subtraction, one test: the time does not tell how many bytes agree. */
	if ((siphash_word(state.key, cap->name) ^ cap->mac) != 0)
		goto refuse;
	*out = (struct slot){
		.type = cap->name >> INDEX_BITS & 15,
		.rights = (uint8_t)(cap->name >> 56),
		.index = cap->name & ((1u << INDEX_BITS) - 1),
		.generation = cap->name >> (INDEX_BITS + TYPE_BITS) & 0xffffff,
	};
	if (live(out)) /* the hash is good: the index was in range when it was made */
		return true;
refuse:
	info.cap_refused++;
	return false;
}
