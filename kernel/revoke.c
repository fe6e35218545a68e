/* kernel/revoke.c - ask first; after the deadline take by force, and say what was taken.
 *
 * Which resources an environment gives up is its choice until the deadline. What the
 * kernel takes after it: pages and slices in the order of their lists, youngest page first.
 * SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "exo/wait.h"
#include "kernel/cpu.h"
#include "kernel/device.h"
#include "kernel/env.h"
#include "kernel/filter.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/pair.h"
#include "kernel/panic.h"
#include "kernel/revoke.h"
#include "kernel/ring.h"
#include "kernel/sched.h"
#include "kernel/string.h"

uint32_t revoke_asked;

static uint32_t count_bits(uint64_t v)
{
	uint32_t n = 0;

	for (; v; v &= v - 1)
		n++;
	return n;
}

uint32_t revoke_owned(const struct env *env, enum exo_cap_type type)
{
	switch (type) {
	case CAP_PAGE:
		return env->pub->pages - (env->pub->tables - env->kernel_pages) - env->guaranteed;
	case CAP_SLICE:
		return count_bits(env->slice_mask);
	case CAP_RING:
		return env->rings;
	case CAP_FILTER:
		return env->filters;
	case CAP_DEVICE:
		return env->devices;
	case CAP_PAIR:
		return env->pairs;
	default:
		return 0;
	}
}

void revoke_ask(struct env *env, enum exo_cap_type type, uint32_t count, uint64_t deadline)
{
	uint32_t owned = revoke_owned(env, type);

	assert(count <= owned);
	revoke_asked += env->revoke.type == CAP_NONE;
	env->revoke.type = type;
	env->revoke.target = owned - count;
	env->revoke.deadline = deadline;
	env->page->revoke.type = type;
	env->page->revoke.count = count;
	env->page->revoke.deadline = deadline;
	env->page->pending |= UPCALL_REVOKE;
}

void revoke_release(struct env *env)
{
	revoke_asked -= env->revoke.type != CAP_NONE;
	env->revoke.type = CAP_NONE;
}

/* Copy a page that will be taken to the next of the pages its owner has named for that, if the
 * owner may still write that one. Returns its number, or 0. */
static uint32_t save(struct env *env, uint32_t pfn)
{
	while (env->nbacking) {
		const struct slot *s = slot_get(env, env->backing++, CAP_PAGE, RIGHT_WRITE);

		env->nbacking--;
		if (!s || s->index == pfn || pages[s->index].executable)
			continue;
		memcpy(page_kva(s->index), page_kva(pfn), EXO_PAGE_SIZE);
		return s->index;
	}
	return 0;
}

static void note(struct env *env, struct exo_lost lost)
{
	struct exo_envpage *page = env->page;
	uint32_t n = page->lost_count;

	if (n < EXO_LOST_MAX)
		page->lost[n] = lost;
	page->lost_count = n + 1;
	page->pending |= UPCALL_LOST;
}

void revoke_note(struct env *env, enum exo_cap_type type, uint32_t name)
{
	note(env, (struct exo_lost){ .type = type, .name = name });
}

/* The page to take: any that is neither a table nor guaranteed. */
static uint32_t victim_page(const struct env *env)
{
	for (uint32_t pfn = env->pages; pfn; pfn = pages[pfn].next)
		if (pages[pfn].state == PAGE_OWNED && !pages[pfn].guaranteed)
			return pfn;
	panic("revoke: env %x owns no page to take", env->id);
}

/* Take one resource by force: every binding of it is broken. */
static void take(struct env *env)
{
	uint32_t name, backing = 0;

	switch (env->revoke.type) {
	case CAP_PAGE:
		name = victim_page(env);
		backing = save(env, name);
		page_release(name);
		break;
	case CAP_SLICE:
		name = (uint32_t)__builtin_ctzll(env->slice_mask);
		slice_free(name);
		break;
	case CAP_RING:
		name = ring_first(env);
		ring_destroy(name);
		break;
	case CAP_FILTER:
		name = filter_first(env);
		filter_remove(name);
		break;
	case CAP_DEVICE:
		name = device_first(env);
		device_free(name);
		break;
	default:
		name = pair_first(env);
		pair_free(name);
	}
	note(env, (struct exo_lost){ .type = env->revoke.type, .name = name, .backing = backing });
}

static void settle(struct env *env)
{
	if (revoke_owned(env, env->revoke.type) > env->revoke.target &&
	    rdtsc() < env->revoke.deadline)
		return;
	while (revoke_owned(env, env->revoke.type) > env->revoke.target)
		take(env);
	revoke_release(env);
}

void revoke_turn(void)
{
	for (uint32_t i = 0; revoke_asked && i < EXO_ENV_MAX; i++)
		if (env_alive(&envs[i]) && envs[i].revoke.type != CAP_NONE)
			settle(&envs[i]);
}

uint64_t revoke_first_deadline(void)
{
	uint64_t first = WAIT_FOREVER;

	for (uint32_t i = 0; revoke_asked && i < EXO_ENV_MAX; i++)
		if (env_alive(&envs[i]) && envs[i].revoke.type != CAP_NONE &&
		    envs[i].revoke.deadline < first)
			first = envs[i].revoke.deadline;
	return first;
}
