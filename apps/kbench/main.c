/* apps/kbench/main.c - count guest instructions of the kernel's operations.
 *
 * Under QEMU's -icount shift=0 the time stamp counter counts instructions. Each row is the
 * mean of many rounds, less what an empty round costs. Prints "row<TAB>instructions".
 * SPDX-License-Identifier: ISC */
#include <stddef.h>
#include <string.h>
#include "apps/ktest/ktest.h"

int first_main(uint32_t data_slot);
long transfer_call(uint32_t to, uint64_t m[4]);
void transfer_returned(void);
void transfer_serve(void);

enum { ROUNDS = 1000 };

uint32_t ktest_shared_slot;

static struct {
	uint32_t pages; /* slots of 100 pages */
	uint32_t peer;  /* id of a child that yields, or serves */
	struct child child;
} b;

static uint64_t now(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

void ktest_failed(const char *file, int line, const char *what, long value)
{
	(void)file;
	(void)line;
	(void)what;
	(void)value;
}

void ktest_print(const char *text)
{
	sys_console_write(SLOT_MACHINE, (uint64_t)text, (uint32_t)strlen(text));
}

void ktest_print_number(long v)
{
	char text[24];
	int at = sizeof text - 1;
	unsigned long rest = (unsigned long)v;

	text[at] = '\0';
	do {
		text[--at] = (char)('0' + rest % 10);
	} while (rest /= 10);
	ktest_print(text + at);
}

/* Means of ROUNDS calls of op; `undo`, not counted, follows each. */
static uint64_t measure(void (*op)(void), void (*undo)(void))
{
	uint64_t sum = 0;

	op(); /* once to warm up: page tables, slots */
	if (undo)
		undo();
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = now();

		op();
		sum += now() - start;
		if (undo)
			undo();
	}
	return sum / ROUNDS;
}

static void nothing(void) {}

static void report(const char *row, uint64_t instructions, uint64_t empty)
{
	ktest_print(row);
	ktest_print("\t");
	ktest_print_number((long)(instructions > empty ? instructions - empty : 0));
	ktest_print("\n");
}

static void null_syscall(void) { sys_null(); }
static void trap_and_resume(void) { __asm__ volatile("int3"); }
static void ignore(struct exception *e) { (void)e; }

static void map(uint32_t n)
{
	sys_page_map(SLOT_SELF, KTEST_VA, b.pages, n, PROT_R | PROT_W);
}
static void map_1(void) { map(1); }
static void map_100(void) { map(100); }
static void unmap_1(void) { sys_page_unmap(SLOT_SELF, KTEST_VA, 1); }
static void unmap_100(void) { sys_page_unmap(SLOT_SELF, KTEST_VA, 100); }
static void protect_1(void) { sys_page_protect(SLOT_SELF, KTEST_VA, 1, PROT_R); }
static void protect_100(void) { sys_page_protect(SLOT_SELF, KTEST_VA, 100, PROT_R); }
static void dirty_query(void) { sys_page_scan(SLOT_SELF, KTEST_VA, 0); }

static void fault_and_map(struct exception *e)
{
	(void)e;
	map_1();
}
static void touch(void) { *(volatile char *)KTEST_VA = 1; }

static void alloc_free(void) { sys_page_free((uint32_t)sys_page_alloc(PAGE_ANY, 1), 1); }
static void yield_to_peer(void) { context_yield(b.peer); }

static void transfer_round_trip(void)
{
	uint64_t m[4] = { 0 };

	transfer_call(b.peer, m);
}

static void env_create_destroy(void)
{
	static const char name[16] = "bench";
	uint32_t env = (uint32_t)sys_env_create((uint64_t)name, 64);

	sys_env_destroy(env, 0);
	sys_env_destroy(env, 0);
}

static _Noreturn uint32_t yields_back(uint64_t to)
{
	context_init();
	for (;;)
		context_yield((uint32_t)to);
}

static _Noreturn uint32_t serves(uint64_t entry)
{
	context_init();
	envpage()->sync_entry = entry;
	envpage()->open = 1;
	for (;;)
		context_yield(0);
}

static void peer(child_fn *fn, uint64_t argument)
{
	child_start(&b.child, fn, argument);
	b.peer = b.child.id;
	for (int i = 0; i < 10; i++)
		context_yield(0);
}

static void memory_rows(uint64_t empty)
{
	report("map_1", measure(map_1, unmap_1), empty);
	report("map_100", measure(map_100, unmap_100), empty);
	report("unmap_1", measure(unmap_1, map_1), empty);
	map_100();
	report("unmap_100", measure(unmap_100, map_100), empty);
	map_100();
	report("protect_1", measure(protect_1, map_1), empty);
	report("protect_100", measure(protect_100, map_100), empty);
	report("dirty_query", measure(dirty_query, NULL), empty);
	unmap_100();
	context_on_exception(fault_and_map);
	report("page_fault_by_libos", measure(touch, unmap_1), empty);
	report("page_alloc_free", measure(alloc_free, NULL), empty);
}

static void control_rows(uint64_t empty)
{
	report("null_syscall", measure(null_syscall, NULL), empty);
	context_on_exception(ignore);
	report("exception_round_trip", measure(trap_and_resume, NULL), empty);
	peer(yields_back, exo_info()->running);
	report("yield_round_trip", measure(yield_to_peer, NULL), empty);
	child_reap(&b.child);
	envpage()->sync_entry = (uint64_t)transfer_returned;
	peer(serves, (uint64_t)transfer_serve);
	report("pct_round_trip", measure(transfer_round_trip, NULL), empty);
	child_reap(&b.child);
	report("env_create_destroy", measure(env_create_destroy, NULL), empty);
}

int first_main(uint32_t data_slot)
{
	(void)data_slot;
	context_init();
	ktest_shared_slot = (uint32_t)sys_page_alloc(PAGE_ANY, 1);
	b.pages = (uint32_t)sys_page_alloc(PAGE_ANY, 100);
	uint64_t empty = measure(nothing, NULL);
	control_rows(empty);
	memory_rows(empty);
	sys_power(SLOT_MACHINE, POWER_OFF, 0);
	return 1;
}
