/* dpf/x86.c - encodings of dpf/x86.h. Intel SDM vol. 2: chapter 2 for the formats, the
 * instruction pages for opcodes.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "dpf/x86.h"

void x86_init(struct x86 *a, uint8_t *buffer, size_t size)
{
	*a = (struct x86){ .base = buffer, .p = buffer, .end = buffer + size };
}

uint32_t x86_here(const struct x86 *a) { return (uint32_t)(a->p - a->base); }

static void put(struct x86 *a, uint64_t v, int nbytes) /* little-endian */
{
	if (a->end - a->p < nbytes) {
		a->full = true;
		return;
	}
	for (; nbytes > 0; nbytes--, v >>= 8)
		*a->p++ = (uint8_t)v;
}

/* An opcode: its bytes in order of emission, low byte first, after the prefixes. */
static void put_opcode(struct x86 *a, uint32_t op)
{
	put(a, op, op > 0xffff ? 3 : op > 0xff ? 2 : 1);
}

/* Prefixes: operand size, then REX when anything needs it. byte_reg: a byte register
 * among the operands, for which spl..dil need an empty REX. */
static void prefix(struct x86 *a, enum x86_size s, int reg, int index, int rm, bool byte_reg)
{
	int bits = (s == X86_64) << 3 | (reg >> 3) << 2 | (index >> 3) << 1 | rm >> 3;

	if (s == X86_16)
		put(a, 0x66, 1);
	if (bits || byte_reg)
		put(a, 0x40 | bits, 1);
}

static void modrm(struct x86 *a, int mod, int reg, int rm)
{
	put(a, mod << 6 | (reg & 7) << 3 | (rm & 7), 1);
}

/* op reg, reg */
static void form_reg(struct x86 *a, enum x86_size s, uint32_t op, int reg, int rm,
                     bool byte_reg)
{
	prefix(a, s, reg, 0, rm, byte_reg);
	put_opcode(a, op);
	modrm(a, 3, reg, rm);
}

/* op reg, [m]. The one place that knows the ModRM exceptions: rbp/r13 cannot go without a
 * displacement, rsp/r12 as a base need a SIB byte, and an index of rsp means none. */
static void form_mem(struct x86 *a, enum x86_size s, uint32_t op, int reg, struct x86_mem m,
                     bool byte_reg)
{
	bool sib = m.index != X86_NOINDEX || (m.base & 7) == RSP;
	int mod = m.disp == 0 && (m.base & 7) != RBP ? 0 : m.disp == (int8_t)m.disp ? 1 : 2;

	prefix(a, s, reg, m.index, m.base, byte_reg);
	put_opcode(a, op);
	modrm(a, mod, reg, sib ? RSP : (int)m.base);
	if (sib)
		put(a, m.scale << 6 | (m.index & 7) << 3 | (m.base & 7), 1);
	if (mod)
		put(a, (uint32_t)m.disp, mod == 1 ? 1 : 4);
}

void x86_load(struct x86 *a, enum x86_size s, enum x86_gpr dst, struct x86_mem m)
{
	static const uint16_t op[] = {
		[X86_8] = 0xb60f, [X86_16] = 0xb70f, [X86_32] = 0x8b, [X86_64] = 0x8b
	};
	form_mem(a, s == X86_64 ? X86_64 : X86_32, op[s], dst, m, false);
}

void x86_load_signed(struct x86 *a, enum x86_size s, enum x86_gpr dst, struct x86_mem m)
{
	static const uint16_t op[] = { [X86_8] = 0xbe0f, [X86_16] = 0xbf0f, [X86_32] = 0x63 };
	form_mem(a, X86_64, op[s], dst, m, false);
}

void x86_store(struct x86 *a, enum x86_size s, struct x86_mem m, enum x86_gpr src)
{
	form_mem(a, s, s == X86_8 ? 0x88 : 0x89, src, m, s == X86_8 && src >= RSP);
}

/* Bytes of an immediate of an operation of this size. */
static int imm_bytes(enum x86_size s) { return s == X86_8 ? 1 : s == X86_16 ? 2 : 4; }

void x86_store_imm(struct x86 *a, enum x86_size s, struct x86_mem m, int32_t imm)
{
	form_mem(a, s, s == X86_8 ? 0xc6 : 0xc7, 0, m, false);
	put(a, (uint32_t)imm, imm_bytes(s));
}

void x86_lea(struct x86 *a, enum x86_size s, enum x86_gpr dst, struct x86_mem m)
{
	form_mem(a, s, 0x8d, dst, m, false);
}

