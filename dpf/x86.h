/* dpf/x86.h - the x86-64 instructions that dpf/ and ash/ emit, and no others.
 *
 * One function for each form, documented by the instruction it prints. Encodings are in
 * x86.c only. SDM vol. 2, chapter 2.
 * Layer: leaf library, beneath dpf/ and ash/. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum x86_gpr {
	RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15
};

/* Conditions; cc ^ 1 is the opposite one. */
enum x86_cc {
	CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A,
	CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G
};

/* Width of an operation, as log2 of bytes. */
enum x86_size { X86_8, X86_16, X86_32, X86_64 };

/* ORDER: these are the /digit of opcodes 81 and 83, the group of C1, and of F7. */
enum x86_alu { X86_ADD, X86_OR, X86_ADC, X86_AND = 4, X86_SUB, X86_XOR, X86_CMP };
enum x86_shift { X86_ROL, X86_ROR, X86_SHL = 4, X86_SHR, X86_SAR = 7 };
enum x86_unary { X86_NOT = 2, X86_NEG, X86_MUL, X86_DIV = 6, X86_IDIV };

/* Output cursor. Running out of room sets `full` and drops the bytes, so generators need
 * one check at the end instead of one per instruction. */
struct x86 {
	uint8_t *base, *p, *end;
	bool full;
};

/* A label. Before x86_bind, the jumps waiting for it are chained through their own rel32
 * fields (each holds the previous one's offset, 0 ends the chain); after it, `here` is its
 * offset + 1. Starts as { 0 }. Jumps to it may come before and after. */
struct x86_label {
	uint32_t waiting, here;
};

/* A memory operand: [base + index << scale + disp]; X86_NOINDEX for none. */
#define X86_NOINDEX RSP
struct x86_mem {
	enum x86_gpr base, index;
	uint8_t scale; /* 0..3 */
	int32_t disp;
};

void x86_init(struct x86 *a, uint8_t *buffer, size_t size);
uint32_t x86_here(const struct x86 *a); /* offset of the next instruction */

/* Loads zero-extend to 64 bits. */
void x86_load(struct x86 *a, enum x86_size s, enum x86_gpr dst, struct x86_mem m);
/* Sign-extending loads, of 1, 2 or 4 bytes to 64 bits. movsx dst, [m] */
void x86_load_signed(struct x86 *a, enum x86_size s, enum x86_gpr dst, struct x86_mem m);
void x86_store(struct x86 *a, enum x86_size s, struct x86_mem m, enum x86_gpr src);
/* mov size [m], imm; 64 bits: imm is sign-extended from 32 */
void x86_store_imm(struct x86 *a, enum x86_size s, struct x86_mem m, int32_t imm);
/* lea dst, [m]; X86_32 truncates the sum to 32 bits and zero-extends */
void x86_lea(struct x86 *a, enum x86_size s, enum x86_gpr dst, struct x86_mem m);

/* For the rest, s is X86_32 (result zero-extended to 64 bits) or X86_64. */
void x86_mov(struct x86 *a, enum x86_size s, enum x86_gpr dst, enum x86_gpr src);
void x86_mov_imm(struct x86 *a, enum x86_gpr dst, uint64_t imm); /* the shortest form */
/* movzx / movsx dst, low 1 or 2 (signed: or 4) bytes of src, to 64 bits */
void x86_zero_extend(struct x86 *a, enum x86_size from, enum x86_gpr dst, enum x86_gpr src);
void x86_sign_extend(struct x86 *a, enum x86_size from, enum x86_gpr dst, enum x86_gpr src);
/* op dst, src */
void x86_alu(struct x86 *a, enum x86_size s, enum x86_alu op, enum x86_gpr dst,
             enum x86_gpr src);
/* op dst, imm (64 bits: sign-extended from 32) */
void x86_alu_imm(struct x86 *a, enum x86_size s, enum x86_alu op, enum x86_gpr dst,
                 int32_t imm);
