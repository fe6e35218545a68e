/* ash/decode.c - the form of a program: every instruction exists, its unused fields are zero,
 * every jump stays in its function and meets the start of an instruction.
 *
 * Nothing here says that a program is good: loops, wild pointers and division by zero are
 * the engines' business.
 * Layer: leaf library. Source: RFC 9669. SPDX-License-Identifier: ISC
 */
#include "ash/ash.h"
#include "ash/insn.h"

const char *ash_bad_text(enum ash_bad bad)
{
	static const char *const text[] = {
#define X(upper, words) [ASH_BAD_##upper] = words,
		ASH_BADS(X)
#undef X
	};
	return text[bad < ASH_BAD_COUNT ? bad : ASH_BAD_NONE];
}

const char *ash_stop_text(uint32_t stop)
{
	static const char *const text[] = {
#define X(upper, words) [ASH_STOP_##upper] = words,
		ASH_STOPS(X)
#undef X
	};
	return stop < ASH_STOP_COUNT ? text[stop] : "unknown";
}

/* Operands of an ALU instruction in form K need src 0, in form X imm 0. */
static enum ash_bad check_operand(struct ash_insn i)
{
	return (i.code & SOURCE_X ? i.imm : insn_src(i)) ? ASH_BAD_FIELD : ASH_BAD_NONE;
}

static enum ash_bad check_end(struct ash_insn i)
{
	if (insn_class(i) == CLASS_ALU64 && i.code & SOURCE_X)
		return ASH_BAD_OPCODE;
	if (i.off || insn_src(i))
		return ASH_BAD_FIELD;
	return i.imm == 16 || i.imm == 32 || i.imm == 64 ? ASH_BAD_NONE : ASH_BAD_IMMEDIATE;
}

static enum ash_bad check_mov(struct ash_insn i)
{
	bool wide = insn_class(i) == CLASS_ALU64;

	if (i.off && !(i.code & SOURCE_X))
		return ASH_BAD_FIELD;
	if (i.off && i.off != 8 && i.off != 16 && !(wide && i.off == 32))
		return ASH_BAD_OFFSET;
	return check_operand(i);
}

static enum ash_bad check_alu(struct ash_insn i)
{
	int op = insn_op(i);

	if (op > OP_END)
		return ASH_BAD_OPCODE;
	if (insn_dst(i) == B10)
		return ASH_BAD_READ_ONLY;
	if (op == OP_END)
		return check_end(i);
	if (op == OP_MOV)
		return check_mov(i);
	if (op == OP_NEG) {
		if (i.code & SOURCE_X)
			return ASH_BAD_OPCODE;
		return i.imm || i.off || insn_src(i) ? ASH_BAD_FIELD : ASH_BAD_NONE;
	}
	if (op == OP_DIV || op == OP_MOD) {
		if (i.off != 0 && i.off != 1)
			return ASH_BAD_OFFSET;
	} else if (i.off) {
		return ASH_BAD_FIELD;
	}
	return check_operand(i);
}

static enum ash_bad check_call(struct ash_insn i)
{
	if (insn_class(i) != CLASS_JMP)
		return ASH_BAD_OPCODE;
	if (i.off)
		return ASH_BAD_FIELD;
	if (i.code & SOURCE_X) /* callx: the register is dst */
		return i.imm || insn_src(i) ? ASH_BAD_FIELD : ASH_BAD_NONE;
	if (insn_dst(i))
		return ASH_BAD_FIELD;
	if (insn_src(i) == CALL_LOCAL)
		return ASH_BAD_NONE; /* its target: check_targets */
	if (insn_src(i) != CALL_HELPER || i.imm <= ASH_HELPER_NONE || i.imm >= ASH_HELPER_END)
		return ASH_BAD_HELPER;
	return ASH_BAD_NONE;
}

static enum ash_bad check_jump(struct ash_insn i)
{
	switch (insn_op(i)) {
	case OP_CALL:
		return check_call(i);
	case OP_EXIT:
		if (i.code != (CLASS_JMP | OP_EXIT))
			return ASH_BAD_OPCODE;
		return i.regs || i.off || i.imm ? ASH_BAD_FIELD : ASH_BAD_NONE;
	case OP_JA:
		if (i.code & SOURCE_X)
			return ASH_BAD_OPCODE;
		if (insn_class(i) == CLASS_JMP ? i.imm : i.off)
			return ASH_BAD_FIELD;
		return i.regs ? ASH_BAD_FIELD : ASH_BAD_NONE;
	case 0xe0:
	case 0xf0:
		return ASH_BAD_OPCODE;
	default:
		return check_operand(i);
	}
}

