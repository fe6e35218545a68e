/* libnet/exos/spawn.c - see spawn.h. SPDX-License-Identifier: ISC */
#include "libnet/exos/spawn.h"
#include <string.h>
#include "exo/layout.h"
#include "exo/page.h"
#include "exo/stub.h"
#include "libnet/exos/elf.h"

enum { STACK_PAGES = (EXOS_STACK_TOP - EXOS_STACK) / EXO_PAGE_SIZE };

/* Own n new pages and see them at EXOS_WINDOW. */
static long window_open(uint32_t n)
{
	return memory_new(EXOS_WINDOW, n);
}

/* The pages behind the window become env's, at va. Returns the first of its slots for them. */
static long window_give(uint32_t slot, uint32_t n, uint32_t env, uint64_t va, uint32_t prot)
{
	long error = sys_page_unmap(SLOT_SELF, EXOS_WINDOW, n);
	long theirs = error < 0 ? error : sys_cap_give(slot, n, env);

	if (theirs < 0) {
		sys_page_free(slot, n);
		return theirs;
	}
	error = sys_page_map(env, va, slot, n, prot);
	sys_cap_drop(slot, n);
	return error < 0 ? error : theirs;
}

static long load_segment(uint32_t env, const struct elf_segment *g, const uint8_t *image)
{
	long slot = window_open(g->npages);

	if (slot < 0)
		return slot;
	memcpy((uint8_t *)EXOS_WINDOW + g->skip, image + g->offset, g->nbytes);
	return window_give((uint32_t)slot, g->npages, env, g->va, g->prot);
}

static long load_program(uint32_t env, const struct elf_program *p, const uint8_t *image)
{
	long error = 0;

	for (uint32_t i = 0; i < p->nsegments && error >= 0; i++)
		error = load_segment(env, &p->segment[i], image);
	return error;
}

static long load_stack(uint32_t env)
{
	long slot = window_open(STACK_PAGES);

	return slot < 0 ? slot : window_give((uint32_t)slot, STACK_PAGES, env, EXOS_STACK,
	                                     PROT_R | PROT_W);
}

static long load_args(uint32_t env, const struct spawn *s)
{
	struct exos_args args = s->args;
	long file = s->file_pages ? sys_cap_give(s->file_slot, s->file_pages, env) : 0;

	if (file < 0)
		return file;
	args.file_slot = (uint32_t)file;
	long slot = window_open(1);
	if (slot < 0)
		return slot;
	memcpy((void *)EXOS_WINDOW, &args, sizeof args);
	return window_give((uint32_t)slot, 1, env, EXOS_ARGS, PROT_R);
}

static long map_shared(uint32_t env, const struct spawn *s)
{
	long error = 0;

	for (uint32_t i = 0; i < SPAWN_SHARED && error >= 0; i++)
		if (s->shared[i])
			error = sys_page_map(env, EXOS_SHARE + (uint64_t)i * EXO_PAGE_SIZE,
			                     s->shared[i], 1, s->shared_prot[i]);
	return error;
}

static long give_slice(uint32_t env)
{
	long slice = sys_slice_alloc(UINT32_MAX);

	if (slice < 0)
		return slice;
	long error = sys_cap_give((uint32_t)slice, 1, env);
	if (error < 0)
		sys_slice_free((uint32_t)slice);
	else
		sys_cap_drop((uint32_t)slice, 1);
	return error;
}

/* End it and forget it. */
static void undo(uint32_t env)
{
	sys_env_destroy(env, 0);
	sys_env_destroy(env, 0);
}

long spawn(const struct spawn *s, uint64_t *entry)
{
	struct elf_program program;
	char name[16] = { 0 };
	long error = elf_decode(s->image, s->size, EXOS_PROGRAM, EXOS_ARGS, &program);

	if (error < 0)
		return error;
	strncpy(name, s->name, sizeof name - 1);
	long env = sys_env_create((uint64_t)name, s->table_limit);
	if (env < 0)
		return env;
	if ((error = load_program((uint32_t)env, &program, s->image)) < 0 ||
	    (error = load_stack((uint32_t)env)) < 0 || (error = map_shared((uint32_t)env, s)) < 0 ||
	    (error = load_args((uint32_t)env, s)) < 0 || (error = give_slice((uint32_t)env)) < 0) {
		undo((uint32_t)env);
		return error;
	}
	*entry = program.entry;
	return env;
}
