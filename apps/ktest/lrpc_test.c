/* apps/ktest/lrpc_test.c - calls of procedures in other environments. SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"
#include "libnet/exos/lrpc.h"
#include "libnet/exos/pipe.h"

enum { ADD, WHO, DIE, SPOIL, DAWDLE, OPEN_PIPE, SPIN, PROCEDURES };

static struct child server, client;
static volatile uint32_t *const ready = (volatile uint32_t *)KTEST_SHARED;
static volatile uint32_t *const gate = (volatile uint32_t *)KTEST_SHARED + 1;

typedef long call_fn(uint32_t to, uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

static long add(uint32_t caller, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	(void)caller;
	return (long)(a + 10 * b + 100 * c + 1000 * d);
}

static long who(uint32_t caller, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return (long)(caller + 0 * (a + b + c + d));
}

static long die(uint32_t caller, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	__asm__ volatile("ud2");
	return add(caller, a, b, c, d);
}

/* Returns 42 with other values in all registers that a function must keep. */
long lrpc_spoil(uint32_t caller, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
__asm__(".globl lrpc_spoil\nlrpc_spoil:\n\tmov $-1, %rbx\n\tmov %rbx, %rbp\n\tmov %rbx, %r12\n\t"
        "mov %rbx, %r13\n\tmov %rbx, %r14\n\tmov %rbx, %r15\n\tmov $42, %eax\n\tret\n");

/* Gives way until the gate opens. */
static long dawdle(uint32_t caller, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	*ready = 2;
	while (!*gate)
		context_yield(0);
	return add(caller, a, b, c, d);
}

/* a, b: the capability of a pipe, which the caller reads from. */
static long open_pipe(uint32_t caller, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	static struct pipe out;
	const struct exo_cap cap = { a, b };
	long error = pipe_open(&out, KTEST_VA, &cap, PIPE_WRITER, caller);

	return error < 0 ? error : pipe_write(&out, "hello", 5) + 0 * (long)(c + d);
}

static long spin(uint32_t caller, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	for (volatile uint32_t forever = 1; forever;)
		;
	return add(caller, a, b, c, d);
}

static lrpc_procedure *const table[PROCEDURES] = { add, who, die, lrpc_spoil, dawdle, open_pipe, spin };

static uint32_t serves(uint64_t argument)
{
	(void)argument;
	context_init();
	lrpc_export(table, PROCEDURES);
	*ready = 1;
	lrpc_serve();
}

static bool start(void)
{
	*ready = *gate = 0;
	if (!child_start(&server, serves, 0))
		return false;
	EVENTUALLY(*ready);
	return *ready;
}

static void a_call_brings_arguments_and_caller(call_fn *call)
{
	CHECK(start());
	for (uint64_t i = 0; i < 100; i++)
		CHECK_IS(call(server.id, ADD, i, 2, 3, 4), i + 4320);
	CHECK_IS(call(server.id, WHO, 1, 2, 3, 4), exo_self());
	CHECK_IS(call(server.id, PROCEDURES, 0, 0, 0, 0), -E_NOSYS);
	CHECK_IS(call(server.id, UINT32_MAX, 0, 0, 0, 0), -E_NOSYS);
	child_reap(&server);
	CHECK_IS(call(server.id, ADD, 0, 0, 0, 0), -E_INVAL);
	CHECK_IS(call(exo_self(), ADD, 0, 0, 0, 0), -E_AGAIN);
}

static void a_procedure_gets_arguments_and_the_callers_name(void)
{
	a_call_brings_arguments_and_caller(lrpc);
	a_call_brings_arguments_and_caller(tlrpc);
}

static void the_end_of_the_server_ends_the_call(void)
{
	CHECK(start());
	CHECK_IS(lrpc(server.id, DIE, 0, 0, 0, 0), -E_GONE);
	child_reap(&server);
	CHECK(start());
	CHECK_IS(tlrpc(server.id, DIE, 0, 0, 0, 0), -E_GONE);
	child_reap(&server);
}

static void a_procedure_that_hangs_ends_with_its_server(void)
{
	CHECK(start());
	CHECK_IS(lrpc(server.id, SPIN, 0, 0, 0, 0), -E_GONE);
	CHECK_IS(child_record(&server)->ended, END_EXCESS);
	child_reap(&server);
}

/* Calls, with known values in all registers that a function keeps; what they have changed to, together. */
static uint64_t spoiled(void)
{
	uint64_t bits = 0;

	__asm__ volatile("push %%rbp\n\tmov $7, %%ebx\n\tmov $7, %%ebp\n\tmov $7, %%r12d\n\t"
	                 "mov $7, %%r13d\n\tmov $7, %%r14d\n\tmov $7, %%r15d\n\t"
	                 "mov %%rsp, %%rax\n\tand $-16, %%rsp\n\tpush %%rax\n\tpush %%rax\n\t"
	                 "xor %%ecx, %%ecx\n\txor %%r8d, %%r8d\n\txor %%r9d, %%r9d\n\tcall *%%rdx\n\tpop %%rsp\n\t"
	                 "xor $7, %%rbx\n\txor $7, %%rbp\n\txor $7, %%r12\n\txor $7, %%r13\n\txor $7, %%r14\n\t"
	                 "xor $7, %%r15\n\tor %%rbp, %%rbx\n\tor %%r12, %%rbx\n\tor %%r13, %%rbx\n\t"
	                 "or %%r14, %%rbx\n\tor %%r15, %%rbx\n\tpop %%rbp"
	                 : "=&b"(bits)
	                 : "D"(server.id), "S"(SPOIL), "d"(lrpc)
	                 : "rax", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
	return bits;
}

static void a_server_that_spoils_registers_harms_nobody(void)
{
	CHECK(start());
	CHECK_IS(lrpc(server.id, SPOIL, 0, 0, 0, 0), 42);
	CHECK_IS(spoiled(), 0);
	child_reap(&server);
}

static uint32_t calls(uint64_t to)
{
	context_init();
	return (uint32_t)lrpc((uint32_t)to, DAWDLE, 1, 2, 3, 4);
}

static void a_busy_server_says_so_and_comes_back_to_its_caller(void)
{
	CHECK(start());
	CHECK(child_start(&client, calls, server.id));
	EVENTUALLY(*ready == 2);
	CHECK_IS(lrpc(server.id, ADD, 1, 1, 1, 1), -E_AGAIN);
	for (int i = 0; i < 20; i++)
		context_yield(client.id); /* wakes it, but the call is not over */
	CHECK(child_record(&client)->state != ENV_ENDED);
	*gate = 1;
	CHECK(child_wait(&client));
	CHECK_IS(child_record(&client)->code, 4321);
	CHECK_IS(lrpc(server.id, ADD, 1, 1, 1, 1), 1111);
	child_reap(&client);
	child_reap(&server);
}

static void a_server_outlives_its_caller(void)
{
	CHECK(start());
	CHECK(child_start(&client, calls, server.id));
	EVENTUALLY(*ready == 2);
	child_reap(&client);
	*gate = 1;
	EVENTUALLY(lrpc(server.id, ADD, 1, 1, 1, 1) == 1111);
	CHECK_IS(lrpc(server.id, ADD, 1, 1, 1, 1), 1111);
	child_reap(&server);
}

static void a_call_hands_over_a_pipe(void)
{
	static struct pipe in;
	struct exo_cap cap;
	char text[8] = "";
	long slot = pipe_new(KTEST_VA, 1, &cap);

	CHECK(slot > 0 && start());
	CHECK_IS(pipe_open(&in, KTEST_VA, &cap, PIPE_READER, server.id), 0);
	CHECK_IS(lrpc(server.id, OPEN_PIPE, cap.name, cap.mac ^ 1, 0, 0), -E_PERM);
	CHECK_IS(lrpc(server.id, OPEN_PIPE, cap.name, cap.mac, 0, 0), 5);
	CHECK_IS(pipe_read(&in, text, sizeof text), 5);
	CHECK_IS(memcmp(text, "hello", 5), 0);
	pipe_close(&in);
	child_reap(&server);
	sys_page_free((uint32_t)slot, 2);
}

const struct ktest lrpc_tests[] = {
	{ "a_procedure_gets_arguments_and_the_callers_name", a_procedure_gets_arguments_and_the_callers_name },
	{ "the_end_of_the_server_ends_the_call", the_end_of_the_server_ends_the_call },
	{ "a_procedure_that_hangs_ends_with_its_server", a_procedure_that_hangs_ends_with_its_server },
	{ "a_server_that_spoils_registers_harms_nobody", a_server_that_spoils_registers_harms_nobody },
	{ "a_busy_server_says_so_and_comes_back_to_its_caller",
	  a_busy_server_says_so_and_comes_back_to_its_caller },
	{ "a_server_outlives_its_caller", a_server_outlives_its_caller },
	{ "a_call_hands_over_a_pipe", a_call_hands_over_a_pipe },
	{ NULL, NULL },
};
