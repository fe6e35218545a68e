/* ash/emit_alu.c - machine code of arithmetic. The shape of each sequence is its comment;
 * d and s stand for the operands.
 * Layer: leaf library. Source: RFC 9669, sections 4.1 and 4.2. SPDX-License-Identifier: ISC
 */
#include "ash/emit.h"

static enum x86_size size_of(struct ash_insn i)
{
	return insn_class(i) == CLASS_ALU64 ? X86_64 : X86_32;
}

/* mov rcx, s - or its immediate, as wide as the operation */
static void operand_to_scratch(struct emit *e, struct ash_insn i, enum x86_size s)
{
	int64_t k = i.imm;

	if (i.code & SOURCE_X)
		x86_mov(&e->a, s, SCRATCH, native(insn_src(i)));
	else
		x86_mov_imm(&e->a, SCRATCH, s == X86_64 ? (uint64_t)k : (uint32_t)k);
}

/* rax / rcx, saving what div takes: rax in r11, rdx on the stack. Cannot fault: rcx is not
 * 0, and not -1 if signed.
 *   mov r11, rax; push rdx; mov rax, d; xor edx, edx; div rcx; mov rcx, rax|rdx
 *   pop rdx; mov rax, r11; mov d, rcx */
static void divide(struct emit *e, enum x86_size s, enum x86_gpr d, bool is_signed,
                   bool remainder)
{
	struct x86 *a = &e->a;

	x86_mov(a, X86_64, POINTER, RAX);
	x86_push(a, RDX);
	x86_mov(a, s, RAX, d);
	if (is_signed)
		x86_cdq(a, s);
	else
		x86_alu(a, X86_32, X86_XOR, RDX, RDX);
	x86_unary(a, s, is_signed ? X86_IDIV : X86_DIV, SCRATCH);
	x86_mov(a, s, SCRATCH, remainder ? RDX : RAX);
	x86_pop(a, RDX);
	x86_mov(a, X86_64, RAX, POINTER);
	x86_mov(a, s, d, SCRATCH);
}

/* test rcx, rcx; je zero; [cmp rcx, -1; je minus]; divide; jmp done
 * zero:  quotient 0, remainder d
 * minus: quotient -d, remainder 0 */
static void emit_divide(struct emit *e, struct ash_insn i, enum x86_size s)
{
	struct x86 *a = &e->a;
	struct x86_label zero = { 0 }, minus = { 0 }, done = { 0 };
	enum x86_gpr d = native(insn_dst(i));
	bool remainder = insn_op(i) == OP_MOD, is_signed = i.off == 1;

	forget_pointer(e); /* divide() uses it */
	operand_to_scratch(e, i, s);
	x86_test(a, s, SCRATCH, SCRATCH);
	x86_jcc(a, CC_E, &zero);
	if (is_signed) {
		x86_alu_imm(a, s, X86_CMP, SCRATCH, -1);
		x86_jcc(a, CC_E, &minus);
	}
	divide(e, s, d, is_signed, remainder);
	x86_jmp(a, &done);
	if (is_signed) {
		x86_bind(a, &minus);
		if (remainder)
			x86_alu(a, X86_32, X86_XOR, d, d);
		else
			x86_unary(a, s, X86_NEG, d);
		x86_jmp(a, &done);
	}
	x86_bind(a, &zero);
	if (remainder)
		x86_mov(a, s, d, d);
	else
		x86_alu(a, X86_32, X86_XOR, d, d);
	x86_bind(a, &done);
}

/* mov ecx, s; shl d, cl. The processor masks the count as RFC 9669 does. A count of 0
 * leaves flags alone, but still writes a 32-bit register. */
static void emit_shift(struct emit *e, struct ash_insn i, enum x86_size s)
{
	enum x86_shift op = insn_op(i) == OP_LSH   ? X86_SHL
	                    : insn_op(i) == OP_RSH ? X86_SHR
	                                           : X86_SAR;
	enum x86_gpr d = native(insn_dst(i));

	if (i.code & SOURCE_X) {
		x86_mov(&e->a, X86_32, SCRATCH, native(insn_src(i)));
		x86_shift_cl(&e->a, s, op, d);
	} else {
		x86_shift_imm(&e->a, s, op, d, (uint8_t)(i.imm & (s == X86_64 ? 63 : 31)));
	}
}

/* True if d was loaded just now, and has 16 bits. */
static bool is_half(const struct emit *e, int reg)
{
	return e->previous.code == (CLASS_LDX | MODE_MEM | SIZE_H) && insn_dst(e->previous) == reg;
}

