/* RFC 9669, one row for an opcode and edge value, on both engines, over every pair of
 * registers; each run also shows that no other register changed. Then what the decoder
 * refuses, and how runs are cut short.
 * SPDX-License-Identifier: ISC
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "ash/insn.h"
#include "ash/test/pipeline.h"
#include "ash/tool/host.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define MIN64 0x8000000000000000u
#define I(c, d, s, o, k) ((struct ash_insn){ (uint8_t)(c), (uint8_t)((d) | (s) << 4), o, k })
#define EXIT I(0x95, 0, 0, 0, 0)

static struct host host;
static int failures;

static void report(const char *name, const char *why)
{
	if (why)
		printf("not ok %s - %s\n", name, why);
	else
		printf("ok %s\n", name);
	failures += why != NULL;
}

struct code {
	struct ash_insn insn[128];
	uint32_t n;
};

static void add(struct code *c, struct ash_insn i) { c->insn[c->n++] = i; }

static void add_wide(struct code *c, int reg, uint64_t v)
{
	add(c, I(LDDW, reg, 0, 0, (int32_t)(uint32_t)v));
	add(c, I(0, 0, 0, 0, (int32_t)(uint32_t)(v >> 32)));
}

static uint64_t pattern(int reg) { return 0x1122334455667788u * (uint64_t)(reg + 3); }

/* Registers to the stack, below the first 16 bytes. */
static void add_dump(struct code *c)
{
	for (int r = 0; r < 10; r++)
		add(c, I(CLASS_STX | MODE_MEM | SIZE_DW, B10, r, (int16_t)(-24 - 8 * r), 0));
	add(c, EXIT);
}

static uint64_t dumped(int r)
{
	uint64_t v;
	memcpy(&v, host.run.window + ASH_STACK_TOP - 24 - 8 * r, 8);
	return v;
}

static const char *const engines[] = { "native", "interpreter" };

static uint32_t run(int engine)
{
	host.run.budget = ASH_BUDGET;
	host.run.r1 = ASH_CTX;
	host.run.r2 = 0;
	return engine ? host_interpret(&host) : host_native(&host);
}

/* Run c on both engines; regs[] is what r0..r9 must be. Null if so. */
static const char *expect_regs(const struct code *c, const uint64_t *regs)
{
	static char why[200];

	if (host_load(&host, c->insn, c->n, NULL, 0))
		return ash_bad_text(host.program.bad);
	for (int engine = 0; engine < 2; engine++) {
		memset(host.run.window + ASH_STACK_TOP - 128, 0xaa, 112);
		uint32_t stop = run(engine);
		if (stop)
			return ash_stop_text(stop);
		for (int r = 0; r < 10; r++) {
			if (dumped(r) == regs[r])
				continue;
			snprintf(why, sizeof why, "%s: r%d is %" PRIx64 ", not %" PRIx64,
			         engines[engine], r, dumped(r), regs[r]);
			return why;
		}
	}
	return NULL;
}

