/* Programs that mean harm: both engines must come to the same clean end, with the same memory
 * and budget, nothing outside the window may change, and the next program must work.
 * SPDX-License-Identifier: ISC
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "ash/insn.h"
#include "ash/test/checker.h"
#include "ash/test/pipeline.h"

enum { PAGE = 4096, PAGES = 4, GARBAGE = 100000 };
#define I(c, d, s, o, k) ((struct ash_insn){ (uint8_t)(c), (uint8_t)((d) | (s) << 4), o, k })
#define EXIT I(0x95, 0, 0, 0, 0)
#define READ_ONLY (ASH_PAGES + 0x10000u)

static struct host host;
static struct ash_insn insn[ASH_INSN_MAX + 2];
static uint32_t n;
static uint64_t state = 1996;
static uint8_t canary[1 << 12];

static uint64_t next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1d;
}

static uint32_t below(uint32_t m) { return (uint32_t)(next() >> 33) % m; }

static void add(struct ash_insn i) { insn[n++] = i; }

static void add_wide(int reg, uint64_t v)
{
	add(I(LDDW, reg, 0, 0, (int32_t)(uint32_t)v));
	add(I(0, 0, 0, 0, (int32_t)(uint32_t)(v >> 32)));
}

/* A sum of all that a handler must not change: its code, a part of this program's memory. */
static uint64_t outside(void)
{
	uint64_t sum = 14695981039346656037u;

	for (size_t k = 0; k < sizeof canary; k++)
		sum = (sum ^ canary[k]) * 1099511628211u;
	for (size_t k = 0; k < host.code.length; k++)
		sum = (sum ^ host.image[k]) * 1099511628211u;
	for (uint32_t k = 0; k < host.program.ninsn; k++)
		sum = (sum ^ (uint32_t)host.program.insn[k].imm ^ host.program.insn[k].code) *
		      1099511628211u;
	return sum;
}

struct outcome {
	uint32_t stop;
	uint64_t r0, budget, memory;
};

/* Every mapped byte, so that no write goes unnoticed; set before, summed after. */
static void each_byte(uint64_t *sum)
{
	for (uint32_t k = 0; k < host.run.nextent; k++) {
		const struct ash_extent *e = &host.run.extent[k];
		uint8_t *b = host.run.window + e->first;

		for (uint32_t i = 0; i < e->length; i += 8) {
			uint64_t v = (e->first + i) * 0x9e3779b97f4a7c15u;
			if (sum) {
				memcpy(&v, b + i, 8);
				*sum = (*sum ^ v) * 1099511628211u;
			} else if (e->writable) {
				memcpy(b + i, &v, 8);
			}
		}
	}
}

static void run(struct outcome *o, bool native, uint64_t budget)
{
	each_byte(NULL);
	host.run.budget = budget;
	host.run.r1 = ASH_CTX;
	host.run.r2 = 0;
	host.run.r0 = 0;
	host.run.random = 1;
	host.run.effects = (struct ash_effects){ 0 };
	o->stop = native ? host_native(&host) : host_interpret(&host);
	o->r0 = o->stop ? 0 : host.run.r0;
	o->budget = host.run.budget;
	o->memory = 0;
	each_byte(&o->memory);
}

/* Null if the program ends alike on both engines and harms nothing. */
static const char *survive(uint64_t budget, struct outcome *o)
{
	struct outcome reference;

	if (host_load(&host, insn, n, NULL, 0))
		return ash_bad_text(host.program.bad);
	const char *why = n < 100 ? check_output(&host) : NULL;
	if (why)
		return why;
	uint64_t before = outside();
	run(o, true, budget);
	if (outside() != before)
		return "memory outside the window changed";
	run(&reference, false, budget);
	if (o->stop != reference.stop)
		return "different ends";
	if (o->budget != reference.budget)
		return "different budgets";
	if (o->r0 != reference.r0 || o->memory != reference.memory)
		return "different results";
	return NULL;
}

static int failures;

