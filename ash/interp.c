/* ash/interp.c - the reference interpreter: one instruction after the other, as RFC 9669
 * words it, every access checked against the mapped extents.
 * Layer: leaf library. Source: RFC 9669, sections 4 and 5. SPDX-License-Identifier: ISC
 */
#include "ash/ash.h"
#include "ash/insn.h"

struct machine {
	const struct ash_program *p;
	struct ash_run *run;
	uint64_t r[NREG];
	uint32_t pc; /* of the next instruction */
	uint32_t depth;
	struct {
		uint32_t pc;
		uint64_t saved[4]; /* r6..r9 */
	} frame[ASH_DEPTH];
};

static void stop(struct machine *m, enum ash_stop why) { m->run->stop = why; }

static bool charge(struct machine *m, uint64_t n) { return ash_charge(m->run, n); }

/* The n bytes at a window address, or null: the run is over. */
static uint8_t *bytes(struct machine *m, uint64_t address, int n, bool write)
{
	uint32_t offset = (uint32_t)address;

	if (ash_mapped(m->run, offset, (uint64_t)n, write))
		return m->run->window + offset;
	m->run->fault = offset;
	stop(m, ASH_STOP_FAULT);
	return NULL;
}

static uint64_t get(const uint8_t *b, int n)
{
	uint64_t v = 0;

	for (int k = n; k-- > 0;)
		v = v << 8 | b[k];
	return v;
}

static void set(uint8_t *b, int n, uint64_t v)
{
	for (int k = 0; k < n; k++, v >>= 8)
		b[k] = (uint8_t)v;
}

static int width(struct ash_insn i)
{
	switch (insn_size(i)) {
	case SIZE_B: return 1;
	case SIZE_H: return 2;
	case SIZE_W: return 4;
	default: return 8;
	}
}

static uint64_t sign(uint64_t v, int bits)
{
	uint64_t top = 1ull << (bits - 1);

	v &= top | (top - 1);
	return (v ^ top) - top;
}

/* Quotient or remainder of magnitudes, signs put back; b is not 0. Wraps as RFC 9669 says:
 * the least number divided by -1 is itself. */
static uint64_t divide_signed(uint64_t a, uint64_t b, bool remainder)
{
	bool minus_a = a >> 63, minus_b = b >> 63;
	uint64_t x = minus_a ? -a : a, y = minus_b ? -b : b;

	if (remainder)
		return minus_a ? -(x % y) : x % y;
	return minus_a != minus_b ? -(x / y) : x / y;
}

static uint64_t divide(uint64_t a, uint64_t b, bool remainder, bool is_signed, int bits)
{
	if (b == 0)
		return remainder ? a : 0;
	if (is_signed)
		return divide_signed(sign(a, bits), sign(b, bits), remainder);
	return remainder ? a % b : a / b;
}

static uint64_t swap_bytes(uint64_t v, int bits)
{
	uint64_t out = 0;

	for (int k = 0; k < bits; k += 8)
		out = out << 8 | (v >> k & 0xff);
	return out;
}

/* a and b are the operands, already cut to the operation's width. */
static uint64_t alu(struct ash_insn i, uint64_t a, uint64_t b, int bits)
{
	int n = (int)(b & (uint64_t)(bits - 1));

	switch (insn_op(i)) {
	case OP_ADD: return a + b;
	case OP_SUB: return a - b;
	case OP_MUL: return a * b;
	case OP_DIV: return divide(a, b, false, i.off == 1, bits);
	case OP_MOD: return divide(a, b, true, i.off == 1, bits);
	case OP_OR: return a | b;
	case OP_AND: return a & b;
	case OP_XOR: return a ^ b;
	case OP_LSH: return a << n;
	case OP_RSH: return a >> n;
	case OP_ARSH: return (uint64_t)((int64_t)sign(a, bits) >> n);
	case OP_NEG: return -a;
	default: return i.off ? sign(b, i.off) : b; /* OP_MOV */
	}
}

