/* dpf/bpf.c - classic BPF: the check and the reference interpreter (dpf/bpf.h).
 *
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "dpf/bpf.h"

static const char unknown[] = "no instruction has this code", no_slot[] = "scratch memory has 16 words",
	outside[] = "jumps out of the program";
_Static_assert(BPF_SLOTS == 16, "as the message says");

static const char *load_fault(struct exo_bpf_insn in, bool to_x)
{
	switch (in.code & ~BPF_CLASS) {
	case BPF_W | BPF_IMM:
	case BPF_W | BPF_LEN:
		return NULL;
	case BPF_W | BPF_MEM:
		return in.k < BPF_SLOTS ? NULL : no_slot;
	case BPF_B | BPF_MSH:
		return to_x ? NULL : unknown;
	case BPF_W | BPF_ABS:
	case BPF_H | BPF_ABS:
	case BPF_B | BPF_ABS:
	case BPF_W | BPF_IND:
	case BPF_H | BPF_IND:
	case BPF_B | BPF_IND:
		return to_x ? unknown : NULL;
	}
	return unknown;
}

static const char *store_fault(struct exo_bpf_insn in)
{
	if (in.code & ~BPF_CLASS)
		return unknown;
	return in.k < BPF_SLOTS ? NULL : no_slot;
}

static const char *alu_fault(struct exo_bpf_insn in)
{
	unsigned op = in.code & BPF_OP;

	if (in.code > 0xff || op > BPF_XOR || (op == BPF_NEG && in.code & BPF_X))
		return unknown;
	if ((op == BPF_DIV || op == BPF_MOD) && !(in.code & BPF_X) && in.k == 0)
		return "divides by the constant 0";
	return NULL;
}

/* i: the instruction's index, n: how many there are. i + 1 + offset must not wrap. */
static const char *jump_fault(struct exo_bpf_insn in, uint32_t i, uint32_t n)
{
	unsigned op = in.code & BPF_OP;

	if (op == BPF_JA && in.code == (BPF_JMP | BPF_JA))
		return i + 1 + in.k < n ? NULL : outside;
	if (op == BPF_JA || op > BPF_JSET || in.code > 0xff)
		return unknown;
	return i + 1 + in.jt < n && i + 1 + in.jf < n ? NULL : outside;
}

static const char *insn_fault(struct exo_bpf_insn in, uint32_t i, uint32_t n)
{
	bool known;

	switch (in.code & BPF_CLASS) {
	case BPF_LD: return load_fault(in, false);
	case BPF_LDX: return load_fault(in, true);
	case BPF_ST:
	case BPF_STX: return store_fault(in);
	case BPF_ALU: return alu_fault(in);
	case BPF_JMP: return jump_fault(in, i, n);
	case BPF_RET: known = in.code == BPF_RET || in.code == (BPF_RET | BPF_A); break;
	default: known = in.code == (BPF_MISC | BPF_TAX) || in.code == (BPF_MISC | BPF_TXA);
	}
	return known ? NULL : unknown;
}

const char *bpf_fault(const struct filter_view *f, uint32_t *at)
{
	const char *fault = NULL;

	for (*at = 0; *at < f->ninsns; ++*at)
		if ((fault = insn_fault(filter_insn(f, *at), *at, f->ninsns)) != NULL)
			return fault;
	--*at;
	return (filter_insn(f, *at).code & BPF_CLASS) == BPF_RET ? NULL
	                                                          : "is the last one, and no return";
}

struct machine {
	const uint8_t *frame;
	uint32_t caplen, wirelen;
	uint32_t a, x, m[BPF_SLOTS];
	uint32_t pc;
	int64_t fuel;
};

static bool fetch(const struct machine *s, uint64_t at, unsigned width, uint32_t *v)
{
	if (at + width > s->caplen)
		return false;
	*v = 0;
	for (unsigned i = 0; i < width; i++)
		*v = *v << 8 | s->frame[at + i];
	return true;
}

static bool load(struct machine *s, struct exo_bpf_insn in)
{
	bool to_x = (in.code & BPF_CLASS) == BPF_LDX;
	uint32_t *r = to_x ? &s->x : &s->a;

	switch (in.code & BPF_MODE) {
	case BPF_IMM: *r = in.k; return true;
	case BPF_LEN: *r = s->wirelen; return true;
	case BPF_MEM: *r = s->m[in.k]; return true;
	case BPF_ABS: return fetch(s, in.k, bpf_width(in.code), r);
	case BPF_IND: return fetch(s, (uint64_t)s->x + in.k, bpf_width(in.code), r);
	default: /* BPF_MSH */
		if (!fetch(s, in.k, 1, r))
			return false;
		*r = (*r & 0xf) << 2;
		return true;
	}
}

static bool alu(struct machine *s, struct exo_bpf_insn in)
{
	uint32_t v = in.code & BPF_X ? s->x : in.k;

	switch (in.code & BPF_OP) {
	case BPF_ADD: s->a += v; break;
	case BPF_SUB: s->a -= v; break;
	case BPF_MUL: s->a *= v; break;
	case BPF_OR: s->a |= v; break;
	case BPF_AND: s->a &= v; break;
	case BPF_XOR: s->a ^= v; break;
	case BPF_LSH: s->a = v < 32 ? s->a << v : 0; break;
	case BPF_RSH: s->a = v < 32 ? s->a >> v : 0; break;
	case BPF_NEG: s->a = -s->a; break;
	case BPF_DIV:
		if (v == 0)
			return false;
		s->a /= v;
		break;
	default: /* BPF_MOD */
		if (v == 0)
			return false;
		s->a %= v;
	}
	return true;
}

static bool jump(struct machine *s, struct exo_bpf_insn in)
{
	uint32_t v = in.code & BPF_X ? s->x : in.k;
	bool taken;

	switch (in.code & BPF_OP) {
	case BPF_JEQ: taken = s->a == v; break;
	case BPF_JGT: taken = s->a > v; break;
	case BPF_JGE: taken = s->a >= v; break;
	case BPF_JSET: taken = s->a & v; break;
	default: /* BPF_JA */
		s->pc += in.k;
		if (in.k >= 0x80000000)
			s->fuel -= -in.k;
		return s->fuel >= 0;
	}
	s->pc += taken ? in.jt : in.jf;
	return true;
}

/* One instruction that is no return; false rejects the frame. */
static bool step(struct machine *s, struct exo_bpf_insn in)
{
	switch (in.code & BPF_CLASS) {
	case BPF_LD:
	case BPF_LDX: return load(s, in);
	case BPF_ST: s->m[in.k] = s->a; return true;
	case BPF_STX: s->m[in.k] = s->x; return true;
	case BPF_ALU: return alu(s, in);
	case BPF_JMP: return jump(s, in);
	default: /* BPF_MISC */
		if (in.code & BPF_TXA)
			s->a = s->x;
		else
			s->x = s->a;
		return true;
	}
}

uint32_t bpf_run(const struct filter_view *f, const uint8_t *frame, uint32_t caplen,
                 uint32_t wirelen)
{
	struct machine s = { .frame = frame, .caplen = caplen, .wirelen = wirelen };

	s.fuel = BPF_FUEL + BPF_FUEL_PER_BYTE * (int64_t)caplen;
	for (;;) {
		struct exo_bpf_insn in = filter_insn(f, s.pc++);

		if ((in.code & BPF_CLASS) == BPF_RET)
			return in.code & BPF_A ? s.a : in.k;
		if (!step(&s, in))
			return 0;
	}
}
