/* dpf/bpf.h - classic BPF: check, interpret, compile.
 *
 * Meaning, where implementations differ, follows libpcap's development branch:
 *   - a shift by 32 or more gives 0
 *   - scratch memory starts as 0
 *   - an indirect load whose offset wraps past 2^32 rejects, like any load outside the
 *     captured bytes
 *   - division or remainder by X = 0 rejects
 *   - ja may jump backward (libpcap's `protochain` does). Each backward jump costs its
 *     distance in instructions; a program that has used up BPF_FUEL + BPF_FUEL_PER_BYTE
 *     times caplen rejects. Walking a chain of headers, at least 8 bytes each, is within it
 * Source: McCanne & Jacobson, USENIX '93; libpcap's bpf_filter.
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC
 */
#pragma once
#include "dpf/filter.h"
#include "dpf/x86.h"

enum {
	BPF_FUEL = 1024,      /* instructions of backward jumps in one run */
	BPF_FUEL_PER_BYTE = 8,
	BPF_SLOTS = 16,       /* words of scratch memory */
};

/* Parts of an instruction's code. */
enum {
	BPF_CLASS = 0x07, BPF_LD = 0, BPF_LDX, BPF_ST, BPF_STX, BPF_ALU, BPF_JMP, BPF_RET, BPF_MISC,
	BPF_SIZE = 0x18, BPF_W = 0, BPF_H = 0x08, BPF_B = 0x10,
	BPF_MODE = 0xe0, BPF_IMM = 0, BPF_ABS = 0x20, BPF_IND = 0x40, BPF_MEM = 0x60,
	BPF_LEN = 0x80, BPF_MSH = 0xa0,
	BPF_OP = 0xf0, BPF_ADD = 0, BPF_SUB = 0x10, BPF_MUL = 0x20, BPF_DIV = 0x30, BPF_OR = 0x40,
	BPF_AND = 0x50, BPF_LSH = 0x60, BPF_RSH = 0x70, BPF_NEG = 0x80, BPF_MOD = 0x90,
	BPF_XOR = 0xa0,
	BPF_JA = 0, BPF_JEQ = 0x10, BPF_JGT = 0x20, BPF_JGE = 0x30, BPF_JSET = 0x40,
	BPF_X = 0x08,
	BPF_RVAL = 0x18, BPF_A = 0x10,
	BPF_TAX = 0, BPF_TXA = 0x80,
};

/* Bytes that a load of this size reads. */
static inline unsigned bpf_width(uint16_t code)
{
	return (code & BPF_SIZE) == BPF_W ? 4 : (code & BPF_SIZE) == BPF_H ? 2 : 1;
}

/* Check a program of at least one instruction: each is known, jumps land inside the program, scratch
 * slots exist, no division is by the constant 0, and the last one is a return. NULL: so it is.
 * Else what is wrong with the first one that is not so, *at, to be read behind its name. */
const char *bpf_fault(const struct filter_view *f, uint32_t *at);

/* Interpret a checked program: its return value. Shares nothing with bpf_compile. */
uint32_t bpf_run(const struct filter_view *f, const uint8_t *frame, uint32_t caplen,
                 uint32_t wirelen);

/* Emit a checked program as a function of rdi = frame, esi = caplen (zero-extended in
 * rsi), edx = wirelen, result in eax. Keeps rdi, rsi, rdx, r8, r9 and all that the SysV ABI
 * makes it keep. It is only called when `captured` bytes were. mark[] is room for one per instruction, zeroed; afterwards mark[i].code is
 * the offset of instruction i's code. Check a->full afterwards. */
struct bpf_mark {
	struct x86_label label;
	uint32_t captured; /* bytes of the frame known to be there, + 1; 0: not reached yet */
	uint32_t unset; /* what some way here has not stored: slots, A, X */
	uint32_t code;
};
void bpf_compile(struct x86 *a, const struct filter_view *f, uint32_t captured,
                 struct bpf_mark *mark);

/* No program of n instructions needs more bytes of code. */
static inline size_t bpf_code_bound(uint32_t n) { return 256 + 64 * (size_t)n; }
