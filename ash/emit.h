/* ash/emit.h - what the parts of the compiler share. Internal to ash/.
 *
 * Registers of emitted code:
 *   r0 rax  r1 rdi  r2 rsi  r3 rdx  r4 r9  r5 r8  r6 rbx  r7 r13  r8 r14  r9 r15  r10 rbp
 *   x86 r12 the window   x86 r10 the budget   x86 r11 a reduced pointer   rcx scratch
 *
 * The native stack. T is rsp in the entry; every local call takes 64 bytes below it:
 *   T + 8   struct ash_run *           in a function at depth d (0 first), rsp is
 *   T       slot for one register      T - 8 - 64 d: the return address; 8 above it is a
 *   T - 8   return address             slot for one register.
 * BPF's r10 is ASH_STACK_TOP - 512 d, so that T follows from rsp and rbp at any instruction:
 * that is how an abort unwinds.
 *
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#pragma once
#include "ash/ash.h"
#include "ash/insn.h"

static const enum x86_gpr WINDOW = R12, BUDGET = R10, POINTER = R11, SCRATCH = RCX;
enum { SLOT = 8 };
_Static_assert(64 * (ASH_STACK_TOP - ASH_STACK) == 8 * ASH_FRAME * 8 * ASH_DEPTH,
               "rcx = (ASH_STACK_TOP - r10) / 8 is the depth's native stack");

/* A number modulo 2^32: origin, which stands for some number that is not known, or for zero, plus
 * `plus`. Two values of one origin differ by a constant that is known. */
struct value {
	uint32_t origin;
	int32_t plus;
};
enum { ORIGIN_NONE, ORIGIN_ZERO };

/* An address in the making: the sum of two x86 registers and a constant, modulo 2^32. right may be
 * X86_NOINDEX. */
struct sum {
	enum x86_gpr left, right;
	int32_t plus;
};

/* What a program has in it. */
struct survey {
	uint32_t used;   /* bits of the BPF registers that it may read or write */
	uint32_t needed; /* those that it may read before it has written them */
	bool helpers;    /* it calls some */
	bool nests;      /* it has local calls */
	bool charges;    /* it is charged for something */
};

struct emit {
	struct x86 a;
	const struct ash_program *p;
	struct ash_workspace *w;
	struct survey has;
	/* The low halves of BPF's registers, and POINTER, where an access has succeeded; its
	 * origin is ORIGIN_NONE if it holds nothing. */
	struct value value[NREG], pointer;
	uint32_t origins; /* given out so far */
	/* The instruction before this one, if control comes only from there and its code is its
	 * own; else code is 0. */
	struct ash_insn previous;
	/* Where runs end; the second five are for code called from a function. */
	struct x86_label budget, unwind, stub_budget, stub_depth, stub_callx, stub_stop;
	struct x86_label stub_helper, glue, dispatch;
};

/* The x86 register of a BPF one. */
static inline enum x86_gpr native(int reg)
{
	static const uint8_t map[NREG] = { RAX, RDI, RSI, RDX, R9, R8, RBX, R13, R14, R15, RBP };
	return (enum x86_gpr)map[reg];
}

#define RUN(reg, field) x86_at(reg, (int32_t)offsetof(struct ash_run, field))

static inline void emit_zero(struct emit *e, enum x86_gpr r)
{
	x86_alu(&e->a, X86_32, X86_XOR, r, r);
}

/* BPF register `reg` becomes a number that is not known. */
static inline void forget(struct emit *e, int reg)
{
	e->value[reg] = (struct value){ ++e->origins, 0 };
}

/* POINTER is overwritten. */
static inline void forget_pointer(struct emit *e) { e->pointer.origin = ORIGIN_NONE; }

/* What is known at a place that several ways lead to: nothing, but for r10. */
void ash_emit_forget_all(struct emit *e);
/* The low half of BPF register `reg` is k. */
void ash_emit_know(struct emit *e, int reg, int32_t k);
/* Arithmetic i was done: what its destination is now. */
void ash_emit_follow(struct emit *e, struct ash_insn i);

void ash_emit_alu(struct emit *e, struct ash_insn i);
/* i and the next instruction at once, if there is a machine instruction for both. */
bool ash_emit_pair(struct emit *e, struct ash_insn i, struct ash_insn next);
void ash_emit_memory(struct emit *e, struct ash_insn i);
/* A load into the register that its address was in, with the arithmetic on that register before it,
 * from instruction `at` on: the sum is never in the register. Returns how many slots they take, or 0 if
 * there is no such thing. */
uint32_t ash_emit_load_sum(struct emit *e, uint32_t at);

/* How runs begin and end, emit_run.c: e->has is filled, and the entry emitted; */
void ash_emit_entry(struct emit *e);
/* rcx = 64 times the depth of the function that runs, if the program nests; */
void ash_emit_depth(struct emit *e);
/* the ways a run is cut short. Returns the offset of the one for faults. */
uint32_t ash_emit_stops(struct emit *e);

/* The sandbox, emit_guard.c: the memory operand for BPF register `base` + off, */
struct x86_mem ash_emit_operand(struct emit *e, int base, int32_t off);
/* the same for the value v, which s makes, */
struct x86_mem ash_emit_sum(struct emit *e, struct value v, struct sum s);
/* and n taken from the budget, or a jump to `out`. */
void ash_emit_charge(struct emit *e, uint32_t n, struct x86_label *out);