static void report(const char *name, const char *why)
{
	printf(why ? "not ok %s - %s\n" : "ok %s\n", name, why);
	failures += why != NULL;
}

/* One access of each kind and width through register b. */
static void add_access(uint32_t kind, int b, int16_t off)
{
	static const uint8_t sizes[] = { SIZE_B, SIZE_H, SIZE_W, SIZE_DW };
	int size = sizes[kind % 4], wide = kind & 1 ? SIZE_DW : SIZE_W;

	switch (kind / 4) {
	case 0: add(I(CLASS_LDX | MODE_MEM | size, B0, b, off, 0)); break;
	case 1:
		add(I(CLASS_LDX | MODE_MEMSX | (size == SIZE_DW ? SIZE_W : size), B0, b, off, 0));
		break;
	case 2: add(I(CLASS_ST | MODE_MEM | size, b, 0, off, 0x77)); break;
	case 3: add(I(CLASS_STX | MODE_MEM | size, b, B7, off, 0)); break;
	case 4: add(I(CLASS_STX | MODE_ATOMIC | wide, b, B7, off, OP_ADD | ATOMIC_FETCH)); break;
	case 5: add(I(CLASS_STX | MODE_ATOMIC | wide, b, B7, off, OP_XOR)); break;
	case 6: add(I(CLASS_STX | MODE_ATOMIC | wide, b, B7, off, OP_AND | ATOMIC_FETCH)); break;
	default: add(I(CLASS_STX | MODE_ATOMIC | wide, b, B7, off, ATOMIC_CMPXCHG));
	}
}
enum { KINDS = 32 };

/* Around every edge, by every kind of access, split into base and displacement in all
 * extreme ways, with rubbish above bit 31. */
static const char *edges(void)
{
	static const uint32_t edge[] = { 0, ASH_CTX, ASH_CTX + PAGE, ASH_STACK, ASH_STACK_TOP,
		ASH_DATA, ASH_DATA + PAGES * PAGE, READ_ONLY, READ_ONLY + PAGE, ASH_END, 0x80000000u };
	static const int16_t split[] = { 0, 1, -1, INT16_MAX, INT16_MIN };
	struct outcome o;
	unsigned faults = 0, good = 0;

	for (size_t e = 0; e < sizeof edge / sizeof *edge; e++)
		for (int d = -9; d <= 8; d++)
			for (uint32_t k = 0; k < 5 * KINDS; k++) {
				uint32_t at = edge[e] + (uint32_t)d;
				int16_t off = split[k / KINDS];
				n = 0;
				add_wide(B6, (at - (uint32_t)(int32_t)off) | next() << 32);
				add_access(k % KINDS, B6, off);
				add(EXIT);
				const char *why = survive(1000, &o);
				if (why)
					return why;
				faults += o.stop == ASH_STOP_FAULT;
				good += o.stop == ASH_STOP_OK;
			}
	return faults > 5000 && good > 5000 ? NULL : "too few of a kind";
}

/* A good access first, then others through the same register, displaced as far as they can
 * be: the pointer that is shared must not carry them over an edge. */
static const char *shared_pointers(void)
{
	static const uint32_t good[] = { ASH_CTX, ASH_CTX + PAGE - 8, ASH_STACK, ASH_STACK_TOP - 8,
		ASH_DATA, ASH_DATA + PAGES * PAGE - 8, READ_ONLY };
	static const int16_t far[] = { INT16_MIN, -32767, -4096, -8, -1, 1, 8, 4096, 32760, INT16_MAX };
	struct outcome o;

	for (size_t g = 0; g < sizeof good / sizeof *good; g++)
		for (size_t f = 0; f < 10; f++)
			for (size_t h = 0; h < 10; h++)
				for (uint32_t k = 0; k < KINDS; k += 3) {
					n = 0;
					add_wide(B6, (good[g] - (uint32_t)(int32_t)far[f]) | next() << 32);
					add(I(CLASS_LDX | MODE_MEM | SIZE_DW, B1, B6, far[f], 0));
					add_access(k, B6, far[h]);
					add(EXIT);
					const char *why = survive(1000, &o);
					if (why)
						return why;
				}
	return NULL;
}

