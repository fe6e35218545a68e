/* ash/compile.c - a decoded program to machine code, in one pass; arithmetic and memory are
 * in emit_alu.c and emit_mem.c, entry and exits in emit_run.c, registers and the native stack
 * in emit.h.
 *
 *   entry | body: the instructions in order | dispatch of callx, stubs of calls, helper
 *   glue, exits
 * Jumps and calls are direct, and lead to decoded instruction starts or the parts above; the
 * one indirect call is of the run's helper.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "ash/emit.h"

enum {
	BYTES_FIXED = 512,    /* entry, dispatch, glue, exits */
	BYTES_INSN = 80,      /* of one instruction: a signed division */
	BYTES_FUNCTION = 128, /* stub, and its part of the dispatch */
};

size_t ash_code_bound(const struct ash_program *p)
{
	return BYTES_FIXED + (size_t)p->ninsn * BYTES_INSN +
	       (size_t)p->nfunction * BYTES_FUNCTION;
}

static const enum x86_gpr kept[] = { RBX, R13, R14, R15 }; /* BPF's r6..r9 */
enum { NKEPT = sizeof kept / sizeof *kept };

/* True if the zero flag is what comparing with zero would make it: the arithmetic before set it,
 * at least as wide, or in 32 bits, which leave no others. Not after a charge. */
static bool has_flags(const struct emit *e, struct ash_insn i)
{
	struct ash_insn p = e->previous;
	int class = insn_class(p), op = insn_op(p);
	bool arithmetic = op == OP_ADD || op == OP_SUB || op == OP_OR || op == OP_AND ||
	                  op == OP_XOR || op == OP_NEG;
	bool equality = i.imm == 0 && !(i.code & SOURCE_X) &&
	                (insn_op(i) == OP_JEQ || insn_op(i) == OP_JNE);

	return equality && arithmetic && insn_dst(p) == insn_dst(i) && i.off >= 0 &&
	       (class == CLASS_ALU || (class == CLASS_ALU64 && insn_class(i) == CLASS_JMP));
}

static void emit_compare(struct emit *e, struct ash_insn i)
{
	enum x86_size s = insn_class(i) == CLASS_JMP ? X86_64 : X86_32;
	enum x86_gpr d = native(insn_dst(i)), src = native(insn_src(i));

	if (has_flags(e, i))
		return;
	if (insn_op(i) == OP_JSET && i.code & SOURCE_X)
		x86_test(&e->a, s, d, src);
	else if (insn_op(i) == OP_JSET)
		x86_test_imm(&e->a, s, d, i.imm);
	else if (i.code & SOURCE_X)
		x86_alu(&e->a, s, X86_CMP, d, src);
	else if (i.imm)
		x86_alu_imm(&e->a, s, X86_CMP, d, i.imm);
	else
		x86_test(&e->a, s, d, d);
}

static void emit_jump(struct emit *e, struct ash_insn i, uint32_t at)
{
	static const uint8_t cc[16] = { [OP_JEQ >> 4] = CC_E, [OP_JGT >> 4] = CC_A,
		[OP_JGE >> 4] = CC_AE, [OP_JSET >> 4] = CC_NE, [OP_JNE >> 4] = CC_NE,
		[OP_JSGT >> 4] = CC_G, [OP_JSGE >> 4] = CC_GE, [OP_JLT >> 4] = CC_B,
		[OP_JLE >> 4] = CC_BE, [OP_JSLT >> 4] = CC_L, [OP_JSLE >> 4] = CC_LE };
	int32_t distance = i.code == (CLASS_JMP32 | OP_JA) ? i.imm : i.off;
	struct x86_label *to = &e->w->label[(int64_t)at + 1 + distance];

	if (distance < 0)
		ash_emit_charge(e, (uint32_t)-distance, &e->budget);
	if (insn_op(i) == OP_JA) {
		x86_jmp(&e->a, to);
		return;
	}
	emit_compare(e, i);
	x86_jcc(&e->a, (enum x86_cc)cc[insn_op(i) >> 4], to);
}

