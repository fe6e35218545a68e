/* Random programs, compiler against interpreter: the same end, r0, budget and memory; and
 * the emitted code passes the independent checker.
 *   fuzz_test [PROGRAMS [SEED]]    50000 programs of a fixed seed otherwise
 * SPDX-License-Identifier: ISC
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ash/insn.h"
#include "ash/test/checker.h"

enum { BODY_MAX = 40, INSNS_MAX = 640, DATA = 4096, CTX = 4096, STACK = ASH_STACK_TOP - ASH_STACK, PROGRAMS = 50000 };
#define I(c, d, s, o, k) ((struct ash_insn){ (uint8_t)(c), (uint8_t)((d) | (s) << 4), o, k })

static struct host host;
static uint64_t state;
static struct ash_insn insn[INSNS_MAX];
static uint32_t n;

static uint64_t next(void) /* xorshift64* */
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1d;
}

static uint32_t below(uint32_t m) { return (uint32_t)(next() >> 33) % m; }

static int64_t value(void)
{
	static const int64_t edge[] = { 0, 1, -1, 31, 32, 63, 64, INT32_MIN, INT32_MAX, INT64_MIN,
		INT64_MAX, 0xffffffff, 0x100000000, ASH_DATA, ASH_DATA + DATA - 8, ASH_STACK_TOP - 64 };

	return below(3) ? edge[below(16)] : (int64_t)next() >> below(64);
}

static void add(struct ash_insn i) { insn[n++] = i; }

static void add_wide(int reg, int64_t v)
{
	add(I(LDDW, reg, 0, 0, (int32_t)(uint32_t)v));
	add(I(0, 0, 0, 0, (int32_t)(uint32_t)((uint64_t)v >> 32)));
}

/* The low byte or half of a register. */
static void add_mask(int class, int d, int s)
{
	add(I(class | OP_MOV | SOURCE_X, d, s, 0, 0));
	add(I(class | OP_AND, d, 0, 0, below(2) ? 0xff : 0xffff));
}

static void add_alu(void)
{
	int op = (int)below(14) << 4, class = below(2) ? CLASS_ALU64 : CLASS_ALU;
	bool x = below(2);
	int d = (int)below(10), s = (int)below(11);

	if (op == OP_END) {
		x = x && class == CLASS_ALU;
		add(I(class | op | (x ? SOURCE_X : 0), d, 0, 0, 16 << below(3)));
	} else if (op == OP_NEG) {
		add(I(class | op, d, 0, 0, 0));
	} else {
		int off = op == OP_DIV || op == OP_MOD ? (int)below(2) : 0;
		if (op == OP_MOV && x)
			off = (int[]){ 0, 8, 16, 32 }[below(class == CLASS_ALU64 ? 4 : 3)];
		if (x)
			add(I(class | op | SOURCE_X, d, s, (int16_t)off, 0));
		else if (op == OP_AND && below(2))
			add_mask(class, d, s);
		else
			add(I(class | op, d, 0, (int16_t)off, (int32_t)value()));
	}
}

/* Mostly through r10 or a register just set to point into the data. */
static int base(void)
{
	if (below(3) == 0)
		return B10;
	int b = below(40) ? 6 + (int)below(3) : (int)below(10);
	if (below(2))
		add_wide(b, (ASH_DATA + 1024 + (int64_t)below(2048)) | (int64_t)(next() << 32));
	return b;
}

/* A register that differs from b by a constant, which the compiler may know. */
static int derived(int b)
{
	int class = below(4) ? CLASS_ALU64 : CLASS_ALU, d = (int)below(10);

	if (below(3))
		return b;
	if (below(8))
		add(I(class | OP_MOV | SOURCE_X, d, b, 0, 0));
	if (below(4))
		add(I(class | OP_ADD, d, 0, 0, below(20) ? (int32_t)below(200) - 100 : (int32_t)value()));
	if (below(4) == 0)
		add(I(class | OP_SUB, d, 0, 0, (int32_t)below(200) - 100));
	return d;
}

