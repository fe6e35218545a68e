/* apps/ktest/trap_test.c - exceptions: handed over, resumed, or the end.
 * SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"

enum { DIVIDE = 0, BREAKPOINT = 3, OPCODE = 6, PROTECTION = 13, PAGE_FAULT = 14 };

static struct {
	volatile uint32_t count;
	volatile uint64_t cause, error, address, rip;
	uint32_t slot;
} seen;

static struct child child;

static void note(const struct exception *e)
{
	seen.count++;
	seen.cause = e->cause;
	seen.error = e->error;
	seen.address = e->address;
	seen.rip = e->frame.rip;
}

static void map_page(struct exception *e)
{
	note(e);
	sys_page_map(SLOT_SELF, e->address & ~4095ull, seen.slot, 1, PROT_R | PROT_W);
}

static void a_page_fault_is_handled_and_the_access_repeated(void)
{
	volatile uint64_t *word = (volatile uint64_t *)(KTEST_VA + 24);

	seen.count = 0;
	seen.slot = (uint32_t)sys_page_alloc(PAGE_ANY, 1);
	context_on_exception(map_page);
	*word = 99;
	context_on_exception(NULL);
	CHECK_IS(seen.count, 1);
	CHECK_IS(seen.cause, PAGE_FAULT);
	CHECK_IS(seen.error, 6); /* write, from user mode, not present */
	CHECK_IS(seen.address, KTEST_VA + 24);
	CHECK_IS(*word, 99);
	CHECK_IS(sys_page_free(seen.slot, 1), 0);
}

static CONTEXT_FAULT_HANDLER bool answer(uint64_t address, uint64_t error)
{
	seen.count++;
	seen.address = address;
	seen.error = error;
	return sys_page_map(SLOT_SELF, address & ~4095ull, seen.slot, 1, PROT_R | PROT_W) == 0;
}

/* A store, with a value in every register; 0 if all are the same afterwards. */
static uint64_t store_with_all_registers(uint64_t va)
{
	uint64_t differ, kept = 0x123456789abcdef0;

	__asm__ volatile("mov %1, %%rax; mov %1, %%rdx; mov %1, %%rsi; mov %1, %%rdi\n\t"
	                 "mov %1, %%r8; mov %1, %%r9; mov %1, %%r10; mov %1, %%r11; std; stc\n\t"
	                 "mov %1, (%2)\n\t"
	                 "sbb $0, %%rax; inc %%rax; xor %1, %%rax; xor %1, %%rdx; xor %1, %%rsi; xor %1, %%rdi\n\t"
	                 "xor %1, %%r8; xor %1, %%r9; xor %1, %%r10; xor %1, %%r11\n\t"
	                 "or %%rdx, %%rax; or %%rsi, %%rax; or %%rdi, %%rax; or %%r8, %%rax\n\t"
	                 "or %%r9, %%rax; or %%r10, %%rax; or %%r11, %%rax\n\t"
	                 "pushf; pop %%rdx; cld; and $0x400, %%edx; xor $0x400, %%edx\n\t"
	                 "or %%rdx, %%rax; mov %%rax, %0"
	                 : "=r"(differ)
	                 : "r"(kept), "c"(va)
	                 : "rax", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
	return differ;
}

static void a_page_fault_is_answered_the_short_way(void)
{
	seen.count = 0;
	seen.slot = (uint32_t)sys_page_alloc(PAGE_ANY, 1);
	context_on_fault(answer);
	uint64_t differ = store_with_all_registers(KTEST_VA + 16);
	context_mask();
	CHECK_IS(sys_page_unmap(SLOT_SELF, KTEST_VA, 1), 0);
	differ |= store_with_all_registers(KTEST_VA + 24);
	bool masked = envpage()->masked;
	context_unmask();
	context_on_fault(NULL);
	CHECK_IS(seen.count, 2);
	CHECK_IS(seen.address, KTEST_VA + 24);
	CHECK_IS(seen.error, 6);
	CHECK_IS(differ, 0);
	CHECK(masked);
	CHECK_IS(envpage()->masked, 0);
	CHECK_IS(envpage()->exception_active, 0);
	CHECK_IS(sys_page_free(seen.slot, 1), 0);
}

static CONTEXT_FAULT_HANDLER bool decline(uint64_t address, uint64_t error)
{
	(void)address;
	seen.count += 100;
	return error == 0xffff;
}

static void a_page_fault_may_be_left_to_the_exception_handler(void)
{
	seen.count = 0;
	seen.slot = (uint32_t)sys_page_alloc(PAGE_ANY, 1);
	context_on_fault(decline);
	context_on_exception(map_page);
	uint64_t differ = store_with_all_registers(KTEST_VA + 16);
	context_on_fault(NULL);
	context_on_exception(NULL);
	CHECK_IS(seen.count, 101);
	CHECK_IS(seen.cause, PAGE_FAULT);
	CHECK_IS(differ, 0);
	CHECK_IS(envpage()->masked, 0);
	CHECK_IS(sys_page_free(seen.slot, 1), 0);
}

static uint32_t declines(uint64_t argument)
{
	(void)argument;
	context_init();
	context_on_fault(decline);
	*(volatile char *)KTEST_VA = 1;
	return 0;
}

static void a_fault_that_nobody_answers_ends_the_environment(void)
{
	CHECK(child_start(&child, declines, 0));
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->ended, END_EXCEPTION);
	child_reap(&child);
}

