/* apps/kbench/control.c - crossings, exceptions, transfers, environments.
 * SPDX-License-Identifier: ISC */
#include "apps/kbench/kbench.h"

static struct {
	struct child child;
	uint64_t trip[2];
} b;

static void int3(void) { __asm__ volatile("int3"); }
static void ignore(struct exception *e) { (void)e; }
static uint64_t fault(void) { return raw_fault(KTEST_VA); }

static uint64_t one_way(void)
{
	raw_call(b.child.id, b.trip);
	return b.trip[0];
}

static uint64_t round_trip(void)
{
	raw_call(b.child.id, b.trip);
	return b.trip[1];
}

static void yield_to_child(void) { context_yield(b.child.id); }

static void yield_to_nobody(void) { context_yield(0); }

static _Noreturn uint32_t yields_back(uint64_t to)
{
	context_init();
	for (;;)
		context_yield((uint32_t)to);
}

static _Noreturn uint32_t serves(uint64_t entry)
{
	context_init();
	envpage()->sync_entry = (uint32_t)entry;
	envpage()->open = 1;
	for (;;)
		context_yield(0);
}

static void start(child_fn *fn, uint64_t argument)
{
	child_start(&b.child, fn, argument);
	for (int i = 0; i < 10; i++)
		context_yield(0);
}

static void env_create_destroy(void)
{
	static const char name[16] = "bench";
	uint32_t env = (uint32_t)sys_env_create((uint64_t)name, 64);

	sys_env_destroy(env, 0);
	sys_env_destroy(env, 0);
}

void kbench_control(void)
{
	kbench_row("null_syscall", kbench_raw(raw_null, 1));
	kbench_row("exception_dispatch", kbench_raw(raw_dispatch, 1)); /* int3 */
	kbench_row("page_fault_dispatch", kbench_raw(fault, 0));
	context_on_exception(ignore);
	kbench_row("exception_roundtrip", kbench_measure(int3, NULL));
	start(yields_back, exo_info()->running);
	kbench_row("yield", kbench_measure(yield_to_child, NULL) / 2);
	child_reap(&b.child);
	start(yields_back, 0);
	kbench_row("context_switch", kbench_measure(yield_to_nobody, NULL) / 2);
	child_reap(&b.child);
	envpage()->sync_entry = (uint32_t)(uint64_t)raw_returned;
	start(serves, (uint64_t)raw_serve);
	kbench_row("pct_oneway", kbench_raw(one_way, 2)); /* load the number; copy the id */
	kbench_row("pct_roundtrip", kbench_raw(round_trip, 4)); /* the same; the callee's clock */
	child_reap(&b.child);
	kbench_row("env_create_destroy", kbench_measure(env_create_destroy, NULL));
}