/* Byte order. be16: bswap d; shr d, 16 - or rol d16, 8 if there are no more than 16 bits */
static void emit_end(struct emit *e, struct ash_insn i)
{
	enum x86_gpr d = native(insn_dst(i));
	bool swaps = insn_class(i) == CLASS_ALU64 || i.code & SOURCE_X;

	if (swaps && i.imm == 16 && is_half(e, insn_dst(i))) {
		x86_shift_imm(&e->a, X86_16, X86_ROL, d, 8);
		return;
	}
	if (swaps)
		x86_bswap(&e->a, i.imm == 64 ? X86_64 : X86_32, d);
	if (swaps && i.imm == 16)
		x86_shift_imm(&e->a, X86_32, X86_SHR, d, 16);
	else if (!swaps && i.imm == 16)
		x86_zero_extend(&e->a, X86_16, d, d);
	else if (!swaps && i.imm == 32)
		x86_mov(&e->a, X86_32, d, d);
}

static void emit_mov(struct emit *e, struct ash_insn i, enum x86_size s)
{
	static const uint8_t from[33] = { [8] = X86_8, [16] = X86_16, [32] = X86_32 };
	enum x86_gpr d = native(insn_dst(i)), src = native(insn_src(i));
	int64_t k = i.imm;

	if (!(i.code & SOURCE_X) && !k) {
		emit_zero(e, d);
	} else if (!(i.code & SOURCE_X)) {
		x86_mov_imm(&e->a, d, s == X86_64 ? (uint64_t)k : (uint32_t)k);
	} else if (i.off) {
		x86_sign_extend(&e->a, (enum x86_size)from[i.off], d, src);
		if (s == X86_32)
			x86_mov(&e->a, X86_32, d, d);
	} else {
		x86_mov(&e->a, s, d, src);
	}
}

static void emit_multiply(struct emit *e, struct ash_insn i, enum x86_size s)
{
	enum x86_gpr d = native(insn_dst(i));

	if (i.code & SOURCE_X)
		x86_imul(&e->a, s, d, native(insn_src(i)));
	else
		x86_imul_imm(&e->a, s, d, d, i.imm);
}

static void emit_simple(struct emit *e, struct ash_insn i, enum x86_size s)
{
	static const uint8_t op[] = { [OP_ADD >> 4] = X86_ADD, [OP_SUB >> 4] = X86_SUB,
		[OP_OR >> 4] = X86_OR, [OP_AND >> 4] = X86_AND, [OP_XOR >> 4] = X86_XOR };
	enum x86_alu alu = (enum x86_alu)op[insn_op(i) >> 4];
	enum x86_gpr d = native(insn_dst(i));

	if (i.code & SOURCE_X)
		x86_alu(&e->a, s, alu, d, native(insn_src(i)));
	else
		x86_alu_imm(&e->a, s, alu, d, i.imm);
}

void ash_emit_alu(struct emit *e, struct ash_insn i)
{
	enum x86_size s = size_of(i);

	switch (insn_op(i)) {
	case OP_MUL: emit_multiply(e, i, s); break;
	case OP_DIV: case OP_MOD: emit_divide(e, i, s); break;
	case OP_LSH: case OP_RSH: case OP_ARSH: emit_shift(e, i, s); break;
	case OP_NEG: x86_unary(&e->a, s, X86_NEG, native(insn_dst(i))); break;
	case OP_MOV: emit_mov(e, i, s); break;
	case OP_END: emit_end(e, i); break;
	default: emit_simple(e, i, s);
	}
	ash_emit_follow(e, i);
}

/* and d, all of the low byte or half */
static bool masks(struct ash_insn i, enum x86_size *width)
{
	*width = i.imm == 0xff ? X86_8 : X86_16;
	return insn_op(i) == OP_AND && !(i.code & SOURCE_X) && (i.imm == 0xff || i.imm == 0xffff);
}

/* d = s, then: lea d, [s + imm]; lea d, [s + t]; imul d, s, imm; movzx d, s */
bool ash_emit_pair(struct emit *e, struct ash_insn i, struct ash_insn next)
{
	int from = insn_src(i), op = insn_op(next);
	enum x86_size s = size_of(i);
	enum x86_gpr d = native(insn_dst(i));
	enum x86_size width;

	if ((insn_class(i) != CLASS_ALU && insn_class(i) != CLASS_ALU64) || i.off ||
	    insn_op(i) != OP_MOV || !(i.code & SOURCE_X) || insn_class(next) != insn_class(i) ||
	    insn_dst(next) != insn_dst(i))
		return false;
	if (op == OP_ADD && next.code & SOURCE_X) {
		int t = insn_src(next) == insn_dst(i) ? from : insn_src(next);
		x86_lea(&e->a, s, d, x86_indexed(native(from), native(t), 0, 0));
	} else if (op == OP_ADD) {
		x86_lea(&e->a, s, d, x86_at(native(from), next.imm));
	} else if (op == OP_MUL && !(next.code & SOURCE_X)) {
		x86_imul_imm(&e->a, s, d, native(from), next.imm);
	} else if (masks(next, &width)) {
		x86_zero_extend(&e->a, width, d, native(from));
	} else {
		return false;
	}
	ash_emit_follow(e, i);
	ash_emit_follow(e, next);
	return true;
}
