/* apps/ktest/cpu_test.c - slices, upcalls, sleeping. SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"

static struct child child;
static volatile uint32_t *const shared = (volatile uint32_t *)KTEST_SHARED;

static _Noreturn uint32_t count_up(uint64_t argument)
{
	(void)argument;
	context_init();
	for (;;)
		(*shared)++;
}

/* Spin, with a value in every register, until *word >= end; 0 if all are the same afterwards. */
static uint64_t spin_with_all_registers(const volatile uint64_t *word, uint64_t end)
{
	uint64_t differ, kept = 0x123456789abcdef0;

	__asm__ volatile("mov %1, %%rax; mov %1, %%rdx; mov %1, %%rbx; mov %1, %%r8; mov %1, %%r9\n\t"
	                 "mov %1, %%r10; mov %1, %%r11; mov %1, %%r12; mov %1, %%r13\n\t"
	                 "mov %1, %%r14; mov %1, %%r15; movq %1, %%xmm5\n"
	                 "1:\tcmp %3, (%2); jb 1b\n\t"
	                 "xor %1, %%rax; xor %1, %%rdx; xor %1, %%rbx; xor %1, %%r8; xor %1, %%r9\n\t"
	                 "xor %1, %%r10; xor %1, %%r11; xor %1, %%r12; xor %1, %%r13\n\t"
	                 "xor %1, %%r14; xor %1, %%r15\n\t"
	                 "or %%rdx, %%rax; or %%rbx, %%rax; or %%r8, %%rax; or %%r9, %%rax\n\t"
	                 "or %%r10, %%rax; or %%r11, %%rax; or %%r12, %%rax; or %%r13, %%rax\n\t"
	                 "or %%r14, %%rax; or %%r15, %%rax\n\t"
	                 "movq %%xmm5, %%rdx; xor %1, %%rdx; or %%rdx, %%rax"
	                 : "=&a"(differ)
	                 : "c"(kept), "D"(word), "S"(end)
	                 : "rdx", "rbx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm5",
	                   "memory", "cc");
	return differ;
}

/* Both spin: only the end of each slice can have switched them. */
static void slices_end_and_registers_survive(void)
{
	const volatile uint64_t *slices = &exo_envs()[0].slices;
	uint64_t differ = 0;

	*shared = 0;
	CHECK(child_start(&child, count_up, 0));
	do
		differ |= spin_with_all_registers(slices, *slices + 20);
	while (*shared == 0);
	child_reap(&child);
	CHECK_IS(differ, 0);
}

static void a_deadline_wakes(void)
{
	uint64_t start = __builtin_ia32_rdtsc(), deadline = start + exo_info()->tsc_hz / 500;

	CHECK_IS(context_wait(NULL, 0, deadline), 0);
	CHECK(__builtin_ia32_rdtsc() >= deadline);
}

static uint32_t set_shared(uint64_t argument)
{
	context_init();
	for (int i = 0; i < 3; i++)
		context_yield(0);
	*shared = (uint32_t)argument;
	return 0;
}

static void a_predicate_wakes_when_it_holds(void)
{
	struct exo_wait_term t[] = {
		{ .address = (uint64_t)shared, .value = 5, .op = WAIT_EQ },
		{ .address = (uint64_t)shared, .value = 100, .op = WAIT_GE, .or_ = 1 },
	};

	*shared = 0;
	CHECK(child_start(&child, set_shared, 123));
	CHECK_IS(context_wait(t, 2, WAIT_FOREVER), 0);
	CHECK_IS(*shared, 123);
	CHECK(child_wait(&child));
	child_reap(&child);
}

static long wait_for(const struct exo_wait_term *t, uint32_t n)
{
	return calls_note(SYS_wait, context_wait(t, n, WAIT_FOREVER));
}

static void bad_predicates_are_refused(void)
{
	struct exo_wait_term t = { .address = (uint64_t)shared, .value = 1, .op = WAIT_OPS };

	CHECK_IS(wait_for(&t, 1), -E_INVAL);
	t.op = WAIT_EQ;
	t.address++;
	CHECK_IS(wait_for(&t, 1), -E_INVAL);
	t.address--;
	t.zero = 1;
	CHECK_IS(wait_for(&t, 1), -E_INVAL);
	t.zero = 0;
	t.address = 0x1000;
	CHECK_IS(wait_for(&t, 1), -E_FAULT);
	t.address = 0xffffffff80100000;
	CHECK_IS(wait_for(&t, 1), -E_FAULT);
	CHECK_IS(wait_for(&t, EXO_WAIT_TERMS + 1), -E_LIMIT);
	CHECK_IS(wait_for((void *)0x30, 1), -E_FAULT);
	CHECK_IS(wait_for(NULL, 0), -E_INVAL);
}