void x86_mov(struct x86 *a, enum x86_size s, enum x86_gpr dst, enum x86_gpr src)
{
	form_reg(a, s, 0x89, src, dst, false);
}

void x86_mov_imm(struct x86 *a, enum x86_gpr dst, uint64_t imm)
{
	if (imm <= 0xffffffff) { /* mov r32, imm32 */
		prefix(a, X86_32, 0, 0, dst, false);
		put(a, 0xb8 | (dst & 7), 1);
		put(a, imm, 4);
	} else if ((int64_t)imm == (int32_t)imm) { /* mov r64, sign-extended imm32 */
		form_reg(a, X86_64, 0xc7, 0, dst, false);
		put(a, imm, 4);
	} else { /* mov r64, imm64 */
		prefix(a, X86_64, 0, 0, dst, false);
		put(a, 0xb8 | (dst & 7), 1);
		put(a, imm, 8);
	}
}

void x86_zero_extend(struct x86 *a, enum x86_size from, enum x86_gpr dst, enum x86_gpr src)
{
	form_reg(a, X86_32, from == X86_8 ? 0xb60f : 0xb70f, dst, src,
	         from == X86_8 && src >= RSP);
}

void x86_sign_extend(struct x86 *a, enum x86_size from, enum x86_gpr dst, enum x86_gpr src)
{
	static const uint16_t op[] = { [X86_8] = 0xbe0f, [X86_16] = 0xbf0f, [X86_32] = 0x63 };
	form_reg(a, X86_64, op[from], dst, src, false);
}

void x86_alu(struct x86 *a, enum x86_size s, enum x86_alu op, enum x86_gpr dst,
             enum x86_gpr src)
{
	form_reg(a, s, op << 3 | 1, src, dst, false);
}

void x86_alu_imm(struct x86 *a, enum x86_size s, enum x86_alu op, enum x86_gpr dst,
                 int32_t imm)
{
	bool small = imm == (int8_t)imm;

	form_reg(a, s, small ? 0x83 : 0x81, op, dst, false);
	put(a, (uint32_t)imm, small ? 1 : 4);
}

void x86_alu_mem(struct x86 *a, enum x86_size s, enum x86_alu op, enum x86_gpr dst,
                 struct x86_mem m)
{
	form_mem(a, s, op << 3 | 3, dst, m, false);
}

void x86_alu_mem_imm(struct x86 *a, enum x86_size s, enum x86_alu op, struct x86_mem m,
                     int32_t imm)
{
	bool small = s == X86_8 || imm == (int8_t)imm;

	form_mem(a, s, s == X86_8 ? 0x80 : small ? 0x83 : 0x81, op, m, false);
	put(a, (uint32_t)imm, small ? 1 : imm_bytes(s));
}

void x86_test(struct x86 *a, enum x86_size s, enum x86_gpr r1, enum x86_gpr r2)
{
	form_reg(a, s, 0x85, r2, r1, false);
}

void x86_test_imm(struct x86 *a, enum x86_size s, enum x86_gpr r, int32_t imm)
{
	form_reg(a, s, 0xf7, 0, r, false);
	put(a, (uint32_t)imm, 4);
}

void x86_shift_imm(struct x86 *a, enum x86_size s, enum x86_shift op, enum x86_gpr r,
                   uint8_t n)
{
	form_reg(a, s, 0xc1, op, r, false);
	put(a, n, 1);
}

void x86_shift_cl(struct x86 *a, enum x86_size s, enum x86_shift op, enum x86_gpr r)
{
	form_reg(a, s, 0xd3, op, r, false);
}

void x86_unary(struct x86 *a, enum x86_size s, enum x86_unary op, enum x86_gpr r)
{
	form_reg(a, s, 0xf7, op, r, false);
}

void x86_imul(struct x86 *a, enum x86_size s, enum x86_gpr dst, enum x86_gpr src)
{
	form_reg(a, s, 0xaf0f, dst, src, false);
}

void x86_imul_mem(struct x86 *a, enum x86_size s, enum x86_gpr dst, struct x86_mem m)
{
	form_mem(a, s, 0xaf0f, dst, m, false);
}

void x86_imul_imm(struct x86 *a, enum x86_size s, enum x86_gpr dst, enum x86_gpr src,
                  int32_t imm)
{
	form_reg(a, s, 0x69, dst, src, false);
	put(a, (uint32_t)imm, 4);
}

void x86_bswap(struct x86 *a, enum x86_size s, enum x86_gpr r)
{
	prefix(a, s, 0, 0, r, false);
	put(a, 0x0f | (0xc8u | (r & 7)) << 8, 2);
}