static const struct alu {
	const char *name;
	uint8_t code; /* class and operation; SOURCE_X is added */
	int16_t off;
	uint64_t a, b, want;
} alus[] = {
	{ "add64_wraps", 0x07, 0, UINT64_MAX, 2, 1 },
	{ "add64_sign_extends_imm", 0x07, 0, 5, UINT64_MAX, 4 },
	{ "add32_clears_the_upper_half", 0x04, 0, UINT64_MAX, 2, 1 },
	{ "sub64_borrows", 0x17, 0, 0, 1, UINT64_MAX },
	{ "sub32_borrows_in_32_bits", 0x14, 0, 0x500000000, 1, 0xffffffff },
	{ "mul64_keeps_the_low_half", 0x27, 0, 0xffffffff00000001, 0x10000, 0xffff000000010000 },
	{ "mul64_by_minus_one", 0x27, 0, 7, UINT64_MAX, (uint64_t)-7 },
	{ "mul32_clears_the_upper_half", 0x24, 0, 0x1ffffffff, 3, 0xfffffffd },
	{ "div64_is_unsigned", 0x37, 0, UINT64_MAX, 2, 0x7fffffffffffffff },
	{ "div64_by_zero_is_zero", 0x37, 0, 77, 0, 0 },
	{ "div64_by_all_ones", 0x37, 0, 5, UINT64_MAX, 0 },
	{ "div32_looks_at_the_low_half", 0x34, 0, 0xffffffff00000009, 2, 4 },
	{ "div32_by_zero_is_zero", 0x34, 0, 0xffffffff00000009, 0, 0 },
	{ "div32_by_zero_in_the_low_half", 0x34, 0, 9, 0x100000000, 0 },
	{ "sdiv64_rounds_to_zero", 0x37, 1, (uint64_t)-7, 2, (uint64_t)-3 },
	{ "sdiv64_by_negative", 0x37, 1, 7, (uint64_t)-2, (uint64_t)-3 },
	{ "sdiv64_least_by_minus_one", 0x37, 1, MIN64, UINT64_MAX, MIN64 },
	{ "sdiv64_by_zero_is_zero", 0x37, 1, MIN64, 0, 0 },
	{ "sdiv32_rounds_to_zero", 0x34, 1, 0xfffffff9, 2, 0xfffffffd },
	{ "sdiv32_least_by_minus_one", 0x34, 1, 0x80000000, UINT64_MAX, 0x80000000 },
	{ "sdiv32_by_zero_is_zero", 0x34, 1, 0xdeadbeef80000000, 0, 0 },
	{ "mod64_is_unsigned", 0x97, 0, UINT64_MAX, 10, 5 },
	{ "mod64_by_zero_keeps_dst", 0x97, 0, 0xffffffff00000009, 0, 0xffffffff00000009 },
	{ "mod32_by_zero_clears_the_upper_half", 0x94, 0, 0xffffffff00000009, 0, 9 },
	{ "mod32_looks_at_the_low_half", 0x94, 0, 0xffffffff00000009, 4, 1 },
	{ "smod64_takes_the_sign_of_dst", 0x97, 1, (uint64_t)-7, 3, (uint64_t)-1 },
	{ "smod64_positive_by_negative", 0x97, 1, 7, (uint64_t)-3, 1 },
	{ "smod64_least_by_minus_one_is_zero", 0x97, 1, MIN64, UINT64_MAX, 0 },
	{ "smod64_by_zero_keeps_dst", 0x97, 1, MIN64, 0, MIN64 },
	{ "smod32_takes_the_sign_of_dst", 0x94, 1, 0xfffffff9, 3, 0xffffffff },
	{ "smod32_least_by_minus_one_is_zero", 0x94, 1, 0x80000000, UINT64_MAX, 0 },
	{ "smod32_by_zero_clears_the_upper_half", 0x94, 1, 0xffffffff80000000, 0, 0x80000000 },
	{ "or64_sign_extends_imm", 0x47, 0, 1, (uint64_t)-256, 0xffffffffffffff01 },
	{ "or32_clears_the_upper_half", 0x44, 0, 0xff00000001, 2, 3 },
	{ "and64_sign_extends_imm", 0x57, 0, 0xf0f0f0f0f0f0f0f0, (uint64_t)-256, 0xf0f0f0f0f0f0f000 },
	{ "and32_clears_the_upper_half", 0x54, 0, UINT64_MAX, UINT64_MAX, 0xffffffff },
	{ "xor64_sign_extends_imm", 0xa7, 0, 0, UINT64_MAX, UINT64_MAX },
	{ "xor32_clears_the_upper_half", 0xa4, 0, UINT64_MAX, 1, 0xfffffffe },
	{ "lsh64_by_63", 0x67, 0, 3, 63, MIN64 },
	{ "lsh64_by_zero", 0x67, 0, MIN64 | 1, 0, MIN64 | 1 },
	{ "lsh64_count_is_masked", 0x67, 0, 1, 65, 2 },
	{ "lsh32_by_zero_clears_the_upper_half", 0x64, 0, 0xf00000001, 0, 1 },
	{ "lsh32_count_is_masked", 0x64, 0, 1, 33, 2 },
	{ "rsh64_by_63", 0x77, 0, UINT64_MAX, 63, 1 },
	{ "rsh64_count_is_masked", 0x77, 0, 4, 64, 4 },
	{ "rsh32_by_zero_clears_the_upper_half", 0x74, 0, 0xf80000000, 0, 0x80000000 },
	{ "rsh32_shifts_in_zeros", 0x74, 0, 0xf80000000, 31, 1 },
	{ "rsh32_count_is_masked", 0x74, 0, 8, 32, 8 },
	{ "arsh64_keeps_the_sign", 0xc7, 0, MIN64, 63, UINT64_MAX },
	{ "arsh64_count_is_masked", 0xc7, 0, MIN64, 64, MIN64 },
	{ "arsh32_sign_is_bit_31", 0xc4, 0, 0x80000000, 31, 0xffffffff },
	{ "arsh32_by_zero_clears_the_upper_half", 0xc4, 0, 0xf80000000, 0, 0x80000000 },
	{ "arsh32_ignores_bit_63", 0xc4, 0, 0xf00000000 | 0x40000000, 30, 1 },
	{ "mov64_sign_extends_imm", 0xb7, 0, 0, UINT64_MAX, UINT64_MAX },
	{ "mov32_clears_the_upper_half", 0xb4, 0, 0, UINT64_MAX, 0xffffffff },
};

static const struct alu extends[] = { /* form X only */
	{ "mov64_sx8", 0xb7, 8, 0, 0x1280, (uint64_t)-128 },
	{ "mov64_sx8_positive", 0xb7, 8, 0, 0xff7f, 0x7f },
	{ "mov64_sx16", 0xb7, 16, 0, 0x128000, (uint64_t)-32768 },
	{ "mov64_sx32", 0xb7, 32, 0, 0x1280000000, 0xffffffff80000000 },
	{ "mov32_sx8_clears_the_upper_half", 0xb4, 8, 0, 0x1280, 0xffffff80 },
	{ "mov32_sx16_clears_the_upper_half", 0xb4, 16, 0, 0x128000, 0xffff8000 },
};

/* d, s: registers; s < 0: form K */
static const char *alu_case(const struct alu *t, int d, int s)
{
	struct code c = { .n = 0 };
	uint64_t regs[10];

	for (int r = 0; r < 10; r++) {
		regs[r] = r == d ? t->a : r == s ? t->b : pattern(r);
		add_wide(&c, r, regs[r]);
	}
	if (s < 0)
		add(&c, I(t->code, d, 0, t->off, (int32_t)(uint32_t)t->b));
	else
		add(&c, I(t->code | SOURCE_X, d, s, t->off, 0));
	add_dump(&c);
	regs[d] = t->want;
	return expect_regs(&c, regs);
}

static bool fits_imm(const struct alu *t)
{
	return (t->code & 7) == CLASS_ALU || (int64_t)t->b == (int32_t)(uint32_t)t->b;
}

static void test_alu(const struct alu *t, bool with_imm)
{
	const char *why = NULL;

	for (int d = 0; d < 10 && !why; d++) {
		if (with_imm && fits_imm(t))
			why = alu_case(t, d, -1);
		for (int s = 0; s < 10 && !why; s++)
			if (s != d)
				why = alu_case(t, d, s);
	}
	report(t->name, why);
}

