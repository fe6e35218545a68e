/* ash/compile.c - a decoded program to machine code, in one pass; arithmetic and memory are
 * in emit_alu.c and emit_mem.c, registers and the native stack in emit.h.
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

static const enum x86_gpr saved[] = { RBX, RBP, R12, R13, R14, R15 };
static const enum x86_gpr kept[] = { RBX, R13, R14, R15 }; /* BPF's r6..r9 */
enum { NSAVED = sizeof saved / sizeof *saved, NKEPT = sizeof kept / sizeof *kept };

#define RUN(reg, field) x86_at(reg, (int32_t)offsetof(struct ash_run, field))

static void zero(struct emit *e, enum x86_gpr r) { x86_alu(&e->a, X86_32, X86_XOR, r, r); }

/* Leave with the status in eax: rsp is T. */
static void emit_leave(struct emit *e)
{
	struct x86 *a = &e->a;

	x86_pop(a, RCX); /* the slot */
	x86_pop(a, RDI); /* the run */
	x86_store(a, X86_32, RUN(RDI, stop), RAX);
	x86_store(a, X86_64, RUN(RDI, budget), BUDGET);
	for (int k = NSAVED; k-- > 0;)
		x86_pop(a, saved[k]);
	x86_ret(a);
}

static void emit_entry(struct emit *e)
{
	struct x86 *a = &e->a;

	for (int k = 0; k < NSAVED; k++)
		x86_push(a, saved[k]);
	x86_push(a, RDI);
	x86_push(a, RDI);
	x86_load(a, X86_64, WINDOW, RUN(RDI, window));
	x86_load(a, X86_64, BUDGET, RUN(RDI, budget));
	x86_store_imm(a, X86_32, RUN(RDI, stop), ASH_STOP_OK);
	x86_load(a, X86_64, RSI, RUN(RDI, r2));
	x86_load(a, X86_64, RDI, RUN(RDI, r1));
	x86_mov_imm(a, RBP, ASH_STACK_TOP);
	for (int r = B0; r < B10; r++)
		if (r != B1 && r != B2)
			zero(e, native(r));
	x86_call(a, &e->w->label[e->p->start]);
	x86_load(a, X86_64, RCX, x86_at(RSP, 8));
	x86_store(a, X86_64, RUN(RCX, r0), RAX);
	zero(e, RAX);
	emit_leave(e);
}

/* rcx = 64 times the depth */
static void emit_depth(struct emit *e)
{
	x86_mov_imm(&e->a, RCX, ASH_STACK_TOP);
	x86_alu(&e->a, X86_32, X86_SUB, RCX, RBP);
	x86_shift_imm(&e->a, X86_32, X86_SHR, RCX, 3);
}

static void emit_compare(struct emit *e, struct ash_insn i)
{
	enum x86_size s = insn_class(i) == CLASS_JMP ? X86_64 : X86_32;
	enum x86_gpr d = native(insn_dst(i)), src = native(insn_src(i));

	if (insn_op(i) == OP_JSET && i.code & SOURCE_X)
		x86_test(&e->a, s, d, src);
	else if (insn_op(i) == OP_JSET)
		x86_test_imm(&e->a, s, d, i.imm);
	else if (i.code & SOURCE_X)
		x86_alu(&e->a, s, X86_CMP, d, src);
	else
		x86_alu_imm(&e->a, s, X86_CMP, d, i.imm);
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
	e->base = -1;
}

static void emit_wide(struct emit *e, struct ash_insn i, uint32_t at)
{
	uint64_t v = (uint64_t)(uint32_t)e->p->insn[at + 1].imm << 32 | (uint32_t)i.imm;

	if (insn_src(i) == LDDW_CODE)
		v = ASH_CODE + (uint64_t)((int64_t)at + 1 + i.imm);
	x86_mov_imm(&e->a, native(insn_dst(i)), v);
	forget(e, insn_dst(i));
}

static void emit_insn(struct emit *e, uint32_t at)
{
	struct ash_insn i = e->p->insn[at];

	if (e->p->mark[at] & (ASH_TARGET | ASH_FUNCTION))
		e->base = -1;
	x86_bind(&e->a, &e->w->label[at]);
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
	emit_depth(e);
	x86_load(a, X86_64, RCX, x86_indexed(RSP, RCX, 0, 24));
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
	x86_load(a, X86_32, POINTER, RUN(RCX, stop));
	x86_test(a, X86_32, POINTER, POINTER);
	x86_jcc(a, CC_NE, &e->stub_stop);
	for (int r = B1; r <= B5; r++)
		zero(e, native(r));
	x86_ret(a);
}

static void emit_stop(struct emit *e, struct x86_label *l, enum ash_stop why,
                      struct x86_label *next)
{
	x86_bind(&e->a, l);
	if (why == ASH_STOP_BUDGET)
		zero(e, BUDGET);
	x86_mov_imm(&e->a, POINTER, why);
	x86_jmp(&e->a, next);
}

/* All the ways a run is cut short. Returns the offset of the one for faults. */
static uint32_t emit_stops(struct emit *e)
{
	struct x86 *a = &e->a;
	struct x86_label fault = { 0 };

	emit_stop(e, &e->stub_depth, ASH_STOP_DEPTH, &e->stub_stop);
	emit_stop(e, &e->stub_callx, ASH_STOP_CALLX, &e->stub_stop);
	emit_stop(e, &e->stub_budget, ASH_STOP_BUDGET, &e->stub_stop);
	emit_stop(e, &e->budget, ASH_STOP_BUDGET, &e->unwind);
	uint32_t fault_exit = x86_here(a);
	emit_stop(e, &fault, ASH_STOP_FAULT, &e->unwind);
	x86_bind(a, &e->stub_stop);
	x86_alu_imm(a, X86_64, X86_ADD, RSP, 8); /* the return address into the body */
	x86_bind(a, &e->unwind);
	emit_depth(e);
	x86_lea(a, X86_64, RSP, x86_indexed(RSP, RCX, 0, 8));
	x86_mov(a, X86_32, RAX, POINTER);
	emit_leave(e);
	return fault_exit;
}

int ash_compile(const struct ash_program *p, struct ash_workspace *w, uint8_t *code,
                size_t cap, struct ash_code *out, uint32_t *where)
{
	struct emit e = { .p = p, .w = w, .base = -1 };

	x86_init(&e.a, code, cap);
	for (uint32_t at = 0; at < p->ninsn; at++)
		w->label[at] = (struct x86_label){ 0 };
	for (uint32_t f = 0; f < p->nfunction; f++)
		w->stub[f] = (struct x86_label){ 0 };

	emit_entry(&e);
	out->body = x86_here(&e.a);
	for (uint32_t at = 0; at < p->ninsn; at++) {
		if (where)
			where[at] = x86_here(&e.a);
		if (!(p->mark[at] & ASH_SECOND))
			emit_insn(&e, at);
	}
	out->end = x86_here(&e.a);
	emit_dispatch(&e);
	for (uint32_t f = 0; f < p->nfunction; f++)
		emit_stub(&e, f);
	emit_glue(&e);
	out->fault_exit = emit_stops(&e);
	out->length = x86_here(&e.a);
	return e.a.full ? -E_NOSPC : 0;
}
