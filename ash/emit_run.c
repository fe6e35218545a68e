/* ash/emit_run.c - how a run begins and ends. Only what the program uses is saved, filled and
 * put back: registers that it never names hold whatever they held, and reach nobody.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "ash/emit.h"

enum { ALWAYS = NREG }; /* a bit of survey.used that is always set */

/* Registers to save, and the BPF register whose they are. */
static const struct {
	uint8_t gpr, reg;
} saved[] = { { RBX, B6 }, { RBP, B10 }, { R12, ALWAYS }, { R13, B7 }, { R14, B8 }, { R15, B9 } };
enum { NSAVED = sizeof saved / sizeof *saved };

static uint32_t bit(int reg) { return 1u << reg; }

/* All that i might read; more does no harm. */
static uint32_t reads(struct ash_insn i)
{
	uint32_t src = bit(insn_src(i)), dst = bit(insn_dst(i));
	uint32_t operand = i.code & SOURCE_X ? src : 0;

	switch (insn_class(i)) {
	case CLASS_LD: return 0;
	case CLASS_LDX: return src;
	case CLASS_ALU: case CLASS_ALU64: return insn_op(i) == OP_MOV ? operand : operand | dst;
	default: return src | dst | bit(B0); /* r0: cmpxchg */
	}
}

/* What i surely writes. */
static uint32_t writes(struct ash_insn i)
{
	int class = insn_class(i);

	return class == CLASS_ST || class == CLASS_STX ? 0 : bit(insn_dst(i));
}

/* Registers of s->used that may be read before they are written: those that are not written
 * before the first jump, call or exit. */
static uint32_t find_needed(const struct ash_program *p, uint32_t used)
{
	uint32_t written = 0, needed = 0;

	for (uint32_t at = p->start;; at++) {
		struct ash_insn i = p->insn[at];
		if (insn_class(i) == CLASS_JMP || insn_class(i) == CLASS_JMP32)
			return needed | (used & ~written);
		if (p->mark[at] & ASH_SECOND)
			continue;
		needed |= reads(i) & ~written;
		written |= writes(i);
	}
}

static void look(struct survey *s, struct ash_insn i)
{
	bool call = i.code == (CLASS_JMP | OP_CALL), callx = i.code == (CLASS_JMP | OP_CALL | SOURCE_X);

	s->used |= reads(i) | bit(insn_dst(i));
	s->helpers |= callx || (call && insn_src(i) == CALL_HELPER);
	s->nests |= callx || (call && insn_src(i) == CALL_LOCAL);
	s->charges |= insn_jumps(i) && (i.code == (CLASS_JMP32 | OP_JA) ? i.imm : i.off) < 0;
}

/* Helpers are called with the stack aligned to 16 bytes: as many registers are saved as make it
 * so, one of them for nothing. */
static void align(struct survey *s)
{
	int n = 0, unused = 0;

	for (int k = 0; k < NSAVED; k++) {
		bool used = s->used & bit(saved[k].reg);
		n += used;
		unused = used ? unused : k;
	}
	if (n % 2)
		s->used |= bit(saved[unused].reg);
}

static void survey(struct survey *s, const struct ash_program *p)
{
	*s = (struct survey){ .used = bit(ALWAYS) | bit(B0) };
	for (uint32_t at = 0; at < p->ninsn; at++)
		if (!(p->mark[at] & ASH_SECOND))
			look(s, p->insn[at]);
	if (s->helpers) /* they see all five arguments */
		s->used |= bit(B1) | bit(B2) | bit(B3) | bit(B4) | bit(B5);
	if (s->nests)
		s->used |= bit(B10);
	if (s->helpers)
		align(s);
	s->charges |= s->helpers || s->nests;
	s->needed = find_needed(p, s->used);
}

/* Leave with the status in eax and the run in rdi; rsp is above T + 8. */
static void emit_leave(struct emit *e)
{
	struct x86 *a = &e->a;

	x86_store(a, X86_32, RUN(RDI, stop), RAX);
	if (e->has.charges)
		x86_store(a, X86_64, RUN(RDI, budget), BUDGET);
	for (int k = NSAVED; k-- > 0;)
		if (e->has.used & bit(saved[k].reg))
			x86_pop(a, (enum x86_gpr)saved[k].gpr);
	x86_ret(a);
}