static const struct {
	const char *name;
	uint8_t code;
	int32_t imm;
	uint64_t a, want;
} unaries[] = {
	{ "neg64", 0x87, 0, 1, UINT64_MAX },
	{ "neg64_least", 0x87, 0, MIN64, MIN64 },
	{ "neg32_clears_the_upper_half", 0x84, 0, 0xff00000001, 0xffffffff },
	{ "le16_truncates", 0xd4, 16, 0x1122334455667788, 0x7788 },
	{ "le32_truncates", 0xd4, 32, 0x1122334455667788, 0x55667788 },
	{ "le64_keeps", 0xd4, 64, 0x1122334455667788, 0x1122334455667788 },
	{ "be16_swaps", 0xdc, 16, 0x1122334455667788, 0x8877 },
	{ "be32_swaps", 0xdc, 32, 0x1122334455667788, 0x88776655 },
	{ "be64_swaps", 0xdc, 64, 0x1122334455667788, 0x8877665544332211 },
	{ "bswap16", 0xd7, 16, 0x1122334455667788, 0x8877 },
	{ "bswap32", 0xd7, 32, 0x1122334455667788, 0x88776655 },
	{ "bswap64", 0xd7, 64, 0x1122334455667788, 0x8877665544332211 },
};

static void test_unary(size_t k)
{
	const char *why = NULL;

	for (int d = 0; d < 10 && !why; d++) {
		struct code c = { .n = 0 };
		uint64_t regs[10];
		for (int r = 0; r < 10; r++)
			add_wide(&c, r, regs[r] = r == d ? unaries[k].a : pattern(r));
		add(&c, I(unaries[k].code, d, 0, 0, unaries[k].imm));
		add_dump(&c);
		regs[d] = unaries[k].want;
		why = expect_regs(&c, regs);
	}
	report(unaries[k].name, why);
}

static const struct {
	const char *name;
	uint8_t op;
	uint64_t a, b;
	bool wide, narrow; /* taken in class JMP, in class JMP32 */
} jumps[] = {
	{ "jeq_equal", OP_JEQ, 5, 5, true, true },
	{ "jeq_upper_half", OP_JEQ, 0x100000005, 5, false, true },
	{ "jne_upper_half", OP_JNE, 0x100000005, 5, true, false },
	{ "jgt_is_unsigned", OP_JGT, UINT64_MAX, 1, true, true },
	{ "jgt_equal", OP_JGT, 1, 1, false, false },
	{ "jgt_upper_half", OP_JGT, 0x100000000, 1, true, false },
	{ "jge_equal", OP_JGE, 1, 1, true, true },
	{ "jge_imm_is_sign_extended", OP_JGE, 0xffffffff, UINT64_MAX, false, true },
	{ "jlt_is_unsigned", OP_JLT, 1, UINT64_MAX, true, true },
	{ "jlt_upper_half", OP_JLT, 0x100000000, 1, false, true },
	{ "jle_equal", OP_JLE, 7, 7, true, true },
	{ "jle_above", OP_JLE, 8, 7, false, false },
	{ "jset_bit", OP_JSET, 6, 2, true, true },
	{ "jset_no_bit", OP_JSET, 5, 2, false, false },
	{ "jset_upper_half", OP_JSET, 0xff00000000, UINT64_MAX, true, false },
	{ "jset_imm_sign_bit", OP_JSET, 0x80000000, 0xffffffff80000000, true, true },
	{ "jsgt_is_signed", OP_JSGT, 1, UINT64_MAX, true, true },
	{ "jsgt_sign_is_bit_31_or_63", OP_JSGT, 0x80000000, 0, true, false },
	{ "jsge_equal", OP_JSGE, UINT64_MAX, UINT64_MAX, true, true },
	{ "jslt_is_signed", OP_JSLT, MIN64, 0, true, false },
	{ "jslt_not", OP_JSLT, 0, UINT64_MAX, false, false },
	{ "jsle_equal", OP_JSLE, 3, 3, true, true },
	{ "jsle_above", OP_JSLE, 3, (uint64_t)-3, false, false },
};

static const char *jump_case(size_t k, int class, int d, int s)
{
	struct code c = { .n = 0 };
	uint64_t regs[10], b = jumps[k].b;
	bool taken = class == CLASS_JMP ? jumps[k].wide : jumps[k].narrow;
	int marker = d == 9 || s == 9 ? d == 8 || s == 8 ? 7 : 8 : 9;

	if (s < 0 && (int64_t)b != (int32_t)(uint32_t)b)
		return NULL;
	for (int r = 0; r < 10; r++)
		add_wide(&c, r, regs[r] = r == d ? jumps[k].a : r == s ? b : pattern(r));
	if (s < 0)
		add(&c, I(class | jumps[k].op, d, 0, 1, (int32_t)(uint32_t)b));
	else
		add(&c, I(class | jumps[k].op | SOURCE_X, d, s, 1, 0));
	add(&c, I(0xb7, marker, 0, 0, 1));
	add_dump(&c);
	regs[marker] = taken ? regs[marker] : 1;
	return expect_regs(&c, regs);
}

static void test_jump(size_t k)
{
	const char *why = NULL;

	for (int class = CLASS_JMP; class <= CLASS_JMP32; class++)
		for (int d = 0; d < 10; d++)
			for (int s = -1; s < 10 && !why; s++)
				if (s != d)
					why = jump_case(k, class, d, s);
	report(jumps[k].name, why);
}