/* A load through a sum of b and an index, mostly into the register that held it. */
static void add_indexed(int b, int size, int16_t off)
{
	int d = (int)below(10), index = (int)below(10);

	if (below(8))
		add(I(CLASS_ALU64 | OP_MOV, index, 0, 0, (int32_t)below(500) - 250));
	if (below(8))
		add(I(CLASS_ALU64 | OP_MOV | SOURCE_X, d, b, 0, 0));
	add(I((below(8) ? CLASS_ALU64 : CLASS_ALU) | OP_ADD | SOURCE_X, d, index, 0, 0));
	add(I(CLASS_LDX | (below(4) && size != SIZE_DW ? MODE_MEMSX : MODE_MEM) | size,
	      below(8) ? d : (int)below(10), d, off, 0));
}

static int16_t offset(int b)
{
	if (below(200) == 0)
		return (int16_t)next();
	return b == B10 ? (int16_t)-(int)(8 + below(400)) : (int16_t)((int)below(1000) - 500);
}

static void add_memory(void)
{
	static const uint8_t sizes[] = { SIZE_B, SIZE_H, SIZE_W, SIZE_DW };
	static const int32_t ops[] = { 0, 0x40, 0x50, 0xa0, 1, 0x41, 0x51, 0xa1, 0xe1, 0xf1 };
	int size = sizes[below(4)], first = base(), b = derived(first), r = (int)below(10);
	int16_t off = offset(first);

	switch (below(6)) {
	case 0: add(I(CLASS_LDX | MODE_MEM | size, below(2) ? b % 10 : r, b, off, 0)); break;
	case 1:
		add(I(CLASS_LDX | MODE_MEMSX | (size == SIZE_DW ? SIZE_W : size), r, b, off, 0));
		break;
	case 2: add(I(CLASS_ST | MODE_MEM | size, b, 0, off, (int32_t)value())); break;
	case 3: add(I(CLASS_STX | MODE_MEM | size, b, r, off, 0)); break;
	case 4: add_indexed(first, size, off); break;
	default:
		add(I(CLASS_STX | MODE_ATOMIC | (below(2) ? SIZE_W : SIZE_DW), b, r, off,
		      ops[below(10)]));
	}
}

/* Targets are put right by fix_targets. */
static void add_jump(void)
{
	static const uint8_t ops[] = { 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0,
		0xc0, 0xd0 };
	int class = below(2) ? CLASS_JMP : CLASS_JMP32;
	int op = ops[below(11)];

	if (below(2)) /* compare what was computed just now with zero */
		add(I(class | (below(2) ? OP_JEQ : OP_JNE), insn_dst(insn[n - 1]) % 10, 0, 0, 0));
	else if (below(2))
		add(I(class | op | SOURCE_X, below(10), below(11), 0, 0));
	else
		add(I(class | op, below(10), 0, 0, (int32_t)value()));
}

/* A local call, one through a register that mostly holds a function, or a helper. */
static void add_call(void)
{
	int r = (int)below(10);

	switch (below(4)) {
	case 0: add(I(CLASS_JMP | OP_CALL, 0, CALL_LOCAL, 0, 0)); break;
	case 1: add(I(CLASS_JMP | OP_CALL, 0, CALL_HELPER, 0, 1 + (int)below(ASH_HELPER_END - 1))); break;
	default:
		if (below(8) == 0) {
			add_wide(r, below(ASH_HELPER_END + 1));
		} else if (below(30)) {
			add(I(LDDW, r, LDDW_CODE, 0, 0));
			add(I(0, 0, 0, 0, 0));
		}
		add(I(CLASS_JMP | OP_CALL | SOURCE_X, r, 0, 0, 0));
	}
}

static void add_function(uint32_t body)
{
	for (uint32_t k = 0; k < body; k++) {
		uint32_t kind = below(20);
		if (kind < 10)
			add_alu();
		else if (kind < 16)
			add_memory();
		else if (kind < 18)
			add_jump();
		else if (kind < 19)
			add_wide((int)below(10), value());
		else
			add_call();
	}
	add(I(CLASS_JMP | OP_EXIT, 0, 0, 0, 0));
}

static bool second_half(uint32_t at, uint32_t first)
{
	return at > first && insn[at - 1].code == LDDW;
}

/* Jumps lead anywhere in their function [first, end), mostly forward; calls and function
 * pointers to `callee`. */
