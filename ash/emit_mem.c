/* ash/emit_mem.c - machine code of loads, stores and atomics, through the operands of
 * emit_guard.c. No sequence here writes POINTER, rbp or WINDOW after its operand is made.
 * Layer: leaf library. Source: RFC 9669, section 5. SPDX-License-Identifier: ISC
 */
#include "ash/emit.h"

static enum x86_size size_of(struct ash_insn i)
{
	switch (insn_size(i)) {
	case SIZE_B: return X86_8;
	case SIZE_H: return X86_16;
	case SIZE_W: return X86_32;
	default: return X86_64;
	}
}

/* The old value to src, the operation done in a loop, since x86 has no such instruction:
 *   mov [slot], rax; mov rax, [m]
 *   again: mov rcx, rax; op rcx, src; lock cmpxchg [m], rcx; jne again
 *   mov src, rax; mov rax, [slot]
 * When src is r0 (rax), the slot holds the operand instead, and nothing is put back.
 * The operand m never uses rax: a base of r0 was reduced into POINTER before. */
static void fetch_loop(struct emit *e, enum x86_size s, enum x86_alu op, struct x86_mem m,
                       enum x86_gpr src)
{
	struct x86 *a = &e->a;
	struct x86_mem slot = x86_at(RSP, SLOT);
	struct x86_label again = { 0 };

	x86_store(a, X86_64, slot, RAX);
	x86_load(a, s, RAX, m);
	x86_bind(a, &again);
	x86_mov(a, s, SCRATCH, RAX);
	if (src == RAX)
		x86_alu_mem(a, s, op, SCRATCH, slot);
	else
		x86_alu(a, s, op, SCRATCH, src);
	x86_lock_cmpxchg(a, s, m, SCRATCH);
	x86_jcc(a, CC_NE, &again);
	x86_mov(a, s, src, RAX);
	if (src != RAX)
		x86_load(a, X86_64, RAX, slot);
}

static enum x86_alu alu_of(int32_t imm)
{
	switch (imm & 0xf0) {
	case OP_OR: return X86_OR;
	case OP_AND: return X86_AND;
	case OP_XOR: return X86_XOR;
	default: return X86_ADD;
	}
}

static void emit_atomic(struct emit *e, struct ash_insn i)
{
	struct x86_mem m = ash_emit_operand(e, insn_dst(i), i.off);
	enum x86_gpr src = native(insn_src(i));
	enum x86_size s = size_of(i);

	switch (i.imm) {
	case ATOMIC_XCHG:
		x86_xchg_mem(&e->a, s, m, src);
		break;
	case ATOMIC_CMPXCHG:
		x86_lock_cmpxchg(&e->a, s, m, src);
		if (s == X86_32) /* success does not write eax */
			x86_mov(&e->a, X86_32, RAX, RAX);
		forget(e, B0);
		return;
	case OP_ADD | ATOMIC_FETCH:
		x86_lock_xadd(&e->a, s, m, src);
		break;
	default:
		if (!(i.imm & ATOMIC_FETCH)) {
			x86_lock_alu(&e->a, s, alu_of(i.imm), m, src);
			return;
		}
		fetch_loop(e, s, alu_of(i.imm), m, src);
	}
	forget(e, insn_src(i));
}

static void emit_load(struct emit *e, struct ash_insn i, struct x86_mem m)
{
	if (insn_mode(i) == MODE_MEMSX)
		x86_load_signed(&e->a, size_of(i), native(insn_dst(i)), m);
	else
		x86_load(&e->a, size_of(i), native(insn_dst(i)), m);
	forget(e, insn_dst(i));
}

static bool is_move(struct ash_insn i)
{
	return i.code == (CLASS_ALU64 | OP_MOV | SOURCE_X) && !i.off && insn_src(i) != insn_dst(i);
}

static bool is_add(struct ash_insn i, int to)
{
	return (i.code & ~SOURCE_X) == (CLASS_ALU64 | OP_ADD) && insn_dst(i) == to &&
	       !(i.code & SOURCE_X && insn_src(i) == to);
}

/* What d is after insn[0, n), of which the first may be d = s, and the last adds to d. The values
 * follow. */
static struct sum gather(struct emit *e, const struct ash_insn *insn, uint32_t n)
{
	struct sum s = { native(insn_dst(insn[0])), X86_NOINDEX, 0 };

	for (uint32_t k = 0; k < n; k++) {
		struct ash_insn i = insn[k];
		if (insn_op(i) == OP_MOV)
			s.left = native(insn_src(i));
		else if (i.code & SOURCE_X)
			s.right = native(insn_src(i));
		else
			s.plus = i.imm;
		ash_emit_follow(e, i);
	}
	return s;
}

uint32_t ash_emit_load_sum(struct emit *e, uint32_t at)
{
	const struct ash_insn *i = &e->p->insn[at];
	uint32_t left = e->p->ninsn - at, n = 0;
	int d = insn_dst(*i);

	if (left > 2 && is_move(i[n]))
		n++;
	if (n < left && is_add(i[n], d))
		n++;
	if (!n || n >= left || insn_class(i[n]) != CLASS_LDX || insn_src(i[n]) != d || insn_dst(i[n]) != d)
		return 0;
	for (uint32_t k = 1; k <= n; k++)
		if (e->p->mark[at + k])
			return 0;
	struct sum s = gather(e, i, n);
	struct value v = { e->value[d].origin, e->value[d].plus + i[n].off };
	s.plus = (int32_t)((uint32_t)s.plus + (uint32_t)i[n].off);
	emit_load(e, i[n], ash_emit_sum(e, v, s));
	return n + 1;
}

void ash_emit_memory(struct emit *e, struct ash_insn i)
{
	if (insn_class(i) == CLASS_LDX) {
		emit_load(e, i, ash_emit_operand(e, insn_src(i), i.off));
	} else if (insn_mode(i) == MODE_ATOMIC) {
		emit_atomic(e, i);
	} else if (insn_class(i) == CLASS_ST) {
		x86_store_imm(&e->a, size_of(i), ash_emit_operand(e, insn_dst(i), i.off), i.imm);
	} else {
		x86_store(&e->a, size_of(i), ash_emit_operand(e, insn_dst(i), i.off),
		          native(insn_src(i)));
	}
}
