/* apps/kbench/ipc.c - communication between two environments, as ExOS has it.
 *
 * All rows are round trips: there and back, both sides' instructions. SPDX-License-Identifier: ISC */
#include "apps/kbench/kbench.h"
#include "libnet/exos/lrpc.h"
#include "libnet/exos/pipe.h"

enum { BLOCK = 4096, PIPE_VA = KTEST_VA, BACK_VA = KTEST_VA + PIPE_ADDRESSES * EXO_PAGE_SIZE };

static struct {
	struct shm page;
	struct exo_cap there, back; /* the child's copy of our data has them */
	struct pipe out, in;
	struct child child;
	char block[BLOCK];
} b;

static void open_pipes(enum pipe_role out, uint32_t peer)
{
	pipe_open(&b.out, PIPE_VA, out == PIPE_WRITER ? &b.there : &b.back, PIPE_WRITER, peer);
	pipe_open(&b.in, BACK_VA, out == PIPE_WRITER ? &b.back : &b.there, PIPE_READER, peer);
}

/* The other end: sends back what comes, in pieces of its argument's size. */
static _Noreturn uint32_t echo(uint64_t n)
{
	context_init();
	open_pipes(PIPE_READER, exo_env(exo_self())->parent);
	for (;;) {
		pipe_read(&b.in, b.block, n);
		pipe_write(&b.out, b.block, n);
	}
}

static void trip(size_t n)
{
	pipe_write(&b.out, b.block, n);
	pipe_read(&b.in, b.block, n);
}

static void trip_1(void) { trip(1); }
static void trip_4k(void) { trip(BLOCK); }

/* pipe': reading and writing compiled in place, for the one size that is wanted. */
static _Noreturn uint32_t echo_inline(uint64_t argument)
{
	(void)argument;
	context_init();
	open_pipes(PIPE_READER, exo_env(exo_self())->parent);
	for (;;) {
		pipe_read_inline(&b.in, b.block, 1);
		pipe_write_inline(&b.out, b.block, 1);
	}
}

static void trip_inline(void)
{
	pipe_write_inline(&b.out, b.block, 1);
	pipe_read_inline(&b.in, b.block, 1);
}

static void pipe_row(const char *row, child_fn *other, uint64_t argument, kbench_op *op)
{
	long there = pipe_new(PIPE_VA, 1, &b.there), back = pipe_new(PIPE_VA, 1, &b.back);

	if (there > 0 && back > 0 && child_start(&b.child, other, argument)) {
		open_pipes(PIPE_WRITER, b.child.id);
		kbench_row(row, kbench_measure(op, NULL));
		pipe_close(&b.out);
		pipe_close(&b.in);
		child_reap(&b.child);
	}
	sys_page_free((uint32_t)there, 2);
	sys_page_free((uint32_t)back, 2);
}

/* shm: two environments raise a counter in a shared page in turns. */
static volatile uint32_t *const counter = (volatile uint32_t *)PIPE_VA;

static _Noreturn uint32_t counts(uint64_t parent)
{
	context_init();
	shm_map(&b.page, PIPE_VA, &b.there, 1);
	for (;;) {
		if (*counter & 1)
			++*counter;
		context_yield((uint32_t)parent);
	}
}

static void count(void)
{
	uint32_t was = ++*counter;

	while (*counter == was)
		context_yield(b.child.id);
}

static void shm_row(void)
{
	long slot = shm_new(1, &b.there);

	if (slot > 0 && shm_map(&b.page, PIPE_VA, &b.there, 1) == 0 &&
	    child_start(&b.child, counts, exo_self())) {
		kbench_row("shm_roundtrip", kbench_measure(count, NULL));
		child_reap(&b.child);
	}
	shm_unmap(&b.page);
	sys_page_free((uint32_t)slot, 1);
}

static long nothing(uint32_t caller, uint64_t w, uint64_t x, uint64_t y, uint64_t z)
{
	return (long)(0 * (caller + w + x + y + z));
}

static lrpc_procedure *const procedures[] = { nothing };

static _Noreturn uint32_t serves(uint64_t argument)
{
	(void)argument;
	context_init();
	lrpc_export(procedures, 1);
	lrpc_serve();
}

static void call(void) { lrpc(b.child.id, 0, 1, 2, 3, 4); }
static void call_trusting(void) { tlrpc(b.child.id, 0, 1, 2, 3, 4); }

static void lrpc_rows(void)
{
	if (!child_start(&b.child, serves, 0))
		return;
	for (int i = 0; i < 10; i++)
		context_yield(0);
	kbench_row("lrpc", kbench_measure(call, NULL));
	kbench_row("tlrpc", kbench_measure(call_trusting, NULL));
	child_reap(&b.child);
}

void kbench_ipc(void)
{
	pipe_row("pipe_roundtrip_1", echo, 1, trip_1);
	pipe_row("pipe_roundtrip_4k", echo, BLOCK, trip_4k);
	pipe_row("pipe_inline_roundtrip_1", echo_inline, 0, trip_inline);
	shm_row();
	lrpc_rows();
}
