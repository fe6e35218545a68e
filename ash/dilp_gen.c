/* ash/dilp_gen.c - pipelines to machine code: one loop, UNROLL words at a time, then one
 * word at a time.
 *
 * Registers: r12 from, r15 to, r10 words left, rbp the state, r8 the checksum, r9 the CRC,
 * rax the word; user pipes have rdi, rsi, rdx (r1..r3) and rbx, r13, r14 (r6 of the first,
 * second and third); rcx and r11 are scratch, as in handlers.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "ash/dilp.h"
#include "ash/emit.h"

enum { UNROLL = 4 };
static const enum x86_gpr FROM = R12, TO = R15, LEFT = R10, STATE = RBP, SUM = R8, CRC = R9,
                          WORD = RAX;
static const enum x86_gpr saved[] = { RBX, RBP, R12, R13, R14, R15 };
enum { NSAVED = sizeof saved / sizeof *saved };

#define FIELD(name) x86_at(STATE, (int32_t)offsetof(struct dilp_state, name))

/* bswap; or, for smaller elements, a turn after it, or bytes masked and crossed:
 * mov rcx, rax; shr rcx, 8; mov r11, 0x00ff..; and rcx, r11; and rax, r11; shl rax, 8; or */
static void emit_swap(struct x86 *a, uint32_t gauge)
{
	if (gauge > 2) {
		x86_bswap(a, X86_64, WORD);
		if (gauge == 4)
			x86_shift_imm(a, X86_64, X86_ROL, WORD, 32);
		return;
	}
	x86_mov(a, X86_64, RCX, WORD);
	x86_shift_imm(a, X86_64, X86_SHR, RCX, 8);
	x86_mov_imm(a, R11, 0x00ff00ff00ff00ff);
	x86_alu(a, X86_64, X86_AND, RCX, R11);
	x86_alu(a, X86_64, X86_AND, WORD, R11);
	x86_shift_imm(a, X86_64, X86_SHL, WORD, 8);
	x86_alu(a, X86_64, X86_OR, WORD, RCX);
}

static int with_state(int reg, int user) { return reg == B6 ? B6 + user : reg; }

/* The pipe's arithmetic, its r6 in the register of the user-th pipe. */
static void emit_user(struct emit *e, const struct dilp_pipe *p, int user)
{
	uint32_t used = 0;

	for (uint32_t k = 0; k < p->ninsn; k++)
		used |= 1u << insn_dst(p->insn[k]) | 1u << insn_src(p->insn[k]);
	for (int r = B1; r <= B3; r++)
		if (used & 1u << r)
			x86_alu(&e->a, X86_32, X86_XOR, native(r), native(r));
	for (uint32_t k = 0; k < p->ninsn; k++) {
		struct ash_insn i = p->insn[k];
		i.regs = (uint8_t)(with_state(insn_dst(i), user) | with_state(insn_src(i), user) << 4);
		ash_emit_alu(e, i);
	}
}

static void emit_word(struct emit *e, const struct dilp_pipe *pipe, uint32_t n, int32_t at)
{
	struct x86 *a = &e->a;
	int user = 0;

	x86_load(a, X86_64, WORD, x86_at(FROM, at));
	for (uint32_t k = 0; k < n; k++)
		switch (pipe[k].kind) {
		case DILP_COPY: x86_store(a, X86_64, x86_at(TO, at), WORD); break;
		case DILP_SUM:
			x86_alu(a, X86_64, X86_ADD, SUM, WORD);
			x86_alu_imm(a, X86_64, X86_ADC, SUM, 0);
			break;
		case DILP_CRC: x86_crc32(a, CRC, WORD); break;
		case DILP_SWAP: emit_swap(a, pipe[k].gauge); break;
		case DILP_XOR:
			x86_mov_imm(a, RCX, pipe[k].key);
			x86_alu(a, X86_64, X86_XOR, WORD, RCX);
			break;
		case DILP_USER: emit_user(e, &pipe[k], user++); break;
		}
}

/* while (left >= words) ... */
static void emit_loop(struct emit *e, const struct dilp_pipe *pipe, uint32_t n, int32_t words)
{
	struct x86 *a = &e->a;
	struct x86_label again = { 0 }, done = { 0 };

	x86_bind(a, &again);
	x86_alu_imm(a, X86_64, X86_CMP, LEFT, words);
	x86_jcc(a, CC_B, &done);
	for (int32_t k = 0; k < words; k++)
		emit_word(e, pipe, n, 8 * k);
	x86_alu_imm(a, X86_64, X86_ADD, FROM, 8 * words);
	x86_alu_imm(a, X86_64, X86_ADD, TO, 8 * words);
	x86_alu_imm(a, X86_64, X86_SUB, LEFT, words);
	x86_jmp(a, &again);
	x86_bind(a, &done);
}

int dilp_compile(const struct dilp_pipe *pipe, uint32_t n, uint8_t *code, size_t cap)
{
	struct emit e = { .base = -1 };
	struct x86 *a = &e.a;

	x86_init(a, code, cap);
	for (int k = 0; k < NSAVED; k++)
		x86_push(a, saved[k]);
	x86_mov(a, X86_64, TO, RDI);
	x86_mov(a, X86_64, FROM, RSI);
	x86_mov(a, X86_64, LEFT, RDX);
	x86_mov(a, X86_64, STATE, RCX);
	x86_load(a, X86_64, SUM, FIELD(sum));
	x86_load(a, X86_64, CRC, FIELD(crc));
	for (int k = 0; k < DILP_USERS; k++)
		x86_load(a, X86_64, native(B6 + k), FIELD(user[k]));
	emit_loop(&e, pipe, n, UNROLL);
	emit_loop(&e, pipe, n, 1);
	x86_store(a, X86_64, FIELD(sum), SUM);
	x86_store(a, X86_64, FIELD(crc), CRC);
	for (int k = 0; k < DILP_USERS; k++)
		x86_store(a, X86_64, FIELD(user[k]), native(B6 + k));
	for (int k = NSAVED; k-- > 0;)
		x86_pop(a, saved[k]);
	x86_ret(a);
	return a->full ? -E_NOSPC : (int)(a->p - a->base);
}