void x86_crc32(struct x86 *a, enum x86_gpr dst, enum x86_gpr src)
{
	put(a, 0xf2, 1);
	form_reg(a, X86_64, 0xf1380f, dst, src, false);
}

void x86_cdq(struct x86 *a, enum x86_size s)
{
	prefix(a, s, 0, 0, 0, false);
	put(a, 0x99, 1);
}

void x86_setcc(struct x86 *a, enum x86_cc cc, enum x86_gpr dst)
{
	form_reg(a, X86_32, 0x0f | (0x90u | cc) << 8, 0, dst, dst >= RSP);
}

void x86_cmov(struct x86 *a, enum x86_size s, enum x86_cc cc, enum x86_gpr dst,
              enum x86_gpr src)
{
	form_reg(a, s, 0x0f | (0x40u | cc) << 8, dst, src, false);
}

void x86_push(struct x86 *a, enum x86_gpr r)
{
	prefix(a, X86_32, 0, 0, r, false);
	put(a, 0x50 | (r & 7), 1);
}

void x86_pop(struct x86 *a, enum x86_gpr r)
{
	prefix(a, X86_32, 0, 0, r, false);
	put(a, 0x58 | (r & 7), 1);
}

static void lock(struct x86 *a) { put(a, 0xf0, 1); }

void x86_lock_alu(struct x86 *a, enum x86_size s, enum x86_alu op, struct x86_mem m,
                  enum x86_gpr src)
{
	lock(a);
	form_mem(a, s, op << 3 | 1, src, m, false);
}

void x86_lock_xadd(struct x86 *a, enum x86_size s, struct x86_mem m, enum x86_gpr src)
{
	lock(a);
	form_mem(a, s, 0xc10f, src, m, false);
}

void x86_xchg_mem(struct x86 *a, enum x86_size s, struct x86_mem m, enum x86_gpr src)
{
	form_mem(a, s, 0x87, src, m, false);
}

void x86_lock_cmpxchg(struct x86 *a, enum x86_size s, struct x86_mem m, enum x86_gpr src)
{
	lock(a);
	form_mem(a, s, 0xb10f, src, m, false);
}

/* The rel32 of a jump to l, which may be bound already or not. */
static void put_target(struct x86 *a, struct x86_label *l)
{
	uint32_t slot = x86_here(a);

	if (l->here) {
		put(a, l->here - 1 - (slot + 4), 4);
		return;
	}
	put(a, l->waiting, 4);
	if (!a->full)
		l->waiting = slot;
}

void x86_jmp(struct x86 *a, struct x86_label *l)
{
	put(a, 0xe9, 1);
	put_target(a, l);
}

void x86_jcc(struct x86 *a, enum x86_cc cc, struct x86_label *l)
{
	put(a, 0x0f | (0x80u | cc) << 8, 2);
	put_target(a, l);
}

void x86_call(struct x86 *a, struct x86_label *l)
{
	put(a, 0xe8, 1);
	put_target(a, l);
}

/* Branches through a register or memory are 64 bits wide without REX.W. */
void x86_jmp_reg(struct x86 *a, enum x86_gpr r) { form_reg(a, X86_32, 0xff, 4, r, false); }
void x86_jmp_mem(struct x86 *a, struct x86_mem m) { form_mem(a, X86_32, 0xff, 4, m, false); }
void x86_call_reg(struct x86 *a, enum x86_gpr r) { form_reg(a, X86_32, 0xff, 2, r, false); }
void x86_call_mem(struct x86 *a, struct x86_mem m) { form_mem(a, X86_32, 0xff, 2, m, false); }

void x86_bind(struct x86 *a, struct x86_label *l)
{
	uint32_t here = x86_here(a);

	for (uint32_t slot = l->waiting, prev; slot && !a->full; slot = prev) {
		uint8_t *rel = a->base + slot;

		prev = rel[0] | rel[1] << 8 | rel[2] << 16 | (uint32_t)rel[3] << 24;
		struct x86 patch = { .base = a->base, .p = rel, .end = rel + 4 };
		put(&patch, here - (slot + 4), 4);
	}
	l->waiting = 0;
	l->here = here + 1;
}

void x86_ret(struct x86 *a) { put(a, 0xc3, 1); }

void x86_prefetch(struct x86 *a, struct x86_mem m) { form_mem(a, X86_32, 0x180f, 1, m, false); }

void x86_ud2(struct x86 *a) { put(a, 0x0b0f, 2); }

void x86_int3(struct x86 *a) { put(a, 0xcc, 1); }
