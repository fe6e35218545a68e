/* ash/insn.h - the numbers of RFC 9669's instruction encoding, section 3 to 5.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include "exo/ash.h"

enum { /* code & 7 */
	CLASS_LD, CLASS_LDX, CLASS_ST, CLASS_STX, CLASS_ALU, CLASS_JMP, CLASS_JMP32, CLASS_ALU64
};
enum { SOURCE_X = 0x08 }; /* in ALU and JMP classes: the operand is src, not imm */
enum {                    /* code & 0xf0 in ALU classes */
	OP_ADD = 0x00, OP_SUB = 0x10, OP_MUL = 0x20, OP_DIV = 0x30, OP_OR = 0x40, OP_AND = 0x50,
	OP_LSH = 0x60, OP_RSH = 0x70, OP_NEG = 0x80, OP_MOD = 0x90, OP_XOR = 0xa0, OP_MOV = 0xb0,
	OP_ARSH = 0xc0, OP_END = 0xd0
};
enum { /* code & 0xf0 in JMP classes */
	OP_JA = 0x00, OP_JEQ = 0x10, OP_JGT = 0x20, OP_JGE = 0x30, OP_JSET = 0x40, OP_JNE = 0x50,
	OP_JSGT = 0x60, OP_JSGE = 0x70, OP_CALL = 0x80, OP_EXIT = 0x90, OP_JLT = 0xa0,
	OP_JLE = 0xb0, OP_JSLT = 0xc0, OP_JSLE = 0xd0
};
enum { SIZE_W = 0x00, SIZE_H = 0x08, SIZE_B = 0x10, SIZE_DW = 0x18 }; /* code & 0x18 */
enum {                                                                /* code & 0xe0 */
	MODE_IMM = 0x00, MODE_ABS = 0x20, MODE_IND = 0x40, MODE_MEM = 0x60, MODE_MEMSX = 0x80,
	MODE_ATOMIC = 0xc0
};
enum { /* imm of an atomic instruction: an OP_ of ADD, OR, AND, XOR, or */
	ATOMIC_FETCH = 0x01, ATOMIC_XCHG = 0xe1, ATOMIC_CMPXCHG = 0xf1
};
enum { LDDW = CLASS_LD | MODE_IMM | SIZE_DW, LDDW_IMM = 0, LDDW_CODE = 4 };
enum { CALL_HELPER = 0, CALL_LOCAL = 1 }; /* src of OP_CALL */
enum { B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, B10, NREG };

static inline int insn_class(struct ash_insn i) { return i.code & 7; }
static inline int insn_op(struct ash_insn i) { return i.code & 0xf0; }
static inline int insn_mode(struct ash_insn i) { return i.code & 0xe0; }
static inline int insn_size(struct ash_insn i) { return i.code & 0x18; }
static inline int insn_dst(struct ash_insn i) { return i.regs & 15; }
static inline int insn_src(struct ash_insn i) { return i.regs >> 4; }
static inline bool insn_jumps(struct ash_insn i)
{
	return (insn_class(i) == CLASS_JMP || insn_class(i) == CLASS_JMP32) &&
	       insn_op(i) != OP_CALL && insn_op(i) != OP_EXIT;
}
