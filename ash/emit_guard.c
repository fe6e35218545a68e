/* ash/emit_guard.c - the sandbox: every memory operand, and every charge to the budget.
 *
 * Every operand is [window + p] or [window + p + d], where p is a register whose upper 32
 * bits are zero: POINTER, just reduced, or rbp (BPF's r10), which only calls change. |d| is
 * less than 64 KiB; it is not 0 only for rbp and where the same base register served an
 * access before, with another displacement. ASH_GUARD says why that is exact.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "ash/emit.h"

_Static_assert(ASH_GUARD >= 0x10000 + 8, "a shared pointer's displacement, and 8 bytes");
_Static_assert(ASH_CTX >= 0x10000 && ASH_END <= 0xffff0000,
               "from a mapped byte, no displacement wraps around");

/* lea r11d, [base + off]: reduced to 32 bits after the displacement was added */
struct x86_mem ash_emit_operand(struct emit *e, int base, int32_t off)
{
	if (base == B10)
		return x86_indexed(WINDOW, RBP, 0, off);
	if (e->base != base) {
		x86_lea(&e->a, X86_32, POINTER, x86_at(native(base), off));
		e->base = base;
		e->displacement = off;
	}
	return x86_indexed(WINDOW, POINTER, 0, off - e->displacement);
}

/* sub budget, n; jb out */
void ash_emit_charge(struct emit *e, uint32_t n, struct x86_label *out)
{
	x86_alu_imm(&e->a, X86_64, X86_SUB, BUDGET, (int32_t)n);
	x86_jcc(&e->a, CC_B, out);
}