static uint32_t count_and_yield(uint64_t parent)
{
	context_init();
	(*shared)++;
	context_yield((uint32_t)parent);
	(*shared)++;
	return 0;
}

/* A child without a slice of its own runs on ours, and only when it is given the rest of one. */
static void a_slice_can_be_donated(void)
{
	*shared = 0;
	CHECK(child_start_without_slice(&child, count_and_yield, exo_info()->running));
	for (int i = 0; i < 5; i++)
		context_yield(0);
	CHECK_IS(*shared, 0);
	EVENTUALLY(context_yield(child.id) < 0 || *shared > 0);
	CHECK_IS(*shared, 1);
	context_yield(0);
	CHECK_IS(*shared, 1);
	EVENTUALLY(context_yield(child.id) < 0 || child_record(&child)->state == ENV_ENDED);
	CHECK_IS(*shared, 2);
	child_reap(&child);
}

/* A child that never gives way: masked from birth, it only collects excess time. */
static _Noreturn uint32_t hog(uint64_t argument)
{
	(void)argument;
	for (;;)
		(*shared)++;
}

static void an_environment_that_ignores_the_end_of_its_slice_is_ended(void)
{
	CHECK(child_start(&child, hog, 0));
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->ended, END_EXCESS);
	child_reap(&child);
}

/* Until the slice is over, and a tick more. */
static void outstay(void)
{
	const volatile struct exo_env *self = exo_env(exo_self());
	uint16_t excess = self->excess;

	while (self->excess == excess)
		;
}

static _Noreturn uint32_t outstays_once(uint64_t argument)
{
	(void)argument;
	context_init();
	context_mask();
	outstay();
	outstay();
	context_unmask();
	*shared = 1;
	for (;;)
		context_yield(0);
}

static void excess_time_is_paid_with_slices(void)
{
	*shared = 0;
	CHECK(child_start(&child, outstays_once, 0));
	EVENTUALLY(*shared);
	EVENTUALLY(child_record(&child)->excess == 0);
	CHECK_IS(child_record(&child)->excess, 0);
	child_reap(&child);
}

/* Yields to another, as often as it is told, when there is nothing left to give. */
static _Noreturn uint32_t gives_nothing(uint64_t to)
{
	context_init();
	for (;;) {
		context_yield(0);
		if (shared[2] == shared[1])
			continue;
		context_mask();
		outstay();
		context_yield((uint32_t)to);
		context_unmask();
		shared[2]++;
	}
}

static void a_slice_that_is_over_cannot_be_donated(void)
{
	static struct child giver;

	shared[0] = shared[1] = shared[2] = 0;
	CHECK(child_start_without_slice(&child, count_and_yield, exo_self()));
	CHECK(child_start(&giver, gives_nothing, child.id));
	shared[1] = 3;
	EVENTUALLY(shared[2] == 3);
	CHECK_IS(shared[2], 3);
	CHECK_IS(*shared, 0); /* it has never run */
	EVENTUALLY(context_yield(child.id) < 0 || *shared > 0);
	shared[1] = 6;
	EVENTUALLY(shared[2] == 6);
	CHECK_IS(shared[2], 6);
	CHECK_IS(*shared, 1); /* nor again */
	child_reap(&giver);
	child_reap(&child);
}

/* The end of the last slice is not the end of this: once in ten times no tick comes in between. */
static uint32_t looks_for_the_last_end(uint64_t argument)
{
	(void)argument;
	context_init();
	context_mask();
	for (int i = 0; i < 10; i++) {
		while (!(envpage()->pending & UPCALL_SLICE_END))
			;
		context_yield(0);
		if (!(envpage()->pending & UPCALL_SLICE_END))
			return 0;
	}
	return 1;
}

static void the_end_of_a_slice_is_forgotten_with_it(void)
{
	CHECK(child_start(&child, looks_for_the_last_end, 0));
	CHECK(child_wait(&child));
	uint32_t code = child_record(&child)->code;
	child_reap(&child);
	CHECK_IS(code, 0);
}

static uint32_t sleeps(uint64_t argument)
{
	struct exo_wait_term never = { .address = KTEST_SHARED, .value = 77, .op = WAIT_EQ };

	(void)argument;
	context_init();
	shared[1] = 1;
	context_wait(&never, 1, WAIT_FOREVER);
	shared[2] = 1;
	return 0;
}

static void a_sleeper_is_not_woken_by_a_gift(void)
{
	shared[0] = shared[1] = shared[2] = 0;
	CHECK(child_start(&child, sleeps, 0));
	EVENTUALLY(shared[1] && child_record(&child)->state == ENV_WAITING);
	for (int i = 0; i < 5; i++)
		CHECK_IS(context_yield(child.id), 0);
	CHECK_IS(shared[2], 0);
	CHECK_IS(child_record(&child)->state, ENV_WAITING);
	child_reap(&child);
}

