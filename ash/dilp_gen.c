/* ash/dilp_gen.c - pipelines to machine code: one loop, UNROLL words at a time, then one
 * word at a time.
 *
 * Registers: r8 the checksum, r9 the CRC, rax the word, rcx and r11 scratch, as in handlers.
 * User pipes have rdi, rsi, rdx (r1..r3) and rbx, r13, r14 (r6 of the first, second and
 * third), so that with them the loop's own registers are others than the arguments'.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "ash/dilp.h"
#include "ash/emit.h"

enum { UNROLL = 4 };
static const enum x86_gpr SUM = R8, CRC = R9, WORD = RAX;
static const enum x86_gpr saved[] = { RBX, RBP, R12, R13, R14, R15 };
enum { NSAVED = sizeof saved / sizeof *saved };

struct loop {
	struct emit e;
	const struct dilp_pipe *pipe;
	uint32_t n;
	bool has[DILP_KINDS];
	enum x86_gpr from, to, left, state;
};

#define FIELD(l, name) x86_at((l)->state, (int32_t)offsetof(struct dilp_state, name))

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

/* sum += word, and the carry. Where no pipe but copies and sums comes between, the carry of
 * one word is added with the next: moves and crc32 leave the flag alone. */
static void emit_sum(struct loop *l, int32_t k, int32_t words)
{
	struct x86 *a = &l->e.a;
	bool chained = !l->has[DILP_SWAP] && !l->has[DILP_XOR] && !l->has[DILP_USER];

	x86_alu(a, X86_64, chained && k > 0 ? X86_ADC : X86_ADD, SUM, WORD);
	if (!chained || k == words - 1)
		x86_alu_imm(a, X86_64, X86_ADC, SUM, 0);
}

/* Word k of the `words` of one turn. */
static void emit_word(struct loop *l, int32_t k, int32_t words)
{
	struct x86 *a = &l->e.a;
	int user = 0;

	x86_load(a, X86_64, WORD, x86_at(l->from, 8 * k));
	for (uint32_t i = 0; i < l->n; i++) {
		const struct dilp_pipe *p = &l->pipe[i];
		switch (p->kind) {
		case DILP_COPY: x86_store(a, X86_64, x86_at(l->to, 8 * k), WORD); break;
		case DILP_SUM: emit_sum(l, k, words); break;
		case DILP_CRC: x86_crc32(a, CRC, WORD); break;
		case DILP_SWAP: emit_swap(a, p->gauge); break;
		case DILP_XOR:
			x86_mov_imm(a, RCX, p->key);
			x86_alu(a, X86_64, X86_XOR, WORD, RCX);
			break;
		case DILP_USER: emit_user(&l->e, p, user++); break;
		}
	}
}

/* while (left >= words) ... */
static void emit_loop(struct loop *l, int32_t words)
{
	struct x86 *a = &l->e.a;
	struct x86_label again = { 0 }, done = { 0 };

	x86_alu_imm(a, X86_64, X86_CMP, l->left, words);
	x86_jcc(a, CC_B, &done);
	x86_bind(a, &again);
	for (int32_t k = 0; k < words; k++)
		emit_word(l, k, words);
	x86_alu_imm(a, X86_64, X86_ADD, l->from, 8 * words);
	x86_alu_imm(a, X86_64, X86_ADD, l->to, 8 * words);
	x86_alu_imm(a, X86_64, X86_SUB, l->left, words);
	x86_alu_imm(a, X86_64, X86_CMP, l->left, words);
	x86_jcc(a, CC_AE, &again);
	x86_bind(a, &done);
}

/* The arguments out of the way of user pipes, whose state is loaded. */
static void begin_users(struct loop *l)
{
	struct x86 *a = &l->e.a;

	for (int k = 0; k < NSAVED; k++)
		x86_push(a, saved[k]);
	x86_mov(a, X86_64, R15, RDI);
	x86_mov(a, X86_64, R12, RSI);
	x86_mov(a, X86_64, RBP, l->state);
	x86_mov(a, X86_64, R10, RDX);
	l->to = R15;
	l->from = R12;
	l->left = R10;
	l->state = RBP;
	for (int k = 0; k < DILP_USERS; k++)
		x86_load(a, X86_64, native(B6 + k), FIELD(l, user[k]));
}

static void end_users(struct loop *l)
{
	struct x86 *a = &l->e.a;

	for (int k = 0; k < DILP_USERS; k++)
		x86_store(a, X86_64, FIELD(l, user[k]), native(B6 + k));
	for (int k = NSAVED; k-- > 0;)
		x86_pop(a, saved[k]);
}

static void emit_pipeline(struct loop *l)
{
	struct x86 *a = &l->e.a;

	x86_mov(a, X86_64, l->state, RCX);
	if (l->has[DILP_USER])
		begin_users(l);
	if (l->has[DILP_SUM])
		x86_load(a, X86_64, SUM, FIELD(l, sum));
	if (l->has[DILP_CRC])
		x86_load(a, X86_64, CRC, FIELD(l, crc));
	emit_loop(l, UNROLL);
	emit_loop(l, 1);
	if (l->has[DILP_SUM])
		x86_store(a, X86_64, FIELD(l, sum), SUM);
	if (l->has[DILP_CRC])
		x86_store(a, X86_64, FIELD(l, crc), CRC);
	if (l->has[DILP_USER])
		end_users(l);
	x86_ret(a);
}

int dilp_compile(const struct dilp_pipe *pipe, uint32_t n, uint8_t *code, size_t cap)
{
	struct loop l = { .pipe = pipe, .n = n,
		          .to = RDI, .from = RSI, .left = RDX, .state = R10 };

	for (uint32_t k = 0; k < n; k++)
		l.has[pipe[k].kind] = true;
	x86_init(&l.e.a, code, cap);
	emit_pipeline(&l);
	return l.e.a.full ? -E_NOSPC : (int)(l.e.a.p - l.e.a.base);
}
