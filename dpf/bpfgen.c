/* dpf/bpfgen.c - classic BPF to x86-64 (dpf/bpf.h).
 *
 *   eax  A           rdi  frame       r10, r11  temporaries
 *   ecx  X           rsi  caplen      [rsp]     scratch memory, then the fuel
 *                    edx  wirelen
 *
 * A load is checked against caplen unless every way to it has checked as much.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "dpf/bpf.h"

enum { FUEL_AT = 4 * BPF_SLOTS, STACK_BYTES = FUEL_AT + 8 };

/* Offsets from here on are beyond any frame; 4 bytes less than a displacement holds. */
#define FAR 0x7fffff00u

struct gen {
	struct x86 *a;
	const struct filter_view *f;
	struct bpf_mark *mark;
	struct x86_label reject;
	uint32_t captured; /* bytes known to be there, at this instruction */
	uint32_t zero; /* what is looked at as it was at the beginning, 0: a bit for each slot, A and X */
	bool stack, fuel;
};

static void leave(struct gen *g)
{
	if (g->stack)
		x86_alu_imm(g->a, X86_64, X86_ADD, RSP, STACK_BYTES);
	x86_ret(g->a);
}

enum { OF_A = 1 << BPF_SLOTS, OF_X = 2 << BPF_SLOTS, OF_ALL = (4 << BPF_SLOTS) - 1 };
_Static_assert(BPF_SLOTS <= 28, "a bit for each slot, A and X");

static bool goes_back(struct exo_bpf_insn in)
{
	return in.code == (BPF_JMP | BPF_JA) && in.k >= FAR;
}

static uint32_t read_by(struct exo_bpf_insn in)
{
	uint32_t source = in.code & BPF_X ? OF_X : 0;

	switch (in.code & BPF_CLASS) {
	case BPF_LD:
	case BPF_LDX:
		return (in.code & BPF_MODE) == BPF_MEM ? 1u << in.k
		       : (in.code & BPF_MODE) == BPF_IND ? OF_X : 0;
	case BPF_ST: return OF_A;
	case BPF_STX: return OF_X;
	case BPF_ALU: return OF_A | source;
	case BPF_JMP: return (in.code & BPF_OP) == BPF_JA ? 0 : OF_A | source;
	case BPF_RET: return in.code & BPF_A ? OF_A : 0;
	default: return in.code & BPF_TXA ? OF_X : OF_A;
	}
}

static uint32_t written_by(struct exo_bpf_insn in)
{
	switch (in.code & BPF_CLASS) {
	case BPF_LD:
	case BPF_ALU: return OF_A;
	case BPF_LDX: return OF_X;
	case BPF_ST:
	case BPF_STX: return 1u << in.k;
	case BPF_MISC: return in.code & BPF_TXA ? OF_A : OF_X;
	default: return 0;
	}
}

/* What is not stored at instruction i is not stored, on some way, where it leads. */
static void pass_on(struct gen *g, uint32_t i, struct exo_bpf_insn in, uint32_t unset)
{
	unsigned class = in.code & BPF_CLASS;

	if (class == BPF_RET || goes_back(in))
		return;
	if (class != BPF_JMP) {
		g->mark[i + 1].unset |= unset;
	} else if ((in.code & BPF_OP) == BPF_JA) {
		g->mark[i + 1 + in.k].unset |= unset;
	} else {
		g->mark[i + 1 + in.jt].unset |= unset;
		g->mark[i + 1 + in.jf].unset |= unset;
	}
}

/* Scratch memory, fuel, and zeros at the beginning are needed by few programs. */
static void find_needs(struct gen *g)
{
	g->mark[0].unset = OF_ALL;
	for (uint32_t i = 0; i < g->f->ninsns; i++) {
		struct exo_bpf_insn in = filter_insn(g->f, i);
		uint32_t unset = g->mark[i].unset;

		g->zero |= read_by(in) & unset;
		g->stack |= ((read_by(in) | written_by(in)) & (OF_A - 1)) != 0;
		g->fuel |= goes_back(in);
		pass_on(g, i, in, unset & ~written_by(in));
	}
	g->stack |= g->fuel;
}