static const struct {
	const char *name;
	uint8_t size;
	int32_t imm;
	uint64_t mem, src, r0;       /* before */
	uint64_t mem1, src1, r01;    /* after */
} atomics[] = {
#define X64 SIZE_DW
#define X32 SIZE_W
	{ "add64", X64, 0x00, 5, 7, 1, 12, 7, 1 },
	{ "add32_leaves_the_rest", X32, 0x00, 0xaaaaaaaaffffffff, 2, 1, 0xaaaaaaaa00000001, 2, 1 },
	{ "or64", X64, 0x40, 5, 2, 1, 7, 2, 1 },
	{ "or32", X32, 0x40, 0xff00000005, 0xee00000002, 1, 0xff00000007, 0xee00000002, 1 },
	{ "and64", X64, 0x50, 6, 3, 1, 2, 3, 1 },
	{ "and32", X32, 0x50, 0xff00000006, 3, 1, 0xff00000002, 3, 1 },
	{ "xor64", X64, 0xa0, 6, 3, 1, 5, 3, 1 },
	{ "xor32", X32, 0xa0, 0xff00000006, 3, 1, 0xff00000005, 3, 1 },
	{ "fetch_add64", X64, 0x01, 5, 7, 1, 12, 5, 1 },
	{ "fetch_add32_zero_extends", X32, 0x01, 0xaaaaaaaaffffffff, 2, 1, 0xaaaaaaaa00000001, 0xffffffff, 1 },
	{ "fetch_or64", X64, 0x41, 5, 2, 1, 7, 5, 1 },
	{ "fetch_or32", X32, 0x41, 0xff00000005, 0xee00000002, 1, 0xff00000007, 5, 1 },
	{ "fetch_and64", X64, 0x51, 6, 3, 1, 2, 6, 1 },
	{ "fetch_and32", X32, 0x51, 0xff00000006, 3, 1, 0xff00000002, 6, 1 },
	{ "fetch_xor64", X64, 0xa1, 6, 3, 1, 5, 6, 1 },
	{ "fetch_xor32", X32, 0xa1, 0xff00000006, 3, 1, 0xff00000005, 6, 1 },
	{ "xchg64", X64, 0xe1, 6, 3, 1, 3, 6, 1 },
	{ "xchg32", X32, 0xe1, 0xff00000006, 0xee00000003, 1, 0xff00000003, 6, 1 },
	{ "cmpxchg64_equal", X64, 0xf1, 6, 3, 6, 3, 3, 6 },
	{ "cmpxchg64_other", X64, 0xf1, 6, 3, 5, 6, 3, 6 },
	{ "cmpxchg32_equal_clears_r0", X32, 0xf1, 0xff00000006, 3, 0xee00000006, 0xff00000003, 3, 6 },
	{ "cmpxchg32_other_clears_r0", X32, 0xf1, 0xff00000006, 3, 0xee00000005, 0xff00000006, 3, 6 },
#undef X64
#undef X32
};

/* Base register b, source s; where s or b is r0, only the engines are compared. */
static const char *atomic_case(size_t k, int b, int s)
{
	static char why[120];
	struct code c = { .n = 0 };
	uint64_t after[2][11];

	for (int r = 0; r < 10; r++)
		add_wide(&c, r, r == s ? atomics[k].src : r == 0 ? atomics[k].r0 : pattern(r));
	if (b != B10) /* junk above the offset must not count */
		add_wide(&c, b, (ASH_STACK_TOP - 8 - 100) | 0xabcd00000000);
	add(&c, I(CLASS_STX | MODE_ATOMIC | atomics[k].size, b, s, b == B10 ? -8 : 100,
	          atomics[k].imm));
	add_dump(&c);
	if (host_load(&host, c.insn, c.n, NULL, 0))
		return ash_bad_text(host.program.bad);
	for (int engine = 0; engine < 2; engine++) {
		memcpy(host.run.window + ASH_STACK_TOP - 8, &atomics[k].mem, 8);
		uint32_t stop = run(engine);
		if (stop)
			return ash_stop_text(stop);
		for (int r = 0; r < 10; r++)
			after[engine][r] = dumped(r);
		memcpy(&after[engine][10], host.run.window + ASH_STACK_TOP - 8, 8);
	}
	snprintf(why, sizeof why, "base r%d, source r%d", b, s);
	if (memcmp(after[0], after[1], sizeof after[0]))
		return why;
	if (s == 0 || b == 0 || s == b)
		return NULL;
	bool right = after[0][s] == atomics[k].src1 && after[0][0] == atomics[k].r01 &&
	             after[0][10] == atomics[k].mem1;
	for (int r = 1; r < 10; r++)
		right = right && (r == s || r == b || after[0][r] == pattern(r));
	return right ? NULL : why;
}

static void test_atomic(size_t k)
{
	const char *why = NULL;
	char name[64];

	for (int b = 0; b <= 10; b++)
		for (int s = 0; s < 10 && !why; s++)
			why = atomic_case(k, b, s);
	snprintf(name, sizeof name, "atomic_%s", atomics[k].name);
	report(name, why);
}

static const struct {
	const char *name;
	uint8_t code;
	uint64_t want;
} loads[] = {
	{ "ldxb", 0x71, 0x88 }, { "ldxh", 0x69, 0x9988 }, { "ldxw", 0x61, 0xbbaa9988 },
	{ "ldxdw", 0x79, 0xffeeddccbbaa9988 }, { "ldxsb", 0x91, 0xffffffffffffff88 },
	{ "ldxsh", 0x89, 0xffffffffffff9988 }, { "ldxsw", 0x81, 0xffffffffbbaa9988 },
};

static void test_load(size_t k)
{
	static const uint64_t mem = 0xffeeddccbbaa9988;
	const char *why = NULL;

	for (int d = 0; d < 10; d++) {
		for (int b = 0; b <= 10 && !why; b++) {
			struct code c = { .n = 0 };
			uint64_t regs[10];
			for (int r = 0; r < 10; r++)
				add_wide(&c, r, regs[r] = r == b ? ASH_STACK_TOP + 32760 : pattern(r));
			add(&c, I(loads[k].code, d, b, b == B10 ? -8 : -32768, 0));
			add_dump(&c);
			regs[d] = loads[k].want;
			memcpy(host.run.window + ASH_STACK_TOP - 8, &mem, 8);
			why = expect_regs(&c, regs);
		}
	}
	report(loads[k].name, why);
}

