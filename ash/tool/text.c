/* ash/tool/text.c - instructions as text, in the notation of clang's assembler.
 * Source: RFC 9669. SPDX-License-Identifier: ISC
 */
#include <inttypes.h>
#include "ash/insn.h"
#include "ash/tool/tool.h"

#define TEXT(...) snprintf(out, n, __VA_ARGS__)

static const char *const widths[] = { "u32", "u16", "u8", "u64" }; /* by size >> 3 */
static const char *const signed_widths[] = { "s32", "s16", "s8", "s64" };

static const char *operator_of(int op)
{
	static const char *const text[16] = { "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=",
		                              "= -", "%=", "^=", "=", "s>>=" };
	return text[op >> 4] ? text[op >> 4] : "?";
}

static const char *condition_of(int op)
{
	static const char *const text[16] = { "", "==", ">", ">=", "&", "!=", "s>", "s>=", "",
		                              "", "<", "<=", "s<", "s<=" };
	return text[op >> 4] ? text[op >> 4] : "?";
}

static void alu(char *out, size_t n, struct ash_insn i)
{
	char r = insn_class(i) == CLASS_ALU64 ? 'r' : 'w';
	int d = insn_dst(i), op = insn_op(i);
	const char *sign = (op == OP_DIV || op == OP_MOD) && i.off ? "s" : "";

	if (op == OP_END)
		TEXT("r%d = %s%d r%d", d,
		     insn_class(i) == CLASS_ALU64 ? "bswap" : i.code & SOURCE_X ? "be" : "le",
		     i.imm, d);
	else if (op == OP_NEG)
		TEXT("%c%d = -%c%d", r, d, r, d);
	else if (op == OP_MOV && i.off)
		TEXT("%c%d = (s%d)%c%d", r, d, i.off, r, insn_src(i));
	else if (i.code & SOURCE_X)
		TEXT("%c%d %s%s %c%d", r, d, sign, operator_of(op), r, insn_src(i));
	else
		TEXT("%c%d %s%s %d", r, d, sign, operator_of(op), i.imm);
}

static void jump(char *out, size_t n, struct ash_insn i, uint32_t at)
{
	char r = insn_class(i) == CLASS_JMP ? 'r' : 'w';
	bool wide = i.code == (CLASS_JMP32 | OP_JA);
	int64_t to = (int64_t)at + 1 + (wide ? i.imm : i.off);

	if (insn_op(i) == OP_EXIT)
		TEXT("exit");
	else if (insn_op(i) == OP_CALL && i.code & SOURCE_X)
		TEXT("callx r%d", insn_dst(i));
	else if (insn_op(i) == OP_CALL && insn_src(i) == CALL_LOCAL)
		TEXT("call %" PRId64, (int64_t)at + 1 + i.imm);
	else if (insn_op(i) == OP_CALL)
		TEXT("call helper %d", i.imm);
	else if (insn_op(i) == OP_JA)
		TEXT("goto %" PRId64, to);
	else if (i.code & SOURCE_X)
		TEXT("if %c%d %s %c%d goto %" PRId64, r, insn_dst(i), condition_of(insn_op(i)), r,
		     insn_src(i), to);
	else
		TEXT("if %c%d %s %d goto %" PRId64, r, insn_dst(i), condition_of(insn_op(i)), i.imm,
		     to);
}

static void memory(char *out, size_t n, struct ash_insn i)
{
	const char *width = (insn_mode(i) == MODE_MEMSX ? signed_widths : widths)[insn_size(i) >> 3];
	int d = insn_dst(i), s = insn_src(i);

	if (insn_class(i) == CLASS_LDX)
		TEXT("r%d = *(%s *)(r%d %+d)", d, width, s, i.off);
	else if (insn_class(i) == CLASS_ST)
		TEXT("*(%s *)(r%d %+d) = %d", width, d, i.off, i.imm);
	else if (insn_mode(i) == MODE_MEM)
		TEXT("*(%s *)(r%d %+d) = r%d", width, d, i.off, s);
	else if (i.imm == ATOMIC_XCHG)
		TEXT("r%d = xchg(%s, r%d %+d, r%d)", s, width, d, i.off, s);
	else if (i.imm == ATOMIC_CMPXCHG)
		TEXT("r0 = cmpxchg(%s, r%d %+d, r0, r%d)", width, d, i.off, s);
	else
		TEXT("lock *(%s *)(r%d %+d) %s r%d%s", width, d, i.off, operator_of(i.imm & 0xf0), s,
		     i.imm & ATOMIC_FETCH ? ", fetch" : "");
}

void insn_text(char *out, size_t n, const struct ash_program *p, uint32_t at)
{
	struct ash_insn i = p->insn[at];

	if (p->mark[at] & ASH_SECOND)
		TEXT("%s", "");
	else if (insn_class(i) == CLASS_LD && insn_src(i) == LDDW_CODE)
		TEXT("r%d = function %" PRId64, insn_dst(i), (int64_t)at + 1 + i.imm);
	else if (insn_class(i) == CLASS_LD)
		TEXT("r%d = 0x%" PRIx32 "%08" PRIx32 " ll", insn_dst(i),
		     (uint32_t)p->insn[at + 1].imm, (uint32_t)i.imm);
	else if (insn_class(i) == CLASS_ALU || insn_class(i) == CLASS_ALU64)
		alu(out, n, i);
	else if (insn_class(i) == CLASS_JMP || insn_class(i) == CLASS_JMP32)
		jump(out, n, i, at);
	else
		memory(out, n, i);
}