static enum ash_bad check_atomic(struct ash_insn i)
{
	bool fetch = i.imm & ATOMIC_FETCH;

	if (insn_size(i) != SIZE_W && insn_size(i) != SIZE_DW)
		return ASH_BAD_OPCODE;
	switch (i.imm) {
	case OP_ADD: case OP_OR: case OP_AND: case OP_XOR:
	case OP_ADD | ATOMIC_FETCH: case OP_OR | ATOMIC_FETCH:
	case OP_AND | ATOMIC_FETCH: case OP_XOR | ATOMIC_FETCH:
	case ATOMIC_XCHG: case ATOMIC_CMPXCHG:
		break;
	default:
		return ASH_BAD_IMMEDIATE;
	}
	return fetch && i.imm != ATOMIC_CMPXCHG && insn_src(i) == B10 ? ASH_BAD_READ_ONLY
	                                                              : ASH_BAD_NONE;
}

static enum ash_bad check_load(struct ash_insn i)
{
	if (insn_mode(i) != MODE_MEM && (insn_mode(i) != MODE_MEMSX || insn_size(i) == SIZE_DW))
		return ASH_BAD_OPCODE;
	if (insn_dst(i) == B10)
		return ASH_BAD_READ_ONLY;
	return i.imm ? ASH_BAD_FIELD : ASH_BAD_NONE;
}

static enum ash_bad check_store(struct ash_insn i)
{
	if (insn_class(i) == CLASS_STX && insn_mode(i) == MODE_ATOMIC)
		return check_atomic(i);
	if (insn_mode(i) != MODE_MEM)
		return ASH_BAD_OPCODE;
	if (insn_class(i) == CLASS_ST)
		return insn_src(i) ? ASH_BAD_FIELD : ASH_BAD_NONE;
	return i.imm ? ASH_BAD_FIELD : ASH_BAD_NONE;
}

/* lddw; `second` is its other half, or null. */
static enum ash_bad check_wide(struct ash_insn i, const struct ash_insn *second)
{
	if (insn_mode(i) == MODE_ABS || insn_mode(i) == MODE_IND)
		return ASH_BAD_PACKET;
	if (i.code != LDDW)
		return ASH_BAD_OPCODE;
	if (!second || second->code || second->regs || second->off)
		return ASH_BAD_WIDE;
	if (insn_dst(i) == B10)
		return ASH_BAD_READ_ONLY;
	if (i.off)
		return ASH_BAD_FIELD;
	if (insn_src(i) == LDDW_CODE)
		return second->imm ? ASH_BAD_FIELD : ASH_BAD_NONE;
	return insn_src(i) == LDDW_IMM ? ASH_BAD_NONE : ASH_BAD_MAP;
}

static enum ash_bad check_insn(struct ash_insn i, const struct ash_insn *next)
{
	if (insn_class(i) == CLASS_LD && (insn_mode(i) == MODE_ABS || insn_mode(i) == MODE_IND))
		return ASH_BAD_PACKET;
	if (insn_dst(i) > B10 || insn_src(i) > B10)
		return ASH_BAD_REGISTER;
	switch (insn_class(i)) {
	case CLASS_LD: return check_wide(i, next);
	case CLASS_LDX: return check_load(i);
	case CLASS_ST: case CLASS_STX: return check_store(i);
	case CLASS_ALU: case CLASS_ALU64: return check_alu(i);
	default: return check_jump(i);
	}
}

/* Index that the jump, local call or code address at `at` names; may be anything. */
static int64_t target_of(const struct ash_program *p, uint32_t at)
{
	struct ash_insn i = p->insn[at];
	bool in_imm = i.code == (CLASS_JMP32 | OP_JA) || insn_op(i) == OP_CALL ||
	              insn_class(i) == CLASS_LD;

	return (int64_t)at + 1 + (in_imm ? i.imm : i.off);
}

static bool is_start(const struct ash_program *p, int64_t at)
{
	return at >= 0 && at < p->ninsn && !(p->mark[at] & ASH_SECOND);
}