static void fix_targets(uint32_t first, uint32_t end, uint32_t callee)
{
	for (uint32_t at = first; at < end; at++) {
		if (second_half(at, first))
			continue;
		if (insn[at].code == (CLASS_JMP | OP_CALL) ? insn_src(insn[at]) == CALL_LOCAL
		                                           : insn[at].code == LDDW && insn_src(insn[at]))
			insn[at].imm = (int32_t)callee - (int32_t)at - 1;
		if (!insn_jumps(insn[at]))
			continue;
		uint32_t to = below(4) ? at + 1 + below(end - at - 1) : first + below(end - first);
		if (second_half(to, first))
			to--;
		insn[at].off = (int16_t)((int32_t)to - (int32_t)at - 1);
	}
}

static void generate(void)
{
	n = 0;
	for (int r = 0; r < 10; r++)
		if (r >= 6 && r < 9)
			add_wide(r, ASH_DATA + 1024 + below(2048));
		else if (below(4)) /* else it is zero, or r1 and r2 as the run has them */
			add_wide(r, value());
	add_function(1 + below(BODY_MAX));
	uint32_t second = n;
	add_function(1 + below(BODY_MAX / 2));
	fix_targets(0, second, second);
	fix_targets(second, n, below(8) ? second : 0);
}

struct outcome {
	uint32_t stop;
	uint64_t r0, budget;
	uint8_t memory[DATA + STACK + CTX];
};

static void run(struct outcome *o, bool native)
{
	struct ash_run *r = &host.run;

	for (uint32_t k = 0; k < DATA; k++)
		r->window[ASH_DATA + k] = (uint8_t)(k * 37);
	memset(r->window + ASH_STACK, 0x5a, STACK);
	memset(r->window + ASH_CTX, 0xc3, CTX);
	r->budget = 20000;
	r->random = 1;
	r->r0 = 0;
	o->stop = native ? host_native(&host) : host_interpret(&host);
	o->r0 = o->stop ? 0 : r->r0;
	o->budget = r->budget;
	memcpy(o->memory, r->window + ASH_DATA, DATA);
	memcpy(o->memory + DATA, r->window + ASH_STACK, STACK);
	memcpy(o->memory + DATA + STACK, r->window + ASH_CTX, CTX);
}

static const char *compare(void)
{
	static struct outcome native, reference;

	run(&native, true);
	run(&reference, false);
	if (native.stop != reference.stop)
		return "different ends";
	if (native.r0 != reference.r0)
		return "different r0";
	if (native.budget != reference.budget)
		return "different budgets";
	return memcmp(native.memory, reference.memory, sizeof native.memory) ? "different memory"
	                                                                     : NULL;
}

static unsigned ends[ASH_STOP_COUNT];

static const char *one(void)
{
	generate();
	if (host_load(&host, insn, n, NULL, 0))
		return ash_bad_text(host.program.bad);
	if (host.code.length > ash_code_bound(&host.program))
		return "code past its bound";
	const char *why = check_output(&host);
	if (!why)
		why = compare();
	ends[host.run.stop]++;
	return why;
}

static void print_program(void)
{
	printf("# build/ash exec --program ");
	for (uint32_t k = 0; k < n; k++)
		for (int b = 0; b < 8; b++)
			printf("%02x", ((const uint8_t *)&insn[k])[b]);
	printf("\n");
}

int main(int argc, char **argv)
{
	uint64_t programs = argc > 1 ? strtoull(argv[1], NULL, 0) : PROGRAMS;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1995;
	const char *why = NULL;

	if (host_open(&host) || host_map(&host, ASH_DATA, DATA)) {
		printf("not ok window - cannot reserve it\n");
		return 1;
	}
	host.run.r1 = ASH_DATA;
	state = seed | 1;
	uint64_t k = 0;
	for (; k < programs && !why; k++)
		why = one();
	if (why) {
		printf("not ok engines_agree_on_random_programs - %s, program %" PRIu64 "\n", why, k);
		print_program();
	} else {
		printf("ok engines_agree_on_random_programs\n");
	}
	for (int e = 0; e < ASH_STOP_COUNT; e++)
		printf("# %u %s\n", ends[e], ash_stop_text((uint32_t)e));
	bool varied = ends[ASH_STOP_OK] > programs / 4 && ends[ASH_STOP_FAULT] &&
	              ends[ASH_STOP_BUDGET] && ends[ASH_STOP_DEPTH] && ends[ASH_STOP_CALLX];
	printf(varied ? "ok programs_end_in_every_way\n"
	              : "not ok programs_end_in_every_way - see the counts\n");
	host_close(&host);
	return why || !varied;
}