static void do_alu(struct machine *m, struct ash_insn i)
{
	uint64_t *dst = &m->r[insn_dst(i)];
	uint64_t b = i.code & SOURCE_X ? m->r[insn_src(i)] : (uint64_t)(int64_t)i.imm;

	if (insn_op(i) == OP_END) {
		bool swaps = insn_class(i) == CLASS_ALU64 || i.code & SOURCE_X;
		uint64_t keep = i.imm == 64 ? ~0ull : (1ull << i.imm) - 1;
		*dst = swaps ? swap_bytes(*dst, i.imm) : *dst & keep;
	} else if (insn_class(i) == CLASS_ALU64) {
		*dst = alu(i, *dst, b, 64);
	} else {
		*dst = (uint32_t)alu(i, (uint32_t)*dst, (uint32_t)b, 32);
	}
}

static bool compare(struct ash_insn i, uint64_t a, uint64_t b, int bits)
{
	int64_t sa = (int64_t)sign(a, bits), sb = (int64_t)sign(b, bits);

	switch (insn_op(i)) {
	case OP_JEQ: return a == b;
	case OP_JNE: return a != b;
	case OP_JGT: return a > b;
	case OP_JGE: return a >= b;
	case OP_JLT: return a < b;
	case OP_JLE: return a <= b;
	case OP_JSET: return (a & b) != 0;
	case OP_JSGT: return sa > sb;
	case OP_JSGE: return sa >= sb;
	case OP_JSLT: return sa < sb;
	default: return sa <= sb; /* OP_JSLE */
	}
}

static bool taken(const struct machine *m, struct ash_insn i)
{
	uint64_t a = m->r[insn_dst(i)];
	uint64_t b = i.code & SOURCE_X ? m->r[insn_src(i)] : (uint64_t)(int64_t)i.imm;

	if (insn_op(i) == OP_JA)
		return true;
	if (insn_class(i) == CLASS_JMP)
		return compare(i, a, b, 64);
	return compare(i, (uint32_t)a, (uint32_t)b, 32);
}

/* A jump that may lead backward is charged its span each time it is met. */
static void do_jump(struct machine *m, struct ash_insn i)
{
	int32_t distance = i.code == (CLASS_JMP32 | OP_JA) ? i.imm : i.off;

	if (distance < 0 && !charge(m, (uint64_t)-(int64_t)distance))
		return;
	if (taken(m, i))
		m->pc = (uint32_t)((int64_t)m->pc + distance);
}

static void call_local(struct machine *m, uint32_t first)
{
	const struct ash_program *p = m->p;

	if (m->depth + 1 == ASH_DEPTH) {
		stop(m, ASH_STOP_DEPTH);
		return;
	}
	if (!charge(m, ash_function_length(p, ash_function_of(p, first))))
		return;
	m->frame[m->depth].pc = m->pc;
	for (int k = 0; k < 4; k++)
		m->frame[m->depth].saved[k] = m->r[B6 + k];
	m->depth++;
	m->r[B10] -= ASH_FRAME;
	m->pc = first;
}

static void call_helper(struct machine *m, uint32_t id)
{
	if (!charge(m, 1))
		return;
	m->r[B0] = m->run->helper(m->run, id, &m->r[B1]);
	for (int k = B1; k <= B5; k++)
		m->r[k] = 0;
}

static void call_register(struct machine *m, uint64_t value)
{
	uint64_t first = value - ASH_CODE;

	if (value > ASH_HELPER_NONE && value < ASH_HELPER_END)
		call_helper(m, (uint32_t)value);
	else if (first >= m->p->ninsn || !(m->p->mark[first] & ASH_FUNCTION))
		stop(m, ASH_STOP_CALLX);
	else
		call_local(m, (uint32_t)first);
}

static void do_call(struct machine *m, struct ash_insn i)
{
	if (i.code & SOURCE_X)
		call_register(m, m->r[insn_dst(i)]);
	else if (insn_src(i) == CALL_LOCAL)
		call_local(m, (uint32_t)((int64_t)m->pc + i.imm));
	else
		call_helper(m, (uint32_t)i.imm);
}

