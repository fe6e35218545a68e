/* Handlers that mean harm, for the booted appliance: each must end in an abort, or do nothing but
 * to its owner. What clang would rather not emit is in assembly. SPDX-License-Identifier: ISC */
#include "handler.h"

#define HOSTILE(name) ASH_HANDLER(name)
typedef volatile uint64_t *word;
static word at(uint64_t address)
{
	__asm__ volatile("" : "+r"(address)); /* clang is not to know it */
	return (word)address;
}
#define BAD 77 /* no verdict */

HOSTILE(null_read) { return (uint32_t)*at(0); }
HOSTILE(null_write) { *at(0) = 1; return ASH_PASS; }
HOSTILE(last_bytes) { *at(0xfffffffc) = 1; return ASH_PASS; }
HOSTILE(kernel_text) { *at(0xffffffff80101000) = 0; return ASH_PASS; }
HOSTILE(direct_map) { *at(0xffff800000101000) = 0; return ASH_PASS; }
HOSTILE(page_tables) { *at(0xfffff68000000000) = 7; return ASH_PASS; }
HOSTILE(other_window) { *at(0xffffa00200100000) = 1; return ASH_PASS; }
HOSTILE(not_canonical) { *at(0x8000000000000000) = 1; return ASH_PASS; }
HOSTILE(below_the_context) { *at(ASH_CTX - 1) = 1; return ASH_PASS; }
HOSTILE(above_the_stack) { *at(ASH_STACK_TOP - 4) = 1; return ASH_PASS; }
HOSTILE(below_the_stack) { *at(ASH_STACK - 8) = 1; return ASH_PASS; }
HOSTILE(behind_the_data) { *at(ASH_DATA + (1 << 20)) = 1; return ASH_PASS; }
HOSTILE(before_the_ring) { *at(ASH_RING - 4) = 1; return ASH_PASS; }
HOSTILE(behind_the_ring) { *at(ASH_RING + (1 << 22)) = 1; return ASH_PASS; }
HOSTILE(unshared_pages) { *at(ASH_PAGES) = 1; return ASH_PASS; }

HOSTILE(sweep_up)
{
	for (uint64_t k = ASH_RING; k; k += 4096)
		*at(k + 0x80) = *at(k + 0x80);
	return BAD;
}

HOSTILE(sweep_by_atomics)
{
	for (uint64_t k = 1ull << 32; k; k += 0x1000)
		__atomic_fetch_add((uint64_t *)(uintptr_t)at(k), 1, __ATOMIC_RELAXED);
	return BAD;
}

/* Through one pointer, displacements at both ends of what an instruction has. */
HOSTILE(far_displacements)
{
	__asm__ volatile("r1 = 0xffff8000 ll; *(u64 *)(r1 + 0x7fff) = r1" ::: "r1");
	return ASH_PASS;
}

HOSTILE(overflowing_displacement)
{
	__asm__ volatile("r1 = 0xffffffffffffffff ll; *(u64 *)(r1 + 0x7fff) = r1" ::: "r1");
	return ASH_PASS;
}

HOSTILE(endless)
{
	__asm__ volatile("1: goto 1b");
	return ASH_PASS;
}

HOSTILE(endless_nest)
{
	for (volatile uint64_t i = 1; i; i++)
		for (volatile uint64_t j = 1; j; j++)
			;
	return ASH_PASS;
}

static __attribute__((noinline)) uint64_t recurse(uint64_t n)
{
	volatile uint8_t frame[400];

	frame[n & 255] = (uint8_t)n;
	return n == ~0ull ? 0 : recurse(n + 1) + frame[n & 127];
}

HOSTILE(deep_calls) { return (uint32_t)recurse(0); }

HOSTILE(stack_overflow)
{
	__asm__ volatile("r1 = r10; r2 = 0x100000; r1 -= r2; *(u64 *)(r1 + 0) = r1" ::: "r1", "r2");
	return ASH_PASS;
}

HOSTILE(stack_underflow)
{
	__asm__ volatile("*(u64 *)(r10 + 0x6000) = r10");
	return ASH_PASS;
}

/* Function pointers into a wide instruction, behind the program, into the machine code. */
typedef uint32_t function(void);
static function *code(uint64_t address) { return (function *)(uintptr_t)at(address); }
HOSTILE(call_into_the_middle) { return code(ASH_CODE + 1)(); }
HOSTILE(call_behind_the_end) { return code(ASH_CODE + 65536)(); }
HOSTILE(call_the_kernel) { return code(0xffffffff80101000)(); }
HOSTILE(call_the_data) { return code(ASH_DATA)(); }

/* What it calls itself is no address of its code; there is none that it could write. */
HOSTILE(change_itself) { *at((uintptr_t)recurse) = 0x95; return ASH_PASS; }

HOSTILE(helpers_beyond)
{
	struct ash_dilp_result r;
	uint64_t n = 0;

	n |= ash_copy((void *)0xffffffff80101000, ctx, 64) != -2ull;
	n |= ash_copy(ctx, (void *)0xffff800000101000, 64) != -2ull;
	n |= ash_copy((void *)(uintptr_t)(ASH_CTX + 4090), ctx, 64) != -2ull;
	n |= ash_copy(ctx, ctx, ~0ull) != -2ull;
	n |= ash_sum((void *)0xfffffffff0000000, 1 << 20, 0) != -2ull;
	n |= ash_dilp(~0ull, ctx, ctx, 8, &r) != -1ull;
	n |= ash_count(~0ull, 1) != -1ull;
	n |= ash_call(1ull << 32, 0) != -1ull;
	n |= ash_send((void *)0xffffffff80101000, 64) != -2ull;
	n |= ash_deliver(ctx, 1ull << 32 | 64) != -1ull;
	return n ? ASH_CONSUME : BAD;
}

HOSTILE(helper_for_ever)
{
	for (;;)
		ash_sum((void *)(uintptr_t)ASH_RING, 1 << 16, 0);
}

HOSTILE(wild_reply)
{
	ctx->data = 0x1000;
	ctx->data_end = 0x2000;
	return ASH_REPLY;
}

HOSTILE(endless_reply)
{
	ctx->data_end = ~0u;
	return ASH_REPLY;
}

HOSTILE(reply_inside_out)
{
	ctx->data_end = ctx->data - 1;
	return ASH_REPLY;
}

HOSTILE(no_verdict) { return ~0u; }

/* Every byte that it can write. */
HOSTILE(spoil_everything)
{
	for (uint64_t k = ASH_CTX; k < ASH_CTX + 4096; k += 8)
		*at(k) = ~0ull;
	for (uint64_t k = ASH_STACK; k < ASH_STACK_TOP; k += 8)
		*at(k) = ~0ull;
	return ~0u;
}

/* One that is good, between them: a datagram to port 2001 comes back. */
ASH_HANDLER(good)
{
	struct udp_frame f;

	return udp_open(ctx, 2001, &f) ? udp_reply(ctx, &f, f.length) : ASH_PASS;
}