static void emit_call(struct emit *e, struct ash_insn i, uint32_t at)
{
	if (i.code & SOURCE_X) {
		x86_mov(&e->a, X86_64, POINTER, native(insn_dst(i)));
		x86_call(&e->a, &e->dispatch);
	} else if (insn_src(i) == CALL_LOCAL) {
		uint32_t first = (uint32_t)((int64_t)at + 1 + i.imm);
		x86_call(&e->a, &e->w->stub[ash_function_of(e->p, first)]);
	} else {
		x86_mov_imm(&e->a, POINTER, (uint32_t)i.imm);
		x86_call(&e->a, &e->glue);
	}
	forget_pointer(e);
	for (int r = B0; r <= B5; r++)
		forget(e, r);
}

static void emit_wide(struct emit *e, struct ash_insn i, uint32_t at)
{
	uint64_t v = (uint64_t)(uint32_t)e->p->insn[at + 1].imm << 32 | (uint32_t)i.imm;

	if (insn_src(i) == LDDW_CODE)
		v = ASH_CODE + (uint64_t)((int64_t)at + 1 + i.imm);
	x86_mov_imm(&e->a, native(insn_dst(i)), v);
	ash_emit_know(e, insn_dst(i), (int32_t)(uint32_t)v);
}

static void emit_insn(struct emit *e, uint32_t at)
{
	struct ash_insn i = e->p->insn[at];

	switch (insn_class(i)) {
	case CLASS_LD: emit_wide(e, i, at); break;
	case CLASS_LDX: case CLASS_ST: case CLASS_STX: ash_emit_memory(e, i); break;
	case CLASS_ALU: case CLASS_ALU64: ash_emit_alu(e, i); break;
	default:
		if (insn_op(i) == OP_CALL)
			emit_call(e, i, at);
		else if (insn_op(i) == OP_EXIT)
			x86_ret(&e->a);
		else
			emit_jump(e, i, at);
	}
	e->previous = i;
}

/* The instruction at `at`, or that and some more. Returns how many slots they take. */
static uint32_t emit_some(struct emit *e, uint32_t at)
{
	const struct ash_insn *i = &e->p->insn[at];

	if (e->p->mark[at] & (ASH_TARGET | ASH_FUNCTION)) {
		ash_emit_forget_all(e);
		e->previous.code = 0;
	}
	x86_bind(&e->a, &e->w->label[at]);
	uint32_t n = ash_emit_load_sum(e, at);
	if (n) {
		e->previous = i[n - 1];
		return n;
	}
	if (at + 1 < e->p->ninsn && !e->p->mark[at + 1] && ash_emit_pair(e, i[0], i[1])) {
		e->previous.code = 0;
		return 2;
	}
	emit_insn(e, at);
	return i->code == LDDW ? 2 : 1;
}

/* Binary search of r11 among the starts of functions [low, high). */
static void emit_search(struct emit *e, uint32_t low, uint32_t high)
{
	uint32_t middle = low + (high - low) / 2;
	struct x86_label below = { 0 };

	x86_alu_imm(&e->a, X86_64, X86_CMP, POINTER, (int32_t)e->p->function[middle]);
	x86_jcc(&e->a, CC_E, &e->w->stub[middle]);
	if (high - low == 1) {
		x86_jmp(&e->a, &e->stub_callx);
		return;
	}
	x86_jcc(&e->a, CC_B, &below);
	if (middle + 1 < high)
		emit_search(e, middle + 1, high);
	else
		x86_jmp(&e->a, &e->stub_callx);
	x86_bind(&e->a, &below);
	emit_search(e, low, middle);
}

/* callx: a function, or a helper by its number, as clang calls one of several. */
static void emit_dispatch(struct emit *e)
{
	if (!e->dispatch.waiting)
		return;
	x86_bind(&e->a, &e->dispatch);
	x86_lea(&e->a, X86_64, SCRATCH, x86_at(POINTER, -(ASH_HELPER_NONE + 1)));
	x86_alu_imm(&e->a, X86_64, X86_CMP, SCRATCH, ASH_HELPER_END - ASH_HELPER_NONE - 1);
	x86_jcc(&e->a, CC_B, &e->glue);
	x86_mov_imm(&e->a, SCRATCH, ASH_CODE);
	x86_alu(&e->a, X86_64, X86_SUB, POINTER, SCRATCH);
	emit_search(e, 0, e->p->nfunction);
}