static uint32_t mask_for_a_while(uint64_t argument)
{
	uint64_t until = __builtin_ia32_rdtsc() + argument;

	context_init();
	context_mask();
	while (__builtin_ia32_rdtsc() < until)
		(*shared)++;
	context_unmask();
	return 0;
}

static void a_critical_section_is_not_interrupted_but_paid_for(void)
{
	CHECK(child_start(&child, mask_for_a_while, exo_info()->slice_cycles * 5));
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->ended, END_EXIT);
	child_reap(&child);
}

static void slices_are_owned(void)
{
	long a = sys_slice_alloc(63), b;

	CHECK(a > 0);
	CHECK_IS(sys_slice_alloc(63), -E_BUSY);
	CHECK_IS(sys_slice_alloc(64), -E_INVAL);
	CHECK_IS(sys_slice_free(SLOT_SELF), -E_PERM);
	CHECK_IS(sys_slice_free((uint32_t)a), 0);
	CHECK_IS(sys_slice_free((uint32_t)a), -E_PERM);
	b = sys_slice_alloc(63);
	CHECK(b > 0);
	CHECK_IS(sys_cap_revoke((uint32_t)b), 0);
	CHECK_IS(sys_slice_free((uint32_t)b), 0);
}

static void slices_run_out_and_come_back(void)
{
	static uint32_t slots[EXO_SLICE_MAX];
	long got = 0;
	int n = 0;

	while (n < EXO_SLICE_MAX && (got = sys_slice_alloc(UINT32_MAX)) > 0)
		slots[n++] = (uint32_t)got;
	CHECK_IS(got, -E_NOSPC);
	CHECK_IS(sys_cap_give(slots[0], 1, SLOT_MACHINE), -E_PERM);
	CHECK_IS(sys_cap_give(slots[0], 0, SLOT_SELF), -E_PERM);
	CHECK_IS(sys_cap_give(SLOT_MACHINE, 1, SLOT_SELF), -E_PERM);
	while (n)
		CHECK_IS(sys_slice_free(slots[--n]), 0);
}

static uint32_t wild_start(uint64_t entry)
{
	context_init();
	envpage()->start_entry = entry;
	sys_yield(0);
	return 0;
}

static void a_wild_start_address_ends_the_environment(void)
{
	static const uint64_t wild[] = { 0, EXO_USER_TOP, 0xffffffff80100000 };

	for (unsigned i = 0; i < sizeof wild / sizeof *wild; i++) {
		CHECK(child_start(&child, wild_start, wild[i]));
		CHECK(child_wait(&child));
		CHECK_IS(child_record(&child)->ended, END_ENTRY);
		child_reap(&child);
	}
}

static uint32_t leave_fpu(uint64_t argument)
{
	context_init();
	__asm__ volatile("movq %0, %%xmm7" : : "r"(argument));
	context_yield(0);
	return 0;
}

static void floating_point_state_does_not_leak(void)
{
	uint64_t left;

	CHECK(child_start(&child, leave_fpu, 0x5ec7e75ec7e7));
	context_yield(0);
	__asm__ volatile("movq %%xmm7, %0" : "=r"(left));
	CHECK_IS(left, 0);
	CHECK(child_wait(&child));
	child_reap(&child);
}

const struct ktest cpu_tests[] = {
	{ "slices_end_and_registers_survive", slices_end_and_registers_survive },
	{ "a_deadline_wakes", a_deadline_wakes },
	{ "a_predicate_wakes_when_it_holds", a_predicate_wakes_when_it_holds },
	{ "bad_predicates_are_refused", bad_predicates_are_refused },
	{ "a_slice_can_be_donated", a_slice_can_be_donated },
	{ "excess_time_is_paid_with_slices", excess_time_is_paid_with_slices },
	{ "a_slice_that_is_over_cannot_be_donated", a_slice_that_is_over_cannot_be_donated },
	{ "the_end_of_a_slice_is_forgotten_with_it", the_end_of_a_slice_is_forgotten_with_it },
	{ "a_sleeper_is_not_woken_by_a_gift", a_sleeper_is_not_woken_by_a_gift },
	{ "an_environment_that_ignores_the_end_of_its_slice_is_ended",
	  an_environment_that_ignores_the_end_of_its_slice_is_ended },
	{ "a_critical_section_is_not_interrupted_but_paid_for",
	  a_critical_section_is_not_interrupted_but_paid_for },
	{ "slices_are_owned", slices_are_owned },
	{ "slices_run_out_and_come_back", slices_run_out_and_come_back },
	{ "a_wild_start_address_ends_the_environment", a_wild_start_address_ends_the_environment },
	{ "floating_point_state_does_not_leak", floating_point_state_does_not_leak },
	{ NULL, NULL },
};
