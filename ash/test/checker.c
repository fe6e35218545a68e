/* See checker.h. SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>
#include <capstone/capstone.h>
#include "ash/test/checker.h"

enum { START = 1, TARGET = 2, BPF = 4 };

struct check {
	csh capstone;
	const struct host *h;
	const uint8_t *code;
	uint32_t body, end;
	uint8_t *mark; /* of each byte of the body */
	bool reduced;  /* r11 comes from a 32-bit lea, or a 32-bit move of a register */
};

static bool listed(unsigned id)
{
	static const uint16_t ids[] = { X86_INS_MOV, X86_INS_MOVABS, X86_INS_MOVZX,
		X86_INS_MOVSX, X86_INS_MOVSXD, X86_INS_LEA, X86_INS_ADD, X86_INS_SUB,
		X86_INS_OR, X86_INS_AND, X86_INS_XOR, X86_INS_CMP, X86_INS_TEST, X86_INS_SHL,
		X86_INS_SHR, X86_INS_SAR, X86_INS_ROL, X86_INS_NEG, X86_INS_IMUL, X86_INS_DIV,
		X86_INS_IDIV, X86_INS_CDQ, X86_INS_CQO, X86_INS_BSWAP, X86_INS_PUSH,
		X86_INS_POP, X86_INS_XADD, X86_INS_XCHG, X86_INS_CMPXCHG, X86_INS_RET };

	for (size_t k = 0; k < sizeof ids / sizeof *ids; k++)
		if (ids[k] == id)
			return true;
	return false;
}

static const char *check_memory(const struct check *c, const cs_x86_op *op)
{
	const x86_op_mem *m = &op->mem;

	if (m->segment != X86_REG_INVALID || m->scale != 1)
		return "memory with a segment or scale";
	if (m->base == X86_REG_RSP && m->index == X86_REG_INVALID)
		return m->disp == 8 ? NULL : "stack outside the slot";
	if (m->base != X86_REG_R12)
		return "memory outside the window";
	if (m->index == X86_REG_INVALID)
		return m->disp >= 0 && m->disp <= INT32_MAX ? NULL : "constant outside the window";
	if (m->index == X86_REG_RBP)
		return m->disp == (int16_t)m->disp ? NULL : "r10 displaced too far";
	if (m->index != X86_REG_R11 || !c->reduced)
		return "window displaced by a register that was not reduced";
	return m->disp > -0x10000 && m->disp < 0x10000 ? NULL : "displacement past the guard";
}

static bool is_charge(const cs_insn *i)
{
	const cs_x86 *x = &i->detail->x86;

	return i->id == X86_INS_SUB && x->operands[1].type == X86_OP_IMM &&
	       x->operands[1].imm > 0;
}

/* 32 bits of some sum or register: the upper half is zero. */
static bool reduces(const cs_insn *i)
{
	return i->id == X86_INS_LEA ||
	       (i->id == X86_INS_MOV && i->detail->x86.operands[1].type == X86_OP_REG);
}

static const char *check_writes(struct check *c, const cs_insn *i)
{
	cs_regs read, written;
	uint8_t nread, nwritten;

	if (cs_regs_access(c->capstone, i, read, &nread, written, &nwritten))
		return "unknown effects";
	for (int k = 0; k < nwritten; k++) {
		const char *r = cs_reg_name(c->capstone, written[k]);
		if (!strncmp(r, "r12", 3) || !strcmp(r, "rbp") || !strcmp(r, "ebp"))
			return "writes the window's base or r10";
		if (!strncmp(r, "r10", 3) && !is_charge(i))
			return "writes the budget";
		if (!strncmp(r, "r11", 3))
			c->reduced = reduces(i) && !strcmp(r, "r11d");
	}
	return NULL;
}

static const char *check_branch(struct check *c, const cs_insn *i)
{
	const cs_x86_op *op = &i->detail->x86.operands[0];

	if (op->type != X86_OP_IMM)
		return "indirect branch";
	uint64_t to = (uint64_t)op->imm;
	if (to >= c->body && to < c->end)
		c->mark[to - c->body] |= TARGET;
	else if (to < c->end || to >= c->h->code.length)
		return "branch out of the program";
	if (i->id == X86_INS_CALL)
		c->reduced = false;
	return NULL;
}

static const char *check_one(struct check *c, const cs_insn *i)
{
	const cs_x86 *x = &i->detail->x86;

	if (cs_insn_group(c->capstone, i, CS_GRP_JUMP) || i->id == X86_INS_CALL)
		return check_branch(c, i);
	if (!listed(i->id))
		return "instruction that is not on the list";
	for (int k = 0; k < x->op_count && i->id != X86_INS_LEA; k++) {
		const char *why = x->operands[k].type == X86_OP_MEM
		                          ? check_memory(c, &x->operands[k])
		                          : NULL;
		if (why)
			return why;
	}
	return check_writes(c, i);
}

/* One pass over the body; the second one knows where jumps lead, and trusts no register
 * there. */
static const char *pass(struct check *c, cs_insn *i)
{
	const uint8_t *at = c->code + c->body;
	size_t left = c->end - c->body;
	uint64_t address = c->body;

	c->reduced = false;
	while (left > 0) {
		uint8_t *mark = &c->mark[address - c->body];
		*mark |= START;
		if (*mark & TARGET && *mark & BPF)
			c->reduced = false;
		if (!cs_disasm_iter(c->capstone, &at, &left, &address, i))
			return "bytes that are no instruction";
		const char *why = check_one(c, i);
		if (why)
			return why;
	}
	for (uint32_t k = 0; k < c->end - c->body; k++)
		if ((c->mark[k] & (TARGET | BPF)) && !(c->mark[k] & START))
			return "branch into an instruction";
	return NULL;
}

const char *check_output(const struct host *h)
{
	struct check c = { .h = h, .code = h->image, .body = h->code.body, .end = h->code.end };
	const char *why = "capstone did not start";

	c.mark = calloc(c.end - c.body + 1, 1);
	if (c.mark && !cs_open(CS_ARCH_X86, CS_MODE_64, &c.capstone)) {
		cs_option(c.capstone, CS_OPT_DETAIL, CS_OPT_ON);
		for (uint32_t k = 0; k < h->program.ninsn; k++)
			if (!(h->program.mark[k] & ASH_SECOND))
				c.mark[h->where[k] - c.body] |= BPF;
		cs_insn *i = cs_malloc(c.capstone);
		why = pass(&c, i);
		if (!why)
			why = pass(&c, i);
		cs_free(i, 1);
		cs_close(&c.capstone);
	}
	free(c.mark);
	return why;
}
