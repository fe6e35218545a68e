/* apps/kbench/main.c - the harness: measure, report. SPDX-License-Identifier: ISC */
#include "apps/kbench/kbench.h"
#include "libnet/decimal.h"
#include <string.h>

int first_main(uint32_t data_slot);

enum { ROUNDS = 1000 };

uint32_t ktest_shared_slot;
static uint64_t empty; /* what an empty measurement costs */

static uint64_t now(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

/* child.c reports through these. */
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
	char text[DECIMAL_MAX];

	ktest_print(decimal(text, (uint64_t)v));
}

static uint64_t mean(kbench_op *op, kbench_op *undo)
{
	uint64_t sum = 0, scrubs = 0;

	op(); /* once to warm up: page tables, slots */
	undo();
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t before = exo_info()->scrubs, start = now();

		op();
		sum += now() - start;
		scrubs += exo_info()->scrubs - before;
		undo();
	}
	return (sum - scrubs * KBENCH_SCRUB) / ROUNDS;
}

static void nothing(void) {}

uint64_t kbench_measure(kbench_op *op, kbench_op *undo)
{
	uint64_t all = mean(op, undo ? undo : nothing);

	return all > empty ? all - empty : 0;
}

uint64_t kbench_raw(uint64_t (*op)(void), uint64_t known)
{
	uint64_t sum = 0, clock = raw_clock();

	for (int i = 0; i < ROUNDS; i++)
		sum += op();
	return sum / ROUNDS - clock - known;
}

void kbench_row(const char *row, uint64_t instructions)
{
	ktest_print(row);
	ktest_print("\t");
	ktest_print_number((long)instructions);
	ktest_print("\n");
}

int first_main(uint32_t data_slot)
{
	(void)data_slot;
	context_init();
	ktest_shared_slot = (uint32_t)sys_page_alloc(PAGE_ANY, 1);
	empty = mean(nothing, nothing);
	kbench_control();
	kbench_memory();
	kbench_ipc();
	sys_power(SLOT_MACHINE, POWER_OFF, 0);
	return 1;
}
