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

struct emit {
	struct x86 a;
	const struct ash_program *p;
	struct ash_workspace *w;
	/* POINTER holds the low 32 bits of register `base` + `displacement`, and an access
	 * there has succeeded; base is -1 for none. */
	int base;
	int32_t displacement;
	/* Where runs end; the second three are for code called from a function. */
	struct x86_label budget, unwind, stub_budget, stub_depth, stub_callx, stub_stop;
	struct x86_label glue, dispatch;
};

/* The x86 register of a BPF one. */
static inline enum x86_gpr native(int reg)
{
	static const uint8_t map[NREG] = { RAX, RDI, RSI, RDX, R9, R8, RBX, R13, R14, R15, RBP };
	return (enum x86_gpr)map[reg];
}

/* BPF register `reg` changes: a pointer reduced from it is no longer its. */
static inline void forget(struct emit *e, int reg)
{
	if (e->base == reg)
		e->base = -1;
}

void ash_emit_alu(struct emit *e, struct ash_insn i);
void ash_emit_memory(struct emit *e, struct ash_insn i);

/* The sandbox, emit_guard.c: the memory operand for BPF register `base` + off, */
struct x86_mem ash_emit_operand(struct emit *e, int base, int32_t off);
/* and n taken from the budget, or a jump to `out`. */
void ash_emit_charge(struct emit *e, uint32_t n, struct x86_label *out);