static bool names_function(struct ash_insn i)
{
	return i.code == LDDW ? insn_src(i) == LDDW_CODE
	                      : i.code == (CLASS_JMP | OP_CALL) && insn_src(i) == CALL_LOCAL;
}

static int refuse(struct ash_program *p, enum ash_bad bad, uint32_t at)
{
	p->bad = bad;
	p->at = at;
	return bad == ASH_BAD_LONG || bad == ASH_BAD_FUNCTIONS ? -E_LIMIT : -E_INVAL;
}

/* Each instruction alone; marks second halves. */
static int check_each(struct ash_program *p)
{
	for (uint32_t at = 0; at < p->ninsn; at++) {
		const struct ash_insn *next = at + 1 < p->ninsn ? &p->insn[at + 1] : NULL;
		enum ash_bad bad = check_insn(p->insn[at], next);

		if (bad)
			return refuse(p, bad, at);
		p->mark[at] = 0;
		if (p->insn[at].code == LDDW)
			p->mark[++at] = ASH_SECOND;
	}
	return 0;
}

/* Marks where functions start. */
static int find_functions(struct ash_program *p, const uint32_t *entry, uint32_t nentry)
{
	p->mark[0] |= ASH_FUNCTION;
	if (!is_start(p, p->start))
		return refuse(p, ASH_BAD_CALLEE, p->start);
	p->mark[p->start] |= ASH_FUNCTION;
	for (uint32_t k = 0; k < nentry; k++) {
		if (!is_start(p, entry[k]))
			return refuse(p, ASH_BAD_CALLEE, entry[k]);
		p->mark[entry[k]] |= ASH_FUNCTION;
	}
	for (uint32_t at = 0; at < p->ninsn; at++) {
		if (p->mark[at] & ASH_SECOND || !names_function(p->insn[at]))
			continue;
		if (!is_start(p, target_of(p, at)))
			return refuse(p, ASH_BAD_CALLEE, at);
		p->mark[target_of(p, at)] |= ASH_FUNCTION;
	}
	return 0;
}

static int list_functions(struct ash_program *p)
{
	p->nfunction = 0;
	for (uint32_t at = 0; at < p->ninsn; at++) {
		if (!(p->mark[at] & ASH_FUNCTION))
			continue;
		if (p->nfunction == ASH_FUNCTION_MAX)
			return refuse(p, ASH_BAD_FUNCTIONS, at);
		p->function[p->nfunction++] = at;
	}
	return 0;
}

/* Jumps of function f stay in it, and so does its last instruction. */
static int check_function(struct ash_program *p, uint32_t f)
{
	uint32_t first = p->function[f], end = first + ash_function_length(p, f), last = first;

	for (uint32_t at = first; at < end; at++) {
		if (p->mark[at] & ASH_SECOND)
			continue;
		last = at;
		if (!insn_jumps(p->insn[at]))
			continue;
		int64_t to = target_of(p, at);
		if (!is_start(p, to))
			return refuse(p, ASH_BAD_TARGET, at);
		if (to < first || to >= end)
			return refuse(p, ASH_BAD_CROSS, at);
		p->mark[to] |= ASH_TARGET;
	}
	struct ash_insn i = p->insn[last];
	bool stays = i.code == (CLASS_JMP | OP_EXIT) || (insn_jumps(i) && insn_op(i) == OP_JA);
	return stays ? 0 : refuse(p, ASH_BAD_END, last);
}

int ash_decode(struct ash_program *p, const uint32_t *entry, uint32_t nentry)
{
	p->bad = ASH_BAD_NONE;
	p->at = 0;
	if (p->ninsn == 0)
		return refuse(p, ASH_BAD_EMPTY, 0);
	if (p->ninsn > ASH_INSN_MAX)
		return refuse(p, ASH_BAD_LONG, ASH_INSN_MAX);

	int err = check_each(p);
	if (!err)
		err = find_functions(p, entry, nentry);
	if (!err)
		err = list_functions(p);
	for (uint32_t f = 0; !err && f < p->nfunction; f++)
		err = check_function(p, f);
	return err;
}

uint32_t ash_function_of(const struct ash_program *p, uint32_t at)
{
	uint32_t low = 0, high = p->nfunction; /* function[low] <= at < function[high] */

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (p->function[middle] <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}

uint32_t ash_function_length(const struct ash_program *p, uint32_t f)
{
	uint32_t end = f + 1 < p->nfunction ? p->function[f + 1] : p->ninsn;

	return end - p->function[f];
}