static void enter(struct gen *g)
{
	struct x86 *a = g->a;

	if (g->zero & ~(uint32_t)OF_X)
		x86_alu(a, X86_32, X86_XOR, RAX, RAX);
	if (g->zero & OF_X || g->fuel)
		x86_alu(a, X86_32, X86_XOR, RCX, RCX);
	if (g->stack)
		x86_alu_imm(a, X86_64, X86_SUB, RSP, STACK_BYTES);
	for (int slot = 0; slot < BPF_SLOTS; slot++)
		if (g->zero >> slot & 1)
			x86_store(a, X86_32, x86_at(RSP, 4 * slot), RAX);
	if (!g->fuel)
		return;
	x86_lea(a, X86_64, R10, (struct x86_mem){ RCX, RSI, 3, BPF_FUEL });
	x86_store(a, X86_64, x86_at(RSP, FUEL_AT), R10);
}
_Static_assert(BPF_FUEL_PER_BYTE == 1 << 3, "the scale in the lea above");

/* dst = big-endian load of this width */
static void load_swapped(struct gen *g, unsigned width, enum x86_gpr dst, struct x86_mem m)
{
	x86_load(g->a, width == 4 ? X86_32 : width == 2 ? X86_16 : X86_8, dst, m);
	if (width == 1)
		return;
	x86_bswap(g->a, X86_32, dst);
	if (width == 2)
		x86_shift_imm(g->a, X86_32, X86_SHR, dst, 16);
}

/* Jump to reject unless bytes [0, end) were captured. Returns false if they never are. */
static bool check_captured(struct gen *g, uint32_t k, unsigned width)
{
	if (k >= FAR) {
		x86_jmp(g->a, &g->reject);
		return false;
	}
	if (k + width > g->captured) {
		x86_alu_imm(g->a, X86_32, X86_CMP, RSI, (int32_t)(k + width));
		x86_jcc(g->a, CC_B, &g->reject);
		g->captured = k + width;
	}
	return true;
}

static void gen_indirect(struct gen *g, struct exo_bpf_insn in)
{
	unsigned width = bpf_width(in.code);

	if (in.k >= FAR) { /* past the end, or wraps: rejects either way */
		x86_jmp(g->a, &g->reject);
		return;
	}
	x86_lea(g->a, X86_64, R11, x86_at(RCX, (int32_t)(in.k + width)));
	x86_alu(g->a, X86_64, X86_CMP, R11, RSI);
	x86_jcc(g->a, CC_A, &g->reject);
	load_swapped(g, width, RAX, x86_indexed(RDI, RCX, 0, (int32_t)in.k));
}

static void gen_load(struct gen *g, struct exo_bpf_insn in)
{
	enum x86_gpr dst = (in.code & BPF_CLASS) == BPF_LDX ? RCX : RAX;

	switch (in.code & BPF_MODE) {
	case BPF_IMM: x86_mov_imm(g->a, dst, in.k); break;
	case BPF_LEN: x86_mov(g->a, X86_32, dst, RDX); break;
	case BPF_MEM: x86_load(g->a, X86_32, dst, x86_at(RSP, 4 * (int32_t)in.k)); break;
	case BPF_IND: gen_indirect(g, in); break;
	case BPF_ABS:
		if (check_captured(g, in.k, bpf_width(in.code)))
			load_swapped(g, bpf_width(in.code), dst, x86_at(RDI, (int32_t)in.k));
		break;
	default: /* BPF_MSH */
		if (!check_captured(g, in.k, 1))
			break;
		x86_load(g->a, X86_8, dst, x86_at(RDI, (int32_t)in.k));
		x86_alu_imm(g->a, X86_32, X86_AND, dst, 0xf);
		x86_shift_imm(g->a, X86_32, X86_SHL, dst, 2);
	}
}