/* op dst, [m] */
void x86_alu_mem(struct x86 *a, enum x86_size s, enum x86_alu op, enum x86_gpr dst,
                 struct x86_mem m);
/* op size [m], imm: 8 (op 80), 16, 32 or 64 bits wide */
void x86_alu_mem_imm(struct x86 *a, enum x86_size s, enum x86_alu op, struct x86_mem m,
                     int32_t imm);
void x86_test(struct x86 *a, enum x86_size s, enum x86_gpr r1, enum x86_gpr r2);
void x86_test_imm(struct x86 *a, enum x86_size s, enum x86_gpr r, int32_t imm);
void x86_shift_imm(struct x86 *a, enum x86_size s, enum x86_shift op, enum x86_gpr r,
                   uint8_t n);
void x86_shift_cl(struct x86 *a, enum x86_size s, enum x86_shift op, enum x86_gpr r);
void x86_unary(struct x86 *a, enum x86_size s, enum x86_unary op, enum x86_gpr r);
void x86_imul(struct x86 *a, enum x86_size s, enum x86_gpr dst, enum x86_gpr src);
void x86_imul_mem(struct x86 *a, enum x86_size s, enum x86_gpr dst, struct x86_mem m);
void x86_imul_imm(struct x86 *a, enum x86_size s, enum x86_gpr dst, enum x86_gpr src,
                  int32_t imm);
void x86_bswap(struct x86 *a, enum x86_size s, enum x86_gpr r);
/* crc32 dst, src: CRC-32C of the 8 bytes of src into dst (SSE4.2) */
void x86_crc32(struct x86 *a, enum x86_gpr dst, enum x86_gpr src);
void x86_cdq(struct x86 *a, enum x86_size s); /* cdq, cqo: sign of rax into rdx */
void x86_setcc(struct x86 *a, enum x86_cc cc, enum x86_gpr dst); /* the low byte only */
void x86_cmov(struct x86 *a, enum x86_size s, enum x86_cc cc, enum x86_gpr dst,
              enum x86_gpr src);
void x86_push(struct x86 *a, enum x86_gpr r);
void x86_pop(struct x86 *a, enum x86_gpr r);

/* lock-prefixed read-modify-write, s X86_32 or X86_64 */
void x86_lock_alu(struct x86 *a, enum x86_size s, enum x86_alu op, struct x86_mem m,
                  enum x86_gpr src);
void x86_lock_xadd(struct x86 *a, enum x86_size s, struct x86_mem m, enum x86_gpr src);
void x86_xchg_mem(struct x86 *a, enum x86_size s, struct x86_mem m, enum x86_gpr src);
void x86_lock_cmpxchg(struct x86 *a, enum x86_size s, struct x86_mem m, enum x86_gpr src);

/* Control. Jumps are rel32. */
void x86_jmp(struct x86 *a, struct x86_label *l);
void x86_jcc(struct x86 *a, enum x86_cc cc, struct x86_label *l);
void x86_call(struct x86 *a, struct x86_label *l);
void x86_jmp_reg(struct x86 *a, enum x86_gpr r);
void x86_jmp_mem(struct x86 *a, struct x86_mem m);
void x86_call_reg(struct x86 *a, enum x86_gpr r);
void x86_call_mem(struct x86 *a, struct x86_mem m);
void x86_bind(struct x86 *a, struct x86_label *l); /* l = here; once */
void x86_ret(struct x86 *a);
void x86_prefetch(struct x86 *a, struct x86_mem m); /* prefetcht0 */
void x86_ud2(struct x86 *a);
void x86_int3(struct x86 *a);

/* Shorthands for memory operands. */
static inline struct x86_mem x86_at(enum x86_gpr base, int32_t disp)
{
	return (struct x86_mem){ base, X86_NOINDEX, 0, disp };
}

static inline struct x86_mem x86_indexed(enum x86_gpr base, enum x86_gpr index,
                                         uint8_t scale, int32_t disp)
{
	return (struct x86_mem){ base, index, scale, disp };
}