/* A local call of function f: depth, budget, r6..r9 and the stack. */
static void emit_stub(struct emit *e, uint32_t f)
{
	struct x86 *a = &e->a;

	if (!e->w->stub[f].waiting)
		return;
	x86_bind(a, &e->w->stub[f]);
	x86_alu_imm(a, X86_32, X86_CMP, RBP, ASH_STACK + ASH_FRAME);
	x86_jcc(a, CC_E, &e->stub_depth);
	ash_emit_charge(e, ash_function_length(e->p, f), &e->stub_budget);
	for (int k = 0; k < NKEPT; k++)
		x86_push(a, kept[k]);
	x86_alu_imm(a, X86_64, X86_SUB, RSP, 16);
	x86_alu_imm(a, X86_32, X86_SUB, RBP, ASH_FRAME);
	x86_call(a, &e->w->label[e->p->function[f]]);
	x86_alu_imm(a, X86_32, X86_ADD, RBP, ASH_FRAME);
	x86_alu_imm(a, X86_64, X86_ADD, RSP, 16);
	for (int k = NKEPT; k-- > 0;)
		x86_pop(a, kept[k]);
	x86_ret(a);
}

/* Call the run's helper number r11d: arguments in an array on the stack, lowest first. */
static void emit_glue(struct emit *e)
{
	struct x86 *a = &e->a;

	if (!e->glue.waiting)
		return;
	x86_bind(a, &e->glue);
	ash_emit_charge(e, 1, &e->stub_budget);
	if (e->has.nests) {
		ash_emit_depth(e);
		x86_load(a, X86_64, RCX, x86_indexed(RSP, RCX, 0, 24));
	} else {
		x86_load(a, X86_64, RCX, x86_at(RSP, 24));
	}
	for (int r = B5; r >= B1; r--)
		x86_push(a, native(r));
	x86_push(a, RCX);
	x86_push(a, RCX);
	x86_store(a, X86_64, RUN(RCX, budget), BUDGET);
	x86_mov(a, X86_64, RDI, RCX);
	x86_mov(a, X86_32, RSI, POINTER);
	x86_lea(a, X86_64, RDX, x86_at(RSP, 16));
	x86_call_mem(a, RUN(RDI, helper));
	x86_pop(a, RCX);
	x86_alu_imm(a, X86_64, X86_ADD, RSP, 8 * 6);
	x86_load(a, X86_64, BUDGET, RUN(RCX, budget));
	x86_alu_mem_imm(a, X86_32, X86_CMP, RUN(RCX, stop), ASH_STOP_OK);
	x86_jcc(a, CC_NE, &e->stub_helper);
	for (int r = B1; r <= B5; r++)
		emit_zero(e, native(r));
	x86_ret(a);
}

int ash_compile(const struct ash_program *p, struct ash_workspace *w, uint8_t *code,
                size_t cap, struct ash_code *out, uint32_t *where)
{
	struct emit e = { .p = p, .w = w, .origins = ORIGIN_ZERO };

	x86_init(&e.a, code, cap);
	for (uint32_t at = 0; at < p->ninsn; at++)
		w->label[at] = (struct x86_label){ 0 };
	for (uint32_t f = 0; f < p->nfunction; f++)
		w->stub[f] = (struct x86_label){ 0 };

	ash_emit_entry(&e);
	forget(&e, B10);
	out->body = x86_here(&e.a);
	for (uint32_t at = 0, n; at < p->ninsn; at += n) {
		uint32_t here = x86_here(&e.a);
		n = emit_some(&e, at);
		for (uint32_t k = 0; where && k < n; k++)
			where[at + k] = here; /* a fault is the last one's */
	}
	out->end = x86_here(&e.a);
	emit_dispatch(&e);
	for (uint32_t f = 0; f < p->nfunction; f++)
		emit_stub(&e, f);
	emit_glue(&e);
	out->fault_exit = ash_emit_stops(&e);
	out->length = x86_here(&e.a);
	return e.a.full ? -E_NOSPC : 0;
}