static void gen_divide(struct gen *g, struct exo_bpf_insn in)
{
	struct x86 *a = g->a;
	enum x86_gpr by = RCX;

	if (in.code & BPF_X) {
		x86_test(a, X86_32, RCX, RCX);
		x86_jcc(a, CC_E, &g->reject);
	} else {
		by = R11;
		x86_mov_imm(a, R11, in.k);
	}
	x86_mov(a, X86_32, R10, RDX);
	x86_alu(a, X86_32, X86_XOR, RDX, RDX);
	x86_unary(a, X86_32, X86_DIV, by);
	if ((in.code & BPF_OP) == BPF_MOD)
		x86_mov(a, X86_32, RAX, RDX);
	x86_mov(a, X86_32, RDX, R10);
}

/* x86 counts modulo 32; BPF shifts everything out. */
static void gen_shift(struct gen *g, struct exo_bpf_insn in, enum x86_shift op)
{
	struct x86 *a = g->a;

	if (in.code & BPF_X) {
		x86_shift_cl(a, X86_32, op, RAX);
		x86_mov_imm(a, R10, 0);
		x86_alu_imm(a, X86_32, X86_CMP, RCX, 32);
		x86_cmov(a, X86_32, CC_AE, RAX, R10);
	} else if (in.k < 32) {
		x86_shift_imm(a, X86_32, op, RAX, (uint8_t)in.k);
	} else {
		x86_alu(a, X86_32, X86_XOR, RAX, RAX);
	}
}

static void gen_alu(struct gen *g, struct exo_bpf_insn in)
{
	static const struct { uint8_t bpf, x86; } plain[] = {
		{ BPF_ADD, X86_ADD }, { BPF_SUB, X86_SUB }, { BPF_OR, X86_OR },
		{ BPF_AND, X86_AND }, { BPF_XOR, X86_XOR },
	};
	struct x86 *a = g->a;
	unsigned op = in.code & BPF_OP;

	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (plain[i].bpf == op && in.code & BPF_X)
			x86_alu(a, X86_32, plain[i].x86, RAX, RCX);
		else if (plain[i].bpf == op)
			x86_alu_imm(a, X86_32, plain[i].x86, RAX, (int32_t)in.k);
	if (op == BPF_MUL && in.code & BPF_X)
		x86_imul(a, X86_32, RAX, RCX);
	else if (op == BPF_MUL)
		x86_imul_imm(a, X86_32, RAX, RAX, (int32_t)in.k);
	else if (op == BPF_DIV || op == BPF_MOD)
		gen_divide(g, in);
	else if (op == BPF_LSH || op == BPF_RSH)
		gen_shift(g, in, op == BPF_LSH ? X86_SHL : X86_SHR);
	else if (op == BPF_NEG)
		x86_unary(a, X86_32, X86_NEG, RAX);
}

/* What is known where a jump lands is what is known on every way there. A way back is
 * not seen in time, so it makes its target know nothing. */
static void arrive(struct gen *g, uint32_t at)
{
	struct bpf_mark *m = &g->mark[at];

	if (m->captured == 0 || m->captured > g->captured + 1)
		m->captured = g->captured + 1;
}

static void mark_backward_targets(struct gen *g)
{
	for (uint32_t i = 0; i < g->f->ninsns; i++) {
		struct exo_bpf_insn in = filter_insn(g->f, i);

		if (!goes_back(in))
			continue;
		g->mark[i + 1 + in.k].captured = 1;
		g->mark[i + 1 + in.k].unset = OF_ALL;
	}
}