static void test_store(const char *name, uint8_t code, uint64_t value, uint64_t want)
{
	const char *why = NULL;
	bool imm = (code & 7) == CLASS_ST;

	for (int s = 0; s < 10; s++) {
		for (int b = 0; b <= 10 && !why; b++) {
			struct code c = { .n = 0 };
			uint64_t regs[10], seen;
			if (s == b)
				continue;
			for (int r = 0; r < 10; r++)
				add_wide(&c, r, regs[r] = r == b   ? ASH_STACK_TOP - 16
				                          : r == s ? value
				                                   : pattern(r));
			add(&c, I(code, b, imm ? 0 : s, b == B10 ? -8 : 8, imm ? (int32_t)value : 0));
			add_dump(&c);
			memset(host.run.window + ASH_STACK_TOP - 8, 0, 8);
			why = expect_regs(&c, regs);
			memcpy(&seen, host.run.window + ASH_STACK_TOP - 8, 8);
			if (!why && seen != want)
				why = "memory differs";
		}
	}
	report(name, why);
}

static const struct {
	const char *name;
	struct ash_insn insn[4];
	uint32_t n, at;
	enum ash_bad bad;
} refused[] = {
	{ "refuses_empty", { EXIT }, 0, 0, ASH_BAD_EMPTY },
	{ "refuses_ldabs", { I(0x30, 0, 0, 0, 0), EXIT }, 2, 0, ASH_BAD_PACKET },
	{ "refuses_ldind", { I(0x50, 0, 1, 0, 0), EXIT }, 2, 0, ASH_BAD_PACKET },
	{ "refuses_register_11", { I(0xb7, 11, 0, 0, 0), EXIT }, 2, 0, ASH_BAD_REGISTER },
	{ "refuses_source_register_15", { I(0xbf, 0, 15, 0, 0), EXIT }, 2, 0, ASH_BAD_REGISTER },
	{ "refuses_writing_r10", { I(0xb7, 10, 0, 0, 0), EXIT }, 2, 0, ASH_BAD_READ_ONLY },
	{ "refuses_loading_r10", { I(0x79, 10, 1, 0, 0), EXIT }, 2, 0, ASH_BAD_READ_ONLY },
	{ "refuses_lddw_r10", { I(0x18, 10, 0, 0, 0), I(0, 0, 0, 0, 0), EXIT }, 3, 0, ASH_BAD_READ_ONLY },
	{ "refuses_fetching_into_r10", { I(0xdb, 1, 10, 0, 1), EXIT }, 2, 0, ASH_BAD_READ_ONLY },
	{ "refuses_imm_with_x", { I(0x0f, 0, 1, 0, 1), EXIT }, 2, 0, ASH_BAD_FIELD },
	{ "refuses_src_with_k", { I(0x07, 0, 1, 0, 1), EXIT }, 2, 0, ASH_BAD_FIELD },
	{ "refuses_off_of_add", { I(0x07, 0, 0, 1, 1), EXIT }, 2, 0, ASH_BAD_FIELD },
	{ "refuses_div_off_2", { I(0x37, 0, 0, 2, 1), EXIT }, 2, 0, ASH_BAD_OFFSET },
	{ "refuses_mov_off_7", { I(0xbf, 0, 1, 7, 0), EXIT }, 2, 0, ASH_BAD_OFFSET },
	{ "refuses_mov32_off_32", { I(0xbc, 0, 1, 32, 0), EXIT }, 2, 0, ASH_BAD_OFFSET },
	{ "refuses_bswap_24", { I(0xd7, 0, 0, 0, 24), EXIT }, 2, 0, ASH_BAD_IMMEDIATE },
	{ "refuses_alu_op_e0", { I(0xe7, 0, 0, 0, 0), EXIT }, 2, 0, ASH_BAD_OPCODE },
	{ "refuses_jmp_op_f0", { I(0xf5, 0, 0, 0, 0), EXIT }, 2, 0, ASH_BAD_OPCODE },
	{ "refuses_exit32", { I(0x96, 0, 0, 0, 0), EXIT }, 2, 0, ASH_BAD_OPCODE },
	{ "refuses_call32", { I(0x86, 0, 0, 0, 4), EXIT }, 2, 0, ASH_BAD_OPCODE },
	{ "refuses_signed_ldxdw", { I(0x99, 0, 1, 0, 0), EXIT }, 2, 0, ASH_BAD_OPCODE },
	{ "refuses_atomic_byte", { I(0xd3, 1, 0, 0, 0), EXIT }, 2, 0, ASH_BAD_OPCODE },
	{ "refuses_atomic_sub", { I(0xdb, 1, 0, 0, 0x10), EXIT }, 2, 0, ASH_BAD_IMMEDIATE },
	{ "refuses_xchg_without_fetch", { I(0xdb, 1, 0, 0, 0xe0), EXIT }, 2, 0, ASH_BAD_IMMEDIATE },
	{ "refuses_half_a_lddw", { I(0x18, 0, 0, 0, 0) }, 1, 0, ASH_BAD_WIDE },
	{ "refuses_bad_second_half", { I(0x18, 0, 0, 0, 0), EXIT }, 2, 0, ASH_BAD_WIDE },
	{ "refuses_map_lddw", { I(0x18, 0, 1, 0, 0), I(0, 0, 0, 0, 0), EXIT }, 3, 0, ASH_BAD_MAP },
	{ "refuses_jump_into_lddw", { I(0x05, 0, 0, 1, 0), I(0x18, 0, 0, 0, 0), I(0, 0, 0, 0, 0), EXIT }, 4, 0, ASH_BAD_TARGET },
	{ "refuses_jump_past_the_end", { I(0x05, 0, 0, 1, 0), EXIT }, 2, 0, ASH_BAD_TARGET },
	{ "refuses_jump_before_the_start", { I(0x05, 0, 0, -2, 0), EXIT }, 2, 0, ASH_BAD_TARGET },
	{ "refuses_far_jump", { I(0x06, 0, 0, 0, INT32_MAX), EXIT }, 2, 0, ASH_BAD_TARGET },
	{ "refuses_call_past_the_end", { I(0x85, 0, 1, 0, 1), EXIT }, 2, 0, ASH_BAD_CALLEE },
	{ "refuses_call_to_the_far_end", { I(0x85, 0, 1, 0, INT32_MIN), EXIT }, 2, 0, ASH_BAD_CALLEE },
	{ "refuses_helper_0", { I(0x85, 0, 0, 0, 0), EXIT }, 2, 0, ASH_BAD_HELPER },
	{ "refuses_helper_9999", { I(0x85, 0, 0, 0, 9999), EXIT }, 2, 0, ASH_BAD_HELPER },
	{ "refuses_helper_minus_1", { I(0x85, 0, 0, 0, -1), EXIT }, 2, 0, ASH_BAD_HELPER },
	{ "refuses_call_by_btf_id", { I(0x85, 0, 2, 0, 1), EXIT }, 2, 0, ASH_BAD_HELPER },
	{ "refuses_running_off_the_end", { I(0xb7, 0, 0, 0, 0) }, 1, 0, ASH_BAD_END },
	{ "refuses_conditional_end", { I(0x15, 0, 0, -1, 0) }, 1, 0, ASH_BAD_END },
	{ "refuses_running_into_a_function", { I(0x85, 0, 1, 0, 0), I(0xb7, 0, 0, 0, 0), EXIT }, 3, 0, ASH_BAD_END },
	{ "refuses_jump_into_a_function", { I(0x85, 0, 1, 0, 1), I(0x05, 0, 0, 0, 0), EXIT }, 3, 1, ASH_BAD_CROSS },
};

