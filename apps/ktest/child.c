/* apps/ktest/child.c - children of the test program. SPDX-License-Identifier: ISC */
#include "apps/ktest/ktest.h"
#include "exo/image.h"
#include "exo/stub.h"
#include <string.h>

enum { STACK_PAGES = 4 };

extern const char first_data[], first_data_pages[]; /* first.ld: an address, a number */

static uint64_t image_pages(void)
{
	return (exo_info()->module[0].size + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE;
}

/* The first code of a child, on its own stack; call: what child_start left on it. */
struct call {
	child_fn *fn;
	uint64_t argument;
};

__attribute__((used)) static void begin(const struct call *call)
{
	sys_env_destroy(SLOT_SELF, call->fn(call->argument));
}

/* rdi: the call, at the stack's top */
void child_entry(void);
__asm__(".globl child_entry\nchild_entry:\n\tmov %rdi, %rsp\n\tand $-16, %rsp\n\tcall begin\n");

enum { DATA = PROT_R | PROT_W | PROT_GUARANTEED, CODE = PROT_R | PROT_X | PROT_GUARANTEED };

/* n new pages, mapped at va of the child and at `here` of ours. Returns the slot. */
static long new_pages(uint32_t env, uint64_t va, uint64_t here, uint32_t n)
{
	long slot = sys_page_alloc(PAGE_ANY, n);

	if (slot > 0 && (sys_page_map(env, va, (uint32_t)slot, n, DATA) < 0 ||
	                 sys_page_map(SLOT_SELF, here, (uint32_t)slot, n, PROT_R | PROT_W) < 0)) {
		sys_page_free((uint32_t)slot, n);
		return -E_NOMEM;
	}
	return slot;
}

/* They are the child's from now on. */
static bool hand_over(uint32_t env, uint32_t slot, uint64_t here, uint32_t n)
{
	bool good = sys_cap_give(slot, n, env) >= 0;

	sys_page_unmap(SLOT_SELF, here, n);
	sys_cap_drop(slot, n);
	return good;
}

static bool copy_data(uint32_t env)
{
	const uint32_t n = (uint32_t)(uint64_t)first_data_pages;
	long slot = new_pages(env, (uint64_t)first_data, CHILD_DATA, n);

	if (slot < 0)
		return false;
	memcpy((void *)CHILD_DATA, first_data, n * EXO_PAGE_SIZE);
	return hand_over(env, (uint32_t)slot, CHILD_DATA, n);
}

static bool make_stack(uint32_t env, child_fn *fn, uint64_t argument, uint64_t *top)
{
	struct call call = { fn, argument };
	long slot = new_pages(env, CHILD_STACK, CHILD_STACK, STACK_PAGES);

	if (slot < 0)
		return false;
	*top = CHILD_STACK + STACK_PAGES * EXO_PAGE_SIZE - sizeof call;
	memcpy((void *)*top, &call, sizeof call);
	return hand_over(env, (uint32_t)slot, CHILD_STACK, STACK_PAGES);
}

static bool fill(uint32_t env, child_fn *fn, uint64_t argument, uint64_t *top)
{
	return sys_page_map(env, EXO_FIRST_VA, exo_info()->module[0].slot,
	                    (uint32_t)image_pages(), CODE) == 0 &&
	       sys_page_map(env, KTEST_SHARED, ktest_shared_slot, 1, DATA) == 0 &&
	       make_stack(env, fn, argument, top) && copy_data(env);
}

static bool give_slice(uint32_t env)
{
	long slice = sys_slice_alloc(UINT32_MAX);

	if (slice < 0)
		return false;
	bool good = sys_cap_give((uint32_t)slice, 1, env) >= 0;
	sys_cap_drop((uint32_t)slice, 1);
	return good;
}

/* The index that a CAP_ENV slot names is in every capability made from it. */
static uint32_t index_of(uint32_t env)
{
	struct exo_cap cap = { 0 };

	sys_cap_mint(env, RIGHT_READ, (uint64_t)&cap);
	return cap.name & 0xfffffff;
}

/* Make a child and start it, with or without a slice. */
static bool make(struct child *c, child_fn *fn, uint64_t argument, bool runs)
{
	static const char name[16] = "child";
	long env = sys_env_create((uint64_t)name, CHILD_TABLES);
	uint64_t top;

	if (env < 0)
		return false;
	c->env = (uint32_t)env;
	c->index = index_of(c->env);
	c->id = exo_envs()[c->index].id;
	if (fill(c->env, fn, argument, &top) && (!runs || give_slice(c->env)) &&
	    sys_env_start(c->env, (uint64_t)child_entry, top) == 0)
		return true;
	child_reap(c);
	return false;
}

bool child_start(struct child *c, child_fn *fn, uint64_t argument)
{
	return make(c, fn, argument, true);
}

bool child_start_without_slice(struct child *c, child_fn *fn, uint64_t argument)
{
	return make(c, fn, argument, false);
}

bool child_wait(const struct child *c)
{
	EVENTUALLY(child_record(c)->state == ENV_ENDED);
	return child_record(c)->state == ENV_ENDED;
}

void child_reap(struct child *c)
{
	if (child_record(c)->state != ENV_ENDED)
		sys_env_destroy(c->env, 0);
	sys_env_destroy(c->env, 0);
}

void child_reap_all(uint32_t but)
{
	uint32_t self = exo_info()->running;

	for (int i = 0; i < EXO_ENV_MAX; i++) {
		const volatile struct exo_env *e = &exo_envs()[i];

		if (!e->id || e->parent != self || e->id == but)
			continue;
		uint32_t slot = (uint32_t)sys_env_child(e->id);
		if (e->state != ENV_ENDED)
			sys_env_destroy(slot, 0);
		sys_env_destroy(slot, 0);
	}
}
