/* ash/emit_value.c - what the compiler knows about registers: by how much they differ. Only
 * the low halves count, which is what a pointer is reduced to, so that 32-bit arithmetic
 * is followed like 64-bit arithmetic.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "ash/emit.h"

enum { FAR = 1 << 30 }; /* beyond it a difference is not followed: sums stay in 32 bits */

void ash_emit_forget_all(struct emit *e)
{
	forget_pointer(e);
	for (int r = B0; r < B10; r++)
		forget(e, r);
}

static void add(struct emit *e, int reg, int64_t k)
{
	int64_t sum = e->value[reg].plus + k;

	if (sum > -FAR && sum < FAR)
		e->value[reg].plus = (int32_t)sum;
	else
		forget(e, reg);
}

void ash_emit_know(struct emit *e, int reg, int32_t k)
{
	e->value[reg] = (struct value){ ORIGIN_ZERO, 0 };
	add(e, reg, k);
}

void ash_emit_follow(struct emit *e, struct ash_insn i)
{
	int d = insn_dst(i), op = insn_op(i);
	bool x = i.code & SOURCE_X;

	if (op == OP_MOV && x && !i.off)
		e->value[d] = e->value[insn_src(i)];
	else if (op == OP_MOV && !x)
		ash_emit_know(e, d, i.imm);
	else if (op == OP_ADD && !x)
		add(e, d, i.imm);
	else if (op == OP_SUB && !x)
		add(e, d, -(int64_t)i.imm);
	else
		forget(e, d);
}
