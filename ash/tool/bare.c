/* ash/tool/bare.c - in place of emit_guard.c, for the bench alone: no sandbox. Pointers are
 * used as they are, and no budget is taken, so that the price of both can be measured. The
 * window must lie at address 0. SPDX-License-Identifier: ISC
 */
#include "ash/emit.h"

struct x86_mem ash_emit_operand(struct emit *e, int base, int32_t off)
{
	(void)e;
	return x86_at(native(base), off);
}

struct x86_mem ash_emit_sum(struct emit *e, struct value v, struct sum s)
{
	(void)e, (void)v;
	return x86_indexed(s.left, s.right, 0, s.plus);
}

void ash_emit_charge(struct emit *e, uint32_t n, struct x86_label *out)
{
	(void)e, (void)n, (void)out;
}