/* Faults by the thousand while slices end. */
static uint32_t faults_all_the_time(uint64_t nslices)
{
	const volatile struct exo_env *self = exo_env(exo_self());
	uint64_t end = self->slices + nslices;

	context_init();
	seen.slot = (uint32_t)sys_page_alloc(PAGE_ANY, 1);
	context_on_fault(answer);
	while (self->slices < end) {
		if (store_with_all_registers(KTEST_VA))
			return 1;
		sys_page_unmap(SLOT_SELF, KTEST_VA, 1);
	}
	return envpage()->masked;
}

static void slices_end_while_faults_are_answered(void)
{
	CHECK(child_start(&child, faults_all_the_time, 20));
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->ended, END_EXIT);
	CHECK_IS(child_record(&child)->code, 0);
	child_reap(&child);
}

/* Skip the two-byte instruction at rip. */
static void skip_two(struct exception *e)
{
	note(e);
	e->frame.rip += 2;
}

static void skip_three(struct exception *e)
{
	note(e);
	e->frame.rip += 3;
}

static void illegal_instructions_are_handled(void)
{
	uint64_t kept = 0x123456789abcdef0, after;

	seen.count = 0;
	context_on_exception(skip_two);
	__asm__ volatile("mov %1, %%rbx; mov %1, %%rcx; mov %1, %%rdx; mov %1, %%rax\n\t"
	                 "ud2\n\t"
	                 "xor %%rbx, %%rax; xor %%rcx, %%rdx; or %%rdx, %%rax; mov %%rax, %0"
	                 : "=r"(after)
	                 : "r"(kept)
	                 : "rax", "rbx", "rcx", "rdx");
	context_on_exception(NULL);
	CHECK_IS(seen.count, 1);
	CHECK_IS(seen.cause, OPCODE);
	CHECK_IS(after, 0); /* every register survived */
}

static void privileged_instructions_are_refused(void)
{
	seen.count = 0;
	context_on_exception(skip_two);
	__asm__ volatile("wrmsr" : : "a"(0), "c"(0xc0000080), "d"(0));
	__asm__ volatile("outb %%al, $0xf4" : : "a"(0));
	__asm__ volatile("cli; nop");
	__asm__ volatile("hlt; nop");
	context_on_exception(NULL);
	CHECK_IS(seen.cause, PROTECTION);
	CHECK_IS(seen.count, 4);
}

enum { CR4_UMIP = 1 << 11 }; /* in info.cr4 */

/* Descriptor tables' addresses are the kernel's: the instructions that tell them trap. */
static void kernel_addresses_are_not_told(void)
{
	uint8_t table[16] = { 0 };
	uint64_t word = 0;

	if (!(exo_info()->cr4 & CR4_UMIP))
		return;
	seen.count = 0;
	context_on_exception(skip_three);
	__asm__ volatile("sgdt (%%rax)" : : "a"(table) : "memory");
	__asm__ volatile("sidt (%%rax)" : : "a"(table) : "memory");
	__asm__ volatile("sldt %%eax" : "+a"(word));
	__asm__ volatile("str %%eax" : "+a"(word));
	__asm__ volatile("smsw %%eax" : "+a"(word));
	context_on_exception(NULL);
	CHECK_IS(seen.count, 5);
	CHECK_IS(seen.cause, PROTECTION);
	CHECK_IS(word, 0);
	CHECK_IS(table[0], 0);
}

static void a_breakpoint_reports_the_next_instruction(void)
{
	extern const char after_int3[];

	seen.count = 0;
	context_on_exception((exception_handler *)note);
	__asm__ volatile("int3\nafter_int3:");
	context_on_exception(NULL);
	CHECK_IS(seen.count, 1);
	CHECK_IS(seen.cause, BREAKPOINT);
	CHECK_IS(seen.rip, (uint64_t)after_int3);
}