static void gen_ja(struct gen *g, uint32_t i, struct exo_bpf_insn in)
{
	uint32_t to = i + 1 + in.k;

	if (in.k >= FAR) {
		x86_alu_mem_imm(g->a, X86_64, X86_SUB, x86_at(RSP, FUEL_AT), -(int32_t)in.k);
		x86_jcc(g->a, CC_L, &g->reject);
	} else {
		arrive(g, to);
	}
	if (in.k != 0)
		x86_jmp(g->a, &g->mark[to].label);
}

static void gen_jump(struct gen *g, uint32_t i, struct exo_bpf_insn in)
{
	static const uint8_t cc[] = { [BPF_JEQ >> 4] = CC_E, [BPF_JGT >> 4] = CC_A,
		[BPF_JGE >> 4] = CC_AE, [BPF_JSET >> 4] = CC_NE };
	unsigned op = in.code & BPF_OP;

	if (op == BPF_JA) {
		gen_ja(g, i, in);
		return;
	}
	if (op == BPF_JSET && in.code & BPF_X)
		x86_test(g->a, X86_32, RAX, RCX);
	else if (op == BPF_JSET)
		x86_test_imm(g->a, X86_32, RAX, (int32_t)in.k);
	else if (in.code & BPF_X)
		x86_alu(g->a, X86_32, X86_CMP, RAX, RCX);
	else
		x86_alu_imm(g->a, X86_32, X86_CMP, RAX, (int32_t)in.k);
	arrive(g, i + 1 + in.jt);
	arrive(g, i + 1 + in.jf);
	if (in.jt)
		x86_jcc(g->a, cc[op >> 4], &g->mark[i + 1 + in.jt].label);
	if (in.jf && in.jt)
		x86_jmp(g->a, &g->mark[i + 1 + in.jf].label);
	else if (in.jf)
		x86_jcc(g->a, cc[op >> 4] ^ 1, &g->mark[i + 1 + in.jf].label);
}

static void gen_insn(struct gen *g, uint32_t i, struct exo_bpf_insn in)
{
	switch (in.code & BPF_CLASS) {
	case BPF_LD:
	case BPF_LDX: gen_load(g, in); break;
	case BPF_ST: x86_store(g->a, X86_32, x86_at(RSP, 4 * (int32_t)in.k), RAX); break;
	case BPF_STX: x86_store(g->a, X86_32, x86_at(RSP, 4 * (int32_t)in.k), RCX); break;
	case BPF_ALU: gen_alu(g, in); break;
	case BPF_JMP: gen_jump(g, i, in); break;
	case BPF_RET:
		if (!(in.code & BPF_A))
			x86_mov_imm(g->a, RAX, in.k);
		leave(g);
		break;
	default: /* BPF_MISC */
		if (in.code & BPF_TXA)
			x86_mov(g->a, X86_32, RAX, RCX);
		else
			x86_mov(g->a, X86_32, RCX, RAX);
	}
}

static bool falls_through(struct exo_bpf_insn in)
{
	return (in.code & BPF_CLASS) != BPF_RET && (in.code & BPF_CLASS) != BPF_JMP;
}

void bpf_compile(struct x86 *a, const struct filter_view *f, uint32_t captured,
                 struct bpf_mark *mark)
{
	struct gen g = { .a = a, .f = f, .mark = mark, .captured = captured };

	mark_backward_targets(&g);
	find_needs(&g);
	enter(&g);
	arrive(&g, 0);
	for (uint32_t i = 0; i < f->ninsns; i++) {
		struct exo_bpf_insn in = filter_insn(f, i);

		x86_bind(a, &mark[i].label);
		mark[i].code = x86_here(a);
		if (!mark[i].captured)
			continue; /* no way leads here */
		g.captured = mark[i].captured - 1;
		gen_insn(&g, i, in);
		if (falls_through(in))
			arrive(&g, i + 1);
	}
	x86_bind(a, &g.reject);
	x86_alu(a, X86_32, X86_XOR, RAX, RAX);
	leave(&g);
}