static void test_refused(size_t k)
{
	int err = host_load(&host, refused[k].insn, refused[k].n, NULL, 0);
	bool right = err == -E_INVAL && host.program.bad == refused[k].bad &&
	             host.program.at == refused[k].at;

	report(refused[k].name, right ? NULL : ash_bad_text(host.program.bad));
}

static const struct {
	const char *name;
	struct ash_insn insn[6];
	uint32_t n;
	enum ash_stop stop;
} hostile[] = {
	{ "endless_loop_of_one", { I(0x05, 0, 0, -1, 0) }, 1, ASH_STOP_BUDGET },
	{ "endless_wide_jump", { I(0x06, 0, 0, 0, -1) }, 1, ASH_STOP_BUDGET },
	{ "endless_conditional_loop", { I(0x15, 0, 0, -1, 0), EXIT }, 2, ASH_STOP_BUDGET },
	{ "endless_recursion", { I(0x85, 0, 1, 0, -1), EXIT }, 2, ASH_STOP_DEPTH },
	{ "exponential_calls", { I(0x85, 0, 1, 0, 1), EXIT, I(0xb7, 0, 0, 0, 0), I(0x15, 0, 0, -2, 0), EXIT }, 5, ASH_STOP_BUDGET },
	{ "null_load", { I(0xb7, 1, 0, 0, 0), I(0x79, 0, 1, 0, 0), EXIT }, 3, ASH_STOP_FAULT },
	{ "load_at_minus_1", { I(0xb7, 1, 0, 0, -1), I(0x79, 0, 1, 0, 0), EXIT }, 3, ASH_STOP_FAULT },
	{ "load_at_2_31", { I(0xb4, 1, 0, 0, INT32_MIN), I(0x79, 0, 1, 32767, 0), EXIT }, 3, ASH_STOP_FAULT },
	{ "store_below_the_window", { I(0xb7, 1, 0, 0, 0), I(0x7a, 1, 0, -32768, 1), EXIT }, 3, ASH_STOP_FAULT },
	{ "store_above_the_window", { I(0xb4, 1, 0, 0, -1), I(0x7a, 1, 0, 32767, 1), EXIT }, 3, ASH_STOP_FAULT },
	{ "stack_overflow", { I(0x7a, 10, 0, -16392, 1), EXIT }, 2, ASH_STOP_FAULT },
	{ "stack_underflow", { I(0x7a, 10, 0, 0, 1), EXIT }, 2, ASH_STOP_FAULT },
	{ "load_across_the_end_of_the_stack", { I(0x79, 0, 10, -4, 0), EXIT }, 2, ASH_STOP_FAULT },
	{ "atomic_at_null", { I(0xb7, 1, 0, 0, 0), I(0xdb, 1, 0, 8, 0x41), EXIT }, 3, ASH_STOP_FAULT },
	{ "cmpxchg_at_r0", { I(0xb7, 0, 0, 0, 64), I(0xdb, 0, 1, 8, 0xf1), EXIT }, 3, ASH_STOP_FAULT },
	{ "fault_in_a_callee", { I(0x85, 0, 1, 0, 1), EXIT, I(0xb7, 1, 0, 0, 0), I(0x79, 0, 1, 0, 0), EXIT }, 5, ASH_STOP_FAULT },
	{ "callx_of_zero", { I(0xb7, 1, 0, 0, 0), I(0x8d, 1, 0, 0, 0), EXIT }, 3, ASH_STOP_CALLX },
	{ "callx_of_no_helper", { I(0xb7, 1, 0, 0, ASH_HELPER_END), I(0x8d, 1, 0, 0, 0), EXIT }, 3, ASH_STOP_CALLX },
	{ "callx_into_a_function", { I(0x18, 1, 0, 0, 1), I(0, 0, 0, 0, 1), I(0x8d, 1, 0, 0, 0), EXIT }, 4, ASH_STOP_CALLX },
	{ "callx_far_away", { I(0xb7, 1, 0, 0, -1), I(0x8d, 1, 0, 0, 0), EXIT }, 3, ASH_STOP_CALLX },
	{ "callx_of_itself", { I(0x18, 1, 4, 0, -1), I(0, 0, 0, 0, 0), I(0x8d, 1, 0, 0, 0), EXIT }, 4, ASH_STOP_DEPTH },
};