/* r10 with every displacement. */
static const char *stack_edges(void)
{
	struct outcome o;

	for (int32_t off = INT16_MIN; off <= INT16_MAX; off += off < -600 || off > 40 ? 1021 : 1)
		for (uint32_t k = 0; k < KINDS; k += 5) {
			n = 0;
			add_access(k, B10, (int16_t)off);
			add(EXIT);
			const char *why = survive(1000, &o);
			if (why)
				return why;
		}
	return NULL;
}

/* A function's address is no window address; code cannot be read or written through it. */
static const char *code_as_data(void)
{
	struct outcome o;

	for (uint32_t k = 0; k < KINDS; k++) {
		n = 0;
		add(I(LDDW, B6, LDDW_CODE, 0, -1));
		add(I(0, 0, 0, 0, 0));
		add_access(k, B6, 0);
		add(EXIT);
		const char *why = survive(1000, &o);
		if (why)
			return why;
		if (o.stop != ASH_STOP_FAULT)
			return "an access through a function's address did not fault";
	}
	return NULL;
}

/* Depth `calls` below the first function. */
static const char *deep(uint32_t calls, enum ash_stop want)
{
	struct outcome o;

	n = 0;
	add(I(0xb7, B1, 0, 0, (int32_t)calls));
	add(I(0x85, 0, CALL_LOCAL, 0, 1));
	add(EXIT);
	add(I(0x7a, B10, 0, -512, 7)); /* the whole frame is the function's */
	add(I(0x7a, B10, 0, -8, 7));
	add(I(0x17, B1, 0, 0, 1));
	add(I(0x15, B1, 0, 1, 0));
	add(I(0x85, 0, CALL_LOCAL, 0, -5));
	add(EXIT);
	const char *why = survive(100000, &o);
	return why ? why : o.stop == want ? NULL : ash_stop_text(o.stop);
}

/* Loops of every shape: conditional, nested, through 65535 instructions, into their middle. */
static const char *loops(void)
{
	struct outcome o;
	const char *why;

	for (uint32_t body = 0; body < 40 && n <= ASH_INSN_MAX; body++) {
		uint32_t span = body < 20 ? body : body * 800;
		n = 0;
		for (uint32_t k = 0; k < span; k++)
			add(I(0x07, B0, 0, 0, 1));
		if (span < 32767)
			add(I(0x1d, B3, B3, (int16_t)(-(int32_t)span - 1), 0));
		else
			add(I(0x06, 0, 0, 0, -(int32_t)span - 1));
		add(EXIT);
		why = survive(100000, &o);
		if (why || o.stop != ASH_STOP_BUDGET)
			return why ? why : "a loop ended";
	}
	n = 0; /* two loops, one jumps into the other */
	add(I(0x07, B0, 0, 0, 1));
	add(I(0x07, B0, 0, 0, 1));
	add(I(0x45, B0, 0, -2, 1));
	add(I(0x05, 0, 0, -4, 0));
	why = survive(100000, &o);
	return why ? why : o.stop == ASH_STOP_BUDGET ? NULL : "a loop ended";
}

/* The longest program there may be, of the longest instruction; and one more slot. */
static const char *huge(void)
{
	struct outcome o;

	n = 0;
	add(I(0xb7, B1, 0, 0, 3));
	while (n < ASH_INSN_MAX - 1)
		add(I(0x3f, B0 + (int)(n % 6) + (n % 6 > 0), B1, 1, 0)); /* r /= r1, signed */
	add(EXIT);
	const char *why = survive(10, &o);
	if (why)
		return why;
	if (o.stop != ASH_STOP_OK || o.budget != 10 || host.code.length > ash_code_bound(&host.program))
		return "straight code has no charge and fits its bound";
	insn[n++] = EXIT;
	return host_load(&host, insn, n, NULL, 0) == -E_LIMIT ? NULL : "too long, and taken";
}