static void emit_registers(struct emit *e)
{
	struct x86 *a = &e->a;

	if (e->has.needed & bit(B2))
		x86_load(a, X86_64, RSI, RUN(RDI, r2));
	if (e->has.needed & bit(B1))
		x86_load(a, X86_64, RDI, RUN(RDI, r1));
	if (e->has.used & bit(B10))
		x86_mov_imm(a, RBP, ASH_STACK_TOP);
	for (int r = B0; r < B10; r++)
		if (r != B1 && r != B2 && e->has.needed & bit(r))
			emit_zero(e, native(r));
}

void ash_emit_entry(struct emit *e)
{
	struct x86 *a = &e->a;

	survey(&e->has, e->p);
	for (int k = 0; k < NSAVED; k++)
		if (e->has.used & bit(saved[k].reg))
			x86_push(a, (enum x86_gpr)saved[k].gpr);
	x86_push(a, RDI);
	x86_push(a, RDI); /* the slot */
	x86_load(a, X86_64, WINDOW, RUN(RDI, window));
	if (e->has.charges)
		x86_load(a, X86_64, BUDGET, RUN(RDI, budget));
	if (e->has.helpers)
		x86_store_imm(a, X86_32, RUN(RDI, stop), ASH_STOP_OK);
	emit_registers(e);
	x86_call(a, &e->w->label[e->p->start]);
	x86_pop(a, RCX);
	x86_pop(a, RDI);
	x86_store(a, X86_64, RUN(RDI, r0), RAX);
	emit_zero(e, RAX);
	emit_leave(e);
}

void ash_emit_depth(struct emit *e)
{
	x86_mov_imm(&e->a, RCX, ASH_STACK_TOP);
	x86_alu(&e->a, X86_32, X86_SUB, RCX, RBP);
	x86_shift_imm(&e->a, X86_32, X86_SHR, RCX, 3);
}

static void emit_stop(struct emit *e, struct x86_label *l, enum ash_stop why,
                      struct x86_label *next)
{
	x86_bind(&e->a, l);
	if (why == ASH_STOP_BUDGET)
		emit_zero(e, BUDGET);
	x86_mov_imm(&e->a, POINTER, why);
	x86_jmp(&e->a, next);
}

/* From any depth back to T, and out, with the status in r11d. */
static void emit_unwind(struct emit *e)
{
	struct x86 *a = &e->a;

	x86_bind(a, &e->unwind);
	if (e->has.nests) {
		ash_emit_depth(e);
		x86_lea(a, X86_64, RSP, x86_indexed(RSP, RCX, 0, 8));
	} else {
		x86_alu_imm(a, X86_64, X86_ADD, RSP, 8);
	}
	x86_mov(a, X86_32, RAX, POINTER);
	x86_pop(a, RCX);
	x86_pop(a, RDI);
	emit_leave(e);
}

uint32_t ash_emit_stops(struct emit *e)
{
	struct x86 *a = &e->a;
	struct x86_label fault = { 0 };

	emit_stop(e, &e->stub_depth, ASH_STOP_DEPTH, &e->stub_stop);
	emit_stop(e, &e->stub_callx, ASH_STOP_CALLX, &e->stub_stop);
	emit_stop(e, &e->stub_budget, ASH_STOP_BUDGET, &e->stub_stop);
	emit_stop(e, &e->budget, ASH_STOP_BUDGET, &e->unwind);
	uint32_t fault_exit = x86_here(a);
	emit_stop(e, &fault, ASH_STOP_FAULT, &e->unwind);
	x86_bind(a, &e->stub_helper); /* rcx: the run, which the helper stopped */
	x86_load(a, X86_32, POINTER, RUN(RCX, stop));
	x86_bind(a, &e->stub_stop);
	x86_alu_imm(a, X86_64, X86_ADD, RSP, 8); /* the return address into the body */
	emit_unwind(e);
	return fault_exit;
}
