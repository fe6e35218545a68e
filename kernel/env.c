/* kernel/env.c - environments: their beginning and their end.
 * SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/device.h"
#include "kernel/env.h"
#include "kernel/filter.h"
#include "kernel/generation.h"
#include "kernel/kmap.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/pair.h"
#include "kernel/panic.h"
#include "kernel/power.h"
#include "kernel/pt.h"
#include "kernel/revoke.h"
#include "kernel/ring.h"
#include "kernel/sched.h"
#include "kernel/stlb.h"
#include "kernel/string.h"
#include "kernel/wait.h"

struct exo_env env_public[EXO_ENV_MAX] __attribute__((aligned(EXO_PAGE_SIZE)));
struct env envs[EXO_ENV_MAX];

static uint32_t id_of(const struct env *env)
{
	return env->generation << EXO_ENV_INDEX_BITS | env->index;
}

void env_init(void)
{
	for (uint32_t i = 0; i < EXO_ENV_MAX; i++)
		envs[i] = (struct env){ .id = env_no_id(i), .index = i,
			                .generation = generation_env_first,
			                .pub = &env_public[i], .space = stlb_space(i) };
}

struct env *env_at(uint32_t index)
{
	assert(index < EXO_ENV_MAX);
	return &envs[index];
}

/* A record never used, or forgotten; not one whose generation would wrap. */
static struct env *free_record(void)
{
	for (uint32_t i = 0; i < EXO_ENV_MAX; i++)
		if (env_public[i].state == ENV_FREE && envs[i].generation <= GENERATION_ENV_MAX)
			return &envs[i];
	return NULL;
}

/* The environment page: owned, pinned for good, mapped writable, not executable. */
static int make_page(struct env *env)
{
	uint32_t pfn = page_first_free();

	if (!pfn)
		return -E_NOMEM;
	page_own(pfn, env, PAGE_OWNED);
	if (pt_prepare(env, EXO_ENVPAGE, 1) < 0)
		return -E_NOMEM;
	const struct slot page = { .index = pfn };
	pt_set(&(struct pt_run){ pt_entry(env, EXO_ENVPAGE), &page, 1 },
	       PROT_R | PROT_W | PROT_GUARANTEED);
	page_pin(pfn);
	page_guarantee(pfn, env, true);
	env->page = page_kva(pfn);
	env->page->masked = 1;
	for (int i = 0; i < 2; i++) {
		struct exo_save *save = i ? &env->page->upcall : &env->page->exception;

		save->frame.cs = EXO_USER_CS;
		save->frame.ss = EXO_USER_SS;
	}
	return 0;
}

/* Give back everything env owns. */
static void release_all(struct env *env)
{
	wait_clear(env);
	revoke_release(env);
	filter_release(env);
	ring_release(env);
	device_release(env);
	pair_release(env);
	slice_release(env);
	if (env->page)
		page_unpin((uint32_t)(kmap_phys((uint64_t)env->page) >> EXO_PAGE_SHIFT));
	env->page = NULL;
	if (env->cr3)
		pt_destroy(env);
	slot_destroy(env);
	while (env->pages)
		page_release(env->pages);
	assert(env->pub->pages == 0);
}

int env_create(struct env *parent, const char *name, uint32_t table_limit, struct env **out)
{
	struct env *env = free_record();

	if (!env)
		return -E_NOSPC;
	*env->pub = (struct exo_env){ .id = id_of(env), .parent = parent ? parent->pub->id : 0,
		                      .state = ENV_NEW, .table_limit = table_limit };
	memcpy(env->pub->name, name, sizeof env->pub->name);
	env->id = env->pub->id;
	env->slot_hint = 0;
	env->lent_to = 0;
	env->awake = 0;
	env->guaranteed = 0;
	env->kernel_pages = 0;
	env->nbacking = 0;
	if (pt_create(env) < 0 || make_page(env) < 0 || slot_reserve(env, 1) < 0) {
		release_all(env);
		env->id = env_no_id(env->index);
		*env->pub = (struct exo_env){ 0 };
		return -E_NOMEM;
	}
	slot_fill(env, SLOT_SELF, CAP_ENV, env->index, RIGHT_ALL);
	*out = env;
	return 0;
}

/* Children of the ended: records of ended ones are forgotten, the others are adopted by
 * the first environment. */
static void leave_children(uint32_t parent)
{
	for (uint32_t i = 0; i < EXO_ENV_MAX; i++) {
		struct exo_env *child = &env_public[i];

		if (child->state == ENV_FREE || child->parent != parent)
			continue;
		child->parent = env_public[0].id;
		if (child->state == ENV_ENDED)
			env_forget(&envs[i]);
	}
}

/* A parent that did it itself knows. */
static void tell_parent(uint32_t id)
{
	struct env *parent = id ? env_by_id(id) : NULL;

	if (parent && parent != cpu()->env)
		parent->page->pending |= UPCALL_CHILD_ENDED;
}

/* Whoever waits for the ended to return a call gets its slices back, and is told. */
static void return_lent(uint32_t id)
{
	for (uint32_t i = 0; i < EXO_ENV_MAX; i++) {
		if (!env_alive(&envs[i]) || envs[i].lent_to != id)
			continue;
		envs[i].lent_to = 0;
		envs[i].page->pending |= UPCALL_CALLEE_DIED;
	}
}

/* Nobody is left who could start anything: the machine's work is done, with the last
 * one's exit code. */
static void end_if_last(enum exo_env_end why, uint32_t code)
{
	for (uint32_t i = 0; i < EXO_ENV_MAX; i++)
		if (env_public[i].state != ENV_FREE && env_public[i].state != ENV_ENDED)
			return;
	log_printf("exonet: the last environment has ended\n");
	power_off(why == END_EXIT && code < 128 ? (uint8_t)code : 1);
}

void env_end(struct env *env, enum exo_env_end why, uint32_t code)
{
	struct cpu *c = cpu();

	assert(env->pub->state != ENV_FREE && env->pub->state != ENV_ENDED);
	release_all(env);
	env->id = env_no_id(env->index);
	env->pub->state = ENV_ENDED;
	env->pub->ended = (uint8_t)why;
	env->pub->code = code;
	env->entry = 0;
	if (c->env == env) {
		c->env = NULL;
		c->envpage = NULL;
	}
	return_lent(env->pub->id);
	tell_parent(env->pub->parent);
	leave_children(env->pub->id);
	end_if_last(why, code);
}

void env_forget(struct env *env)
{
	assert(env->pub->state == ENV_ENDED);
	*env->pub = (struct exo_env){ 0 };
	env->generation++;
}