/* Bytes of no meaning: refused, or run alike. */
static const char *garbage(void)
{
	static const uint8_t classes[] = { CLASS_LD, CLASS_LDX, CLASS_ST, CLASS_STX, CLASS_ALU,
		CLASS_JMP, CLASS_JMP32, CLASS_ALU64 };
	struct outcome o;
	unsigned ran = 0;

	for (int k = 0; k < GARBAGE; k++) {
		n = 0;
		for (uint32_t m = 1 + below(6); m > 0; m--) {
			add(I(below(4) ? classes[below(8)] | below(32) << 3 : below(256), below(12), 0,
			      below(2) ? 0 : (int16_t)below(8) - 4, below(2) ? 0 : (int32_t)next()));
			if (below(2))
				insn[n - 1].regs |= (uint8_t)(below(12) << 4);
		}
		add(EXIT);
		if (host_load(&host, insn, n, NULL, 0))
			continue;
		ran++;
		const char *why = survive(1000, &o);
		if (why)
			return why;
	}
	printf("# %u of %d are programs\n", ran, GARBAGE);
	return ran > GARBAGE / 100 ? NULL : "almost none is a program";
}

/* Helpers with every odd argument: an error, a charge, or a result, and no byte outside. */
static const char *helpers(void)
{
	static const uint64_t odd[] = { 0, 1, ASH_CTX, ASH_CTX + PAGE - 1, ASH_STACK_TOP, ASH_DATA,
		ASH_DATA + PAGES * PAGE - 1, READ_ONLY, READ_ONLY + PAGE - 1, ASH_END, 0xffffffff,
		0x100000000, ASH_CODE + 1, INT64_MAX, 1ull << 63, UINT64_MAX };
	struct outcome o;

	for (uint32_t id = 1; id < ASH_HELPER_END; id++)
		for (uint32_t k = 0; k < 16 * 16 * 16; k++) {
			n = 0;
			for (int r = 0; r < 3; r++)
				add_wide(B1 + r, odd[k >> 4 * r & 15]);
			add_wide(B4, odd[below(16)]);
			add_wide(B5, odd[below(16)]);
			add(I(0x85, 0, CALL_HELPER, 0, (int32_t)id));
			add(EXIT);
			const char *why = survive(below(2) ? 100000 : 100, &o);
			if (why)
				return why;
		}
	return NULL;
}

static bool open_window(void)
{
	static const struct dilp_pipe pipe[] = { { .kind = DILP_COPY }, { .kind = DILP_SUM } };
	static struct dilp dilp;

	if (host_open(&host) || host_map(&host, ASH_DATA, PAGES * PAGE) ||
	    host_map(&host, READ_ONLY, PAGE))
		return false;
	if (pipeline_open(&dilp, pipe, 2))
		return false;
	host.run.dilp = &dilp;
	host.run.ndilp = 1;
	memset(host.run.window + READ_ONLY, 0x3c, PAGE);
	host.run.extent[host.run.nextent - 1].writable = false;
	return mprotect(host.run.window + READ_ONLY, PAGE, PROT_READ) == 0;
}

int main(void)
{
	if (!open_window()) {
		printf("not ok window - cannot reserve it\n");
		return 1;
	}
	memset(canary, 0xca, sizeof canary);
	report("every_access_at_every_edge", edges());
	report("shared_pointers_at_every_edge", shared_pointers());
	report("stack_at_every_displacement", stack_edges());
	report("function_addresses_as_data", code_as_data());
	report("calls_to_the_last_frame", deep(ASH_DEPTH - 1, ASH_STOP_OK));
	report("calls_past_the_last_frame", deep(ASH_DEPTH, ASH_STOP_DEPTH));
	report("loops_of_every_shape", loops());
	report("largest_program", huge());
	report("garbage", garbage());
	report("helpers_with_odd_arguments", helpers());
	host_close(&host);
	return failures != 0;
}
