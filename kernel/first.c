/* kernel/first.c - the first environment, from the first boot module (exo/image.h).
 * SPDX-License-Identifier: ISC */
#include "exo/image.h"
#include "exo/layout.h"
#include "kernel/boot.h"
#include "kernel/cap.h"
#include "kernel/env.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/pt.h"
#include "kernel/sched.h"
#include "kernel/string.h"

enum { FIRST_TABLES = 4096, MAGIC_LENGTH = 8 };
_Static_assert(sizeof EXO_FIRST_MAGIC == MAGIC_LENGTH + 1, "exo/image.h");

static uint32_t module_pages(const struct exo_module *m)
{
	return (uint32_t)((m->size + EXO_PAGE_SIZE - 1) >> EXO_PAGE_SHIFT);
}

/* The first environment owns a module's pages; bytes after its end are zero. */
static void give_module(struct env *env, struct exo_module *m)
{
	uint32_t n = module_pages(m), tail = m->size % EXO_PAGE_SIZE;
	long slot = n ? slot_reserve(env, n) : SLOT_MODULES;

	if (slot < 0)
		panic("boot: no slots for module %s", m->name);
	m->slot = (uint32_t)slot;
	for (uint32_t i = 0; i < n; i++) {
		page_adopt(m->page + i, env);
		slot_fill(env, m->slot + i, CAP_PAGE, m->page + i, RIGHT_ALL);
	}
	if (tail)
		memset((uint8_t *)page_kva(m->page + n - 1) + tail, 0, EXO_PAGE_SIZE - tail);
}

static void map_image(struct env *env)
{
	const struct exo_module *m = &info.module[0];
	uint32_t n = module_pages(m);

	if (!pt_range_ok(EXO_FIRST_VA, n) || pt_prepare(env, EXO_FIRST_VA, n) < 0)
		panic("boot: no room to map the first program, %u pages", n);
	for (uint32_t i = 0; i < n; i++) {
		struct pt_run run = { pt_entry(env, EXO_FIRST_VA + (uint64_t)i * EXO_PAGE_SIZE),
			              slot_at(env, m->slot + i), 1 };

		if (pt_check(&run, PROT_R | PROT_X) < 0)
			panic("boot: cannot map the first program's page %u", i);
		pt_set(&run, PROT_R | PROT_X);
	}
}

void boot_first(void)
{
	static const char name[16] = "first";
	struct env *env;

	if (info.modules == 0)
		panic("boot: no first program: give the loader a module");
	if (info.module[0].size <= MAGIC_LENGTH ||
	    memcmp(page_kva(info.module[0].page), EXO_FIRST_MAGIC, MAGIC_LENGTH) != 0)
		panic("boot: module %s is no first program: it does not begin with %s",
		      info.module[0].name, EXO_FIRST_MAGIC);
	if (env_create(NULL, name, FIRST_TABLES, &env) < 0)
		panic("boot: no memory for the first environment");
	slot_fill(env, SLOT_NIC, CAP_NIC, 0, RIGHT_ALL);
	slot_fill(env, SLOT_MACHINE, CAP_MACHINE, 0, RIGHT_ALL);
	for (uint32_t i = 0; i < info.modules; i++)
		give_module(env, &info.module[i]);
	map_image(env);
	slice_own(0, env);
	env->entry = EXO_FIRST_VA + MAGIC_LENGTH;
	env->argument = 0;
	env->pub->state = ENV_READY;
}