static void kernel_memory_is_out_of_reach(void)
{
	static const uint64_t kernel[] = { 0xffff800000100000, 0xffffffff80100000,
		                           0xffff808000000000 };

	context_on_exception(skip_two);
	for (unsigned i = 0; i < sizeof kernel / sizeof *kernel; i++) {
		seen.count = 0;
		__asm__ volatile("movb (%%rbx), %%al" : : "b"(kernel[i]) : "rax");
		CHECK_IS(seen.count, 1);
		CHECK_IS(seen.address, kernel[i]);
		CHECK_IS(seen.error & 4, 4);
	}
	seen.count = 0;
	__asm__ volatile("movb %%al, (%%rbx)" : : "a"(0), "b"(EXO_INFO)); /* exposed: read-only */
	context_on_exception(NULL);
	CHECK_IS(seen.count, 1);
	CHECK_IS(seen.error, 7);
}

static uint32_t jump_to(uint64_t target)
{
	context_init();
	((void (*)(void))target)();
	return 0;
}

static void data_is_not_executable(void)
{
	static uint8_t code[] = { 0xc3 };

	CHECK(child_start(&child, jump_to, (uint64_t)code));
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->ended, END_EXCEPTION);
	CHECK_IS(child_record(&child)->crash.cause, PAGE_FAULT);
	CHECK_IS(child_record(&child)->crash.error, 0x15); /* fetch, user, present */
	child_reap(&child);
}

static uint32_t divide_by_zero(uint64_t argument)
{
	context_init();
	__asm__ volatile("div %%ecx" : : "a"(1), "d"(0), "c"((uint32_t)argument));
	return 0;
}

static void an_exception_with_no_handler_ends_the_environment(void)
{
	CHECK(child_start(&child, divide_by_zero, 0));
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->ended, END_EXCEPTION);
	CHECK_IS(child_record(&child)->crash.cause, DIVIDE);
	CHECK_IS(child_record(&child)->crash.rax, 1);
	child_reap(&child);
}

/* A handler that faults itself. */
static void bad_handler(struct exception *e)
{
	(void)e;
	__asm__ volatile("movl $1, 0x18");
}

static uint32_t fault_in_handler(uint64_t argument)
{
	(void)argument;
	context_init();
	context_on_exception(bad_handler);
	__asm__ volatile("ud2");
	return 0;
}

static void a_fault_in_the_handler_ends_the_environment(void)
{
	CHECK(child_start(&child, fault_in_handler, 0));
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->ended, END_EXCEPTION);
	CHECK_IS(child_record(&child)->crash.cause, PAGE_FAULT);
	CHECK_IS(child_record(&child)->crash.address, 0x18);
	child_reap(&child);
}

static uint32_t jump_away(uint64_t target)
{
	context_init();
	envpage()->exception_entry = target;
	__asm__ volatile("ud2");
	return 0;
}

static void a_wild_handler_address_ends_the_environment(void)
{
	static const uint64_t wild[] = { 0, 1, EXO_USER_TOP, 0x800000000000, 0xffffffff80100000 };

	for (unsigned i = 0; i < sizeof wild / sizeof *wild; i++) {
		CHECK(child_start(&child, jump_away, wild[i]));
		CHECK(child_wait(&child));
		CHECK_IS(child_record(&child)->ended, END_EXCEPTION);
		child_reap(&child);
	}
}

const struct ktest trap_tests[] = {
	{ "a_page_fault_is_handled_and_the_access_repeated",
	  a_page_fault_is_handled_and_the_access_repeated },
	{ "a_page_fault_is_answered_the_short_way", a_page_fault_is_answered_the_short_way },
	{ "a_page_fault_may_be_left_to_the_exception_handler",
	  a_page_fault_may_be_left_to_the_exception_handler },
	{ "a_fault_that_nobody_answers_ends_the_environment",
	  a_fault_that_nobody_answers_ends_the_environment },
	{ "slices_end_while_faults_are_answered", slices_end_while_faults_are_answered },
	{ "illegal_instructions_are_handled", illegal_instructions_are_handled },
	{ "privileged_instructions_are_refused", privileged_instructions_are_refused },
	{ "kernel_addresses_are_not_told", kernel_addresses_are_not_told },
	{ "a_breakpoint_reports_the_next_instruction", a_breakpoint_reports_the_next_instruction },
	{ "kernel_memory_is_out_of_reach", kernel_memory_is_out_of_reach },
	{ "data_is_not_executable", data_is_not_executable },
	{ "an_exception_with_no_handler_ends_the_environment",
	  an_exception_with_no_handler_ends_the_environment },
	{ "a_fault_in_the_handler_ends_the_environment",
	  a_fault_in_the_handler_ends_the_environment },
	{ "a_wild_handler_address_ends_the_environment",
	  a_wild_handler_address_ends_the_environment },
	{ NULL, NULL },
};
