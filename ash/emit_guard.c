/* ash/emit_guard.c - the sandbox: every memory operand, and every charge to the budget.
 *
 * An operand is [window + c], with a constant c of 31 bits, or [window + p] or [window + p + d], where p is a register whose upper 32
 * bits are zero: rbp (BPF's r10), which only calls change, or POINTER, reduced from a register
 * after the displacement was added. POINTER serves on without another reduction where the
 * address differs from it by a constant, d, that is known and less than 64 KiB: the access
 * through POINTER before it succeeded, or control would not be here, so that p lies in the
 * mapped part, and p + d is in the window or its guards, without wrapping around. ASH_GUARD
 * says why that is exact.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "ash/emit.h"

enum { REACH = 0x10000 };
_Static_assert(ASH_GUARD >= REACH + 8, "a shared pointer's displacement, and 8 bytes");
_Static_assert(ASH_CTX >= REACH && ASH_END <= 0x100000000 - REACH,
               "from a mapped byte, no displacement wraps around");

/* The constant by which v differs from w, if it is known and less than `reach`. */
static bool differs(struct value v, struct value w, int64_t reach, int32_t *by)
{
	int64_t d = (int64_t)v.plus - w.plus;

	*by = (int32_t)d;
	return v.origin == w.origin && d > -reach && d < reach;
}

/* lea r11d, [left + right + plus], or mov r11d, left, which many processors do while they rename registers:
 * reduced to 32 bits after all was added */
static void reduce(struct x86 *a, struct sum s)
{
	if (s.right == X86_NOINDEX && !s.plus)
		x86_mov(a, X86_32, POINTER, s.left);
	else
		x86_lea(a, X86_32, POINTER, x86_indexed(s.left, s.right, 0, s.plus));
}

struct x86_mem ash_emit_sum(struct emit *e, struct value v, struct sum s)
{
	int32_t d;

	if (v.origin == ORIGIN_ZERO && v.plus >= 0)
		return x86_at(WINDOW, v.plus);
	if (differs(v, e->value[B10], INT16_MAX, &d))
		return x86_indexed(WINDOW, RBP, 0, d);
	if (differs(v, e->pointer, REACH, &d))
		return x86_indexed(WINDOW, POINTER, 0, d);
	reduce(&e->a, s);
	e->pointer = v;
	return x86_indexed(WINDOW, POINTER, 0, 0);
}

struct x86_mem ash_emit_operand(struct emit *e, int base, int32_t off)
{
	struct value v = { e->value[base].origin, e->value[base].plus + off };

	if (base == B10)
		return x86_indexed(WINDOW, RBP, 0, off);
	return ash_emit_sum(e, v, (struct sum){ native(base), X86_NOINDEX, off });
}

/* sub budget, n; jb out */
void ash_emit_charge(struct emit *e, uint32_t n, struct x86_label *out)
{
	x86_alu_imm(&e->a, X86_64, X86_SUB, BUDGET, (int32_t)n);
	x86_jcc(&e->a, CC_B, out);
}