/* Returns true when the first function returned. */
static bool do_exit(struct machine *m)
{
	if (m->depth == 0)
		return true;
	m->depth--;
	m->pc = m->frame[m->depth].pc;
	for (int k = 0; k < 4; k++)
		m->r[B6 + k] = m->frame[m->depth].saved[k];
	m->r[B10] += ASH_FRAME;
	return false;
}

static void do_load(struct machine *m, struct ash_insn i)
{
	int n = width(i);
	uint8_t *b = bytes(m, m->r[insn_src(i)] + (uint64_t)i.off, n, false);

	if (b)
		m->r[insn_dst(i)] = insn_mode(i) == MODE_MEMSX ? sign(get(b, n), 8 * n)
		                                               : get(b, n);
}

static void do_atomic(struct machine *m, struct ash_insn i)
{
	int n = width(i);
	uint64_t *src = &m->r[insn_src(i)], mask = n == 8 ? ~0ull : 0xffffffff;
	uint8_t *b = bytes(m, m->r[insn_dst(i)] + (uint64_t)i.off, n, true);

	if (!b)
		return;
	uint64_t old = get(b, n), new = *src;
	switch (i.imm & ~ATOMIC_FETCH) {
	case OP_ADD: new += old; break;
	case OP_OR: new |= old; break;
	case OP_AND: new &= old; break;
	case OP_XOR: new ^= old; break;
	case ATOMIC_CMPXCHG & ~ATOMIC_FETCH:
		if (old != (m->r[B0] & mask))
			new = old;
		break;
	}
	set(b, n, new);
	if (i.imm == ATOMIC_CMPXCHG)
		m->r[B0] = old;
	else if (i.imm & ATOMIC_FETCH)
		*src = old;
}

static void do_store(struct machine *m, struct ash_insn i)
{
	uint64_t v = insn_class(i) == CLASS_ST ? (uint64_t)(int64_t)i.imm : m->r[insn_src(i)];
	int n = width(i);

	if (insn_mode(i) == MODE_ATOMIC) {
		do_atomic(m, i);
		return;
	}
	uint8_t *b = bytes(m, m->r[insn_dst(i)] + (uint64_t)i.off, n, true);
	if (b)
		set(b, n, v);
}

static void do_wide(struct machine *m, struct ash_insn i)
{
	uint32_t high = (uint32_t)m->p->insn[m->pc].imm;

	if (insn_src(i) == LDDW_CODE)
		m->r[insn_dst(i)] = ASH_CODE + (uint64_t)((int64_t)m->pc + i.imm);
	else
		m->r[insn_dst(i)] = (uint64_t)high << 32 | (uint32_t)i.imm;
	m->pc++;
}

uint32_t ash_interpret(const struct ash_program *p, struct ash_run *run)
{
	struct machine m = { .p = p, .run = run, .pc = p->start };

	m.r[B1] = run->r1;
	m.r[B2] = run->r2;
	m.r[B10] = ASH_STACK_TOP;
	run->stop = ASH_STOP_OK;
	while (run->stop == ASH_STOP_OK) {
		struct ash_insn i = p->insn[m.pc++];

		switch (insn_class(i)) {
		case CLASS_LD: do_wide(&m, i); break;
		case CLASS_LDX: do_load(&m, i); break;
		case CLASS_ST: case CLASS_STX: do_store(&m, i); break;
		case CLASS_ALU: case CLASS_ALU64: do_alu(&m, i); break;
		default:
			if (insn_op(i) == OP_CALL)
				do_call(&m, i);
			else if (insn_op(i) != OP_EXIT)
				do_jump(&m, i);
			else if (do_exit(&m)) {
				run->r0 = m.r[B0];
				return ASH_STOP_OK;
			}
		}
	}
	return run->stop;
}