/* The same end, budget left on both engines; the next program still works. */
static void test_hostile(size_t k)
{
	uint64_t left[2];
	const char *why = NULL;

	if (host_load(&host, hostile[k].insn, hostile[k].n, NULL, 0))
		why = ash_bad_text(host.program.bad);
	for (int engine = 0; engine < 2 && !why; engine++) {
		uint32_t stop = run(engine);
		left[engine] = host.run.budget;
		if (stop != hostile[k].stop || host.run.stop != stop)
			why = ash_stop_text(stop);
	}
	if (!why && left[0] != left[1])
		why = "the engines left different budgets";
	static const struct ash_insn good[] = { I(0xb7, 0, 0, 0, 42), EXIT };
	if (!why && (host_load(&host, good, 2, NULL, 0) || run(0) || host.run.r0 != 42))
		why = "the next program did not run";
	report(hostile[k].name, why);
}

/* r6..r9 survive a call, each call has a stack of its own, callx reaches its function. */
static void test_calls(void)
{
	static const struct ash_insn local[] = {
		I(0xb7, 6, 0, 0, 40), I(0x7a, 10, 0, -8, 1), I(0x18, 2, 4, 0, 5), I(0, 0, 0, 0, 0),
		I(0x8d, 2, 0, 0, 0), I(0x79, 1, 10, -8, 0), I(0x0f, 0, 6, 0, 0), EXIT,
		I(0xb7, 6, 0, 0, 9), I(0x7a, 10, 0, -8, 9), I(0xb7, 0, 0, 0, 2), EXIT,
	};
	const char *why = NULL;

	if (host_load(&host, local, COUNT(local), NULL, 0))
		why = ash_bad_text(host.program.bad);
	for (int engine = 0; engine < 2 && !why; engine++)
		if (run(engine) || host.run.r0 != 42)
			why = ash_stop_text(host.run.stop);
	report("call_keeps_r6_and_the_callers_stack", why);
}

static const struct {
	const char *name;
	uint32_t id;
	int64_t arg[3];
	int64_t want;
	uint64_t charged; /* bytes, besides the call's 1 */
} helpers[] = {
	{ "sum_of_rfc1071", ASH_HELPER_SUM, { ASH_STACK_TOP - 16, 8, 0 }, 0xddf2, 8 },
	{ "sum_of_an_odd_length", ASH_HELPER_SUM, { ASH_STACK_TOP - 16, 3, 0 }, 0xf201, 3 },
	{ "sum_continues", ASH_HELPER_SUM, { ASH_STACK_TOP - 16, 8, 0xffff1 }, 0xddf3, 8 },
	{ "sum_of_nothing", ASH_HELPER_SUM, { 0, 0, 7 }, 7, 0 },
	{ "sum_outside_the_window", ASH_HELPER_SUM, { 0, 1, 0 }, -E_FAULT, 0 },
	{ "sum_past_the_stack", ASH_HELPER_SUM, { ASH_STACK_TOP - 8, 9, 0 }, -E_FAULT, 0 },
	{ "sum_of_everything", ASH_HELPER_SUM, { ASH_STACK, -1, 0 }, -E_FAULT, 0 },
	{ "sum_beyond_32_bits", ASH_HELPER_SUM, { 0x100000000 + ASH_STACK, 8, 0 }, -E_FAULT, 0 },
	{ "copy_inside_the_stack", ASH_HELPER_COPY, { ASH_STACK, ASH_STACK_TOP - 16, 8 }, 0, 8 },
	{ "copy_with_overlap", ASH_HELPER_COPY, { ASH_STACK + 1, ASH_STACK, 100 }, 0, 100 },
	{ "copy_from_null", ASH_HELPER_COPY, { ASH_STACK, 0, 8 }, -E_FAULT, 0 },
	{ "copy_to_null", ASH_HELPER_COPY, { 0, ASH_STACK, 8 }, -E_FAULT, 0 },
	{ "copy_past_the_window", ASH_HELPER_COPY, { 0xffffffff, ASH_STACK, 8 }, -E_FAULT, 0 },
	{ "random_is_splitmix64", ASH_HELPER_RANDOM, { 0, 0, 0 }, (int64_t)0xe220a8397b1dcdaf, 0 },
	{ "wake", ASH_HELPER_WAKE, { 0, 0, 0 }, 0, 0 },
	{ "count", ASH_HELPER_COUNT, { ASH_COUNTERS - 1, 5, 0 }, 0, 0 },
	{ "count_of_no_counter", ASH_HELPER_COUNT, { ASH_COUNTERS, 5, 0 }, -E_INVAL, 0 },
	{ "count_of_a_far_counter", ASH_HELPER_COUNT, { 1ll << 32, 5, 0 }, -E_INVAL, 0 },
	{ "dilp_of_no_pipeline", ASH_HELPER_DILP, { 0, ASH_STACK, ASH_STACK }, -E_INVAL, 0 },
	{ "time_is_the_runs", ASH_HELPER_TIME, { 0, 0, 0 }, 123456789, 0 },
};

/* Called by number, or, as clang does where it picks one of several, through a register. */
static const char *helper_case(size_t k, int engine, bool in_register)
{
	static const uint8_t rfc1071[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	struct code c = { .n = 0 };

	for (int r = 0; r < 3; r++)
		add_wide(&c, B1 + r, (uint64_t)helpers[k].arg[r]);
	add_wide(&c, B6, helpers[k].id);
	add(&c, in_register ? I(0x8d, B6, 0, 0, 0) : I(0x85, 0, 0, 0, (int32_t)helpers[k].id));
	for (int r = B1; r <= B5; r++) /* r0 would change if any were left */
		add(&c, I(0x0f, 0, r, 0, 0));
	add(&c, EXIT);
	if (host_load(&host, c.insn, c.n, NULL, 0))
		return ash_bad_text(host.program.bad);
	memcpy(host.run.window + ASH_STACK_TOP - 16, rfc1071, 8);
	host.run.time = 123456789;
	host.run.random = 0;
	if (run(engine))
		return ash_stop_text(host.run.stop);
	if ((int64_t)host.run.r0 != helpers[k].want)
		return "wrong value";
	return ASH_BUDGET - host.run.budget == 1 + helpers[k].charged ? NULL : "wrong charge";
}

static void test_helper(size_t k)
{
	const char *why = NULL;

	for (int way = 0; way < 4 && !why; way++)
		why = helper_case(k, way & 1, way & 2);
	report(helpers[k].name, why);
}

/* The budget ends inside a helper, in a nested call: both engines stop alike. */
static void test_helper_budget(void)
{
	static const struct ash_insn nested[] = {
		I(0x85, 0, 1, 0, 1), EXIT, I(0xb7, 1, 0, 0, ASH_STACK), I(0xb7, 2, 0, 0, 4096),
		I(0xb7, 3, 0, 0, 0), I(0x85, 0, 0, 0, ASH_HELPER_SUM), EXIT,
	};
	const char *why = NULL;

	if (host_load(&host, nested, COUNT(nested), NULL, 0))
		why = ash_bad_text(host.program.bad);
	for (int engine = 0; engine < 2 && !why; engine++) {
		host.run.budget = 100;
		uint32_t stop = engine ? host_interpret(&host) : host_native(&host);
		if (stop != ASH_STOP_BUDGET || host.run.budget != 0)
			why = "did not stop";
	}
	report("helper_past_the_budget_stops_the_run", why);
}

/* A pipeline of the owner's, in the place of a separate copy and checksum: the payload of a
 * frame goes to its place while it is summed. */
static void test_dilp_helper(void)
{
	static const struct dilp_pipe pipe[] = { { .kind = DILP_COPY }, { .kind = DILP_SUM } };
	static const uint8_t rfc1071[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	uint8_t *stack = host.run.window + ASH_STACK;
	struct ash_dilp_result result;
	struct dilp d;
	struct code c = { .n = 0 };
	const char *why = NULL;

	add_wide(&c, B1, 0);
	add_wide(&c, B2, ASH_STACK + 512);
	add_wide(&c, B3, ASH_STACK);
	add_wide(&c, B4, 8);
	add_wide(&c, B5, ASH_STACK + 1024);
	add(&c, I(0x85, 0, 0, 0, ASH_HELPER_DILP));
	add(&c, EXIT);
	if (pipeline_open(&d, pipe, 2) || host_load(&host, c.insn, c.n, NULL, 0))
		why = "does not load";
	host.run.dilp = &d;
	host.run.ndilp = 1;
	for (int engine = 0; engine < 2 && !why; engine++) {
		memset(stack, 0, 2048);
		memcpy(stack, rfc1071, 8);
		if (run(engine) || host.run.r0 || ASH_BUDGET - host.run.budget != 9)
			why = "wrong end";
		memcpy(&result, stack + 1024, sizeof result);
		if (!why && (memcmp(stack + 512, rfc1071, 8) || result.sum != 0xddf2))
			why = "wrong bytes";
	}
	host.run.ndilp = 0;
	report("dilp_copies_and_sums_in_one_pass", why);
}

int main(void)
{
	if (host_open(&host)) {
		printf("not ok window - cannot reserve it\n");
		return 1;
	}
	for (size_t k = 0; k < COUNT(alus); k++)
		test_alu(&alus[k], true);
	for (size_t k = 0; k < COUNT(extends); k++)
		test_alu(&extends[k], false);
	for (size_t k = 0; k < COUNT(unaries); k++)
		test_unary(k);
	for (size_t k = 0; k < COUNT(jumps); k++)
		test_jump(k);
	for (size_t k = 0; k < COUNT(atomics); k++)
		test_atomic(k);
	for (size_t k = 0; k < COUNT(loads); k++)
		test_load(k);
	test_store("stxb", 0x73, 0x1122334455667788, 0x88);
	test_store("stxh", 0x6b, 0x1122334455667788, 0x7788);
	test_store("stxw", 0x63, 0x1122334455667788, 0x55667788);
	test_store("stxdw", 0x7b, 0x1122334455667788, 0x1122334455667788);
	test_store("stb", 0x72, (uint64_t)-2, 0xfe);
	test_store("sth", 0x6a, (uint64_t)-2, 0xfffe);
	test_store("stw", 0x62, (uint64_t)-2, 0xfffffffe);
	test_store("stdw_sign_extends", 0x7a, (uint64_t)-2, (uint64_t)-2);
	for (size_t k = 0; k < COUNT(refused); k++)
		test_refused(k);
	for (size_t k = 0; k < COUNT(hostile); k++)
		test_hostile(k);
	test_calls();
	for (size_t k = 0; k < COUNT(helpers); k++)
		test_helper(k);
	test_helper_budget();
	test_dilp_helper();
	host_close(&host);
	return failures != 0;
}
