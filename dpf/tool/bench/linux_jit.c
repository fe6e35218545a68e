/* dpf/tool/bench/linux_jit.c - the engine linux-jit: the machine code that the Linux kernel's
 * compiler makes of a classic program, read back and called here, on the same frames.
 *
 * The program is translated to eBPF one instruction after another: A, X and scratch memory
 * become registers and stack, and each load compares its end with the frame's, reads
 * directly, and turns the bytes (type XDP). That is kinder than the kernel's own way with
 * classic programs, which calls a helper for each indexed load. Refused: `len`, division,
 * offsets above 65,535. SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/bench.h"
#include "dpf/tool/bench/ebpf.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CLASSIC_MAX = 1024, PROGRAMS_MAX = 1000, IMAGE_MAX = 1 << 16, OFFSET_MAX = 0xfff0 };
enum { A = 0, AT = 2, PAST = 3, FRAME = 6, END = 7, X = 8, STACK = 10 }; /* registers */

/* As much of the kernel's struct xdp_buff as the code reads. */
struct buffer { const uint8_t *data, *end; };
typedef uint32_t image_fn(const struct buffer *b);

struct translation {
	struct ebpf e;
	uint32_t start[CLASSIC_MAX];   /* of each classic instruction */
	uint32_t target[EBPF_INSNS_MAX]; /* of each jump: a classic instruction, from 1; 0: none */
	uint32_t classic;
};

static struct translation t;
static image_fn *image[PROGRAMS_MAX];
static uint8_t *code;
static size_t code_bytes, code_used;

static void jump_to(unsigned op, int left, int right, int32_t k, uint32_t classic)
{
	uint32_t at = ebpf_jump(&t.e, op, left, right, k);

	if (at < EBPF_INSNS_MAX)
		t.target[at] = classic + 1;
}

/* AT[0, bytes) lies in the frame, or the frame is rejected. */
static void check(unsigned bytes)
{
	ebpf_put(&t.e, EBPF_ALU64 | EBPF_MOV | BPF_X, PAST, AT, 0, 0);
	ebpf_put(&t.e, EBPF_ALU64 | BPF_ADD | BPF_K, PAST, 0, 0, (int32_t)bytes);
	jump_to(BPF_JMP | BPF_JGT | BPF_X, PAST, END, 0, t.classic);
}

static void load_at(int to, unsigned bytes)
{
	check(bytes);
	ebpf_load(&t.e, bytes, to, AT, 0);
	if (bytes > 1)
		ebpf_put(&t.e, EBPF_TO_BIG_ENDIAN, to, 0, 0, (int32_t)bytes * 8);
}

static void at_constant(uint32_t k)
{
	ebpf_put(&t.e, EBPF_ALU64 | EBPF_MOV | BPF_X, AT, FRAME, 0, 0);
	ebpf_put(&t.e, EBPF_ALU64 | BPF_ADD | BPF_K, AT, 0, 0, (int32_t)k);
}

static void at_index(uint32_t k)
{
	ebpf_put(&t.e, BPF_ALU | EBPF_MOV | BPF_X, AT, X, 0, 0);
	ebpf_put(&t.e, EBPF_ALU64 | BPF_ADD | BPF_K, AT, 0, 0, (int32_t)k);
	jump_to(BPF_JMP | BPF_JGT | BPF_K, AT, 0, OFFSET_MAX, t.classic);
	ebpf_put(&t.e, EBPF_ALU64 | BPF_ADD | BPF_X, AT, FRAME, 0, 0);
}

static bool put_load(const struct bpf_insn *in)
{
	int to = BPF_CLASS(in->code) == BPF_LDX ? X : A;
	unsigned bytes = BPF_SIZE(in->code) == BPF_W ? 4 : BPF_SIZE(in->code) == BPF_H ? 2 : 1;
	unsigned mode = BPF_MODE(in->code);

	if (mode == BPF_IMM) {
		ebpf_put(&t.e, BPF_ALU | EBPF_MOV | BPF_K, to, 0, 0, (int32_t)in->k);
	} else if (mode == BPF_MEM) {
		ebpf_load(&t.e, 4, to, STACK, -64 + 4 * (int)in->k);
	} else if (mode == BPF_LEN || in->k > OFFSET_MAX) {
		return false;
	} else if (mode == BPF_IND) {
		at_index(in->k);
		load_at(to, bytes);
	} else {
		at_constant(in->k);
		load_at(to, bytes);
		if (mode == BPF_MSH) {
			ebpf_put(&t.e, BPF_ALU | BPF_AND | BPF_K, X, 0, 0, 0xf);
			ebpf_put(&t.e, BPF_ALU | BPF_LSH | BPF_K, X, 0, 0, 2);
		}
	}
	return true;
}

static void put_jump(const struct bpf_insn *in, uint32_t i)
{
	bool by_x = BPF_SRC(in->code) == BPF_X, always = BPF_OP(in->code) == BPF_JA;

	if (!always)
		jump_to((in->code & 0xf8u) | EBPF_JMP32, A, by_x ? X : 0, by_x ? 0 : (int32_t)in->k,
		        i + 1 + in->jt);
	jump_to(EBPF_JA, 0, 0, 0, i + 1 + (always ? in->k : in->jf));
}

static bool put_insn(const struct bpf_insn *in, uint32_t i)
{
	bool by_x = BPF_SRC(in->code) == BPF_X;

	switch (BPF_CLASS(in->code)) {
	case BPF_LD:
	case BPF_LDX:
		return put_load(in);
	case BPF_ST:
	case BPF_STX:
		ebpf_store(&t.e, 4, STACK, -64 + 4 * (int)in->k, BPF_CLASS(in->code) == BPF_ST ? A : X);
		return true;
	case BPF_ALU:
		ebpf_put(&t.e, in->code, A, by_x ? X : 0, 0, by_x ? 0 : (int32_t)in->k);
		return BPF_OP(in->code) != BPF_DIV && BPF_OP(in->code) != BPF_MOD;
	case BPF_JMP:
		put_jump(in, i);
		return true;
	case BPF_RET:
		if (BPF_RVAL(in->code) != BPF_A)
			ebpf_put(&t.e, BPF_ALU | EBPF_MOV | BPF_K, A, 0, 0, (int32_t)in->k);
		ebpf_put(&t.e, EBPF_EXIT, 0, 0, 0, 0);
		return true;
	default:
		if (BPF_MISCOP(in->code) == BPF_TAX)
			ebpf_put(&t.e, BPF_ALU | EBPF_MOV | BPF_X, X, A, 0, 0);
		else
			ebpf_put(&t.e, BPF_ALU | EBPF_MOV | BPF_X, A, X, 0, 0);
		return true;
	}
}

/* The frame's bounds; A, X, and the scratch words that the program names, are 0. */
static void put_entry(const struct bpf_program *p)
{
	ebpf_load(&t.e, 4, FRAME, 1, 0);
	ebpf_load(&t.e, 4, END, 1, 4);
	ebpf_put(&t.e, BPF_ALU | EBPF_MOV | BPF_K, A, 0, 0, 0);
	ebpf_put(&t.e, BPF_ALU | EBPF_MOV | BPF_K, X, 0, 0, 0);
	for (uint32_t i = 0; i < p->bf_len; i++)
		if (BPF_CLASS(p->bf_insns[i].code) <= BPF_LDX && BPF_MODE(p->bf_insns[i].code) == BPF_MEM)
			ebpf_store(&t.e, 4, STACK, -64 + 4 * (int)p->bf_insns[i].k, A);
}

static bool translate(const struct bpf_program *p)
{
	memset(&t, 0, sizeof t);
	t.classic = p->bf_len; /* one more, made here: reject */
	if (p->bf_len >= CLASSIC_MAX)
		return false;
	put_entry(p);
	for (uint32_t i = 0; i < p->bf_len; i++) {
		t.start[i] = t.e.n;
		if (!put_insn(&p->bf_insns[i], i))
			return false;
	}
	t.start[p->bf_len] = t.e.n;
	ebpf_put(&t.e, BPF_ALU | EBPF_MOV | BPF_K, A, 0, 0, 0);
	ebpf_put(&t.e, EBPF_EXIT, 0, 0, 0, 0);
	for (uint32_t i = 0; i < t.e.n && t.e.n <= EBPF_INSNS_MAX; i++)
		if (t.target[i])
			t.e.insn[i].offset = (int16_t)(t.start[t.target[i] - 1] - i - 1);
	return t.e.n <= EBPF_INSNS_MAX;
}

static const char *add(const struct bpf_program *p, uint32_t i)
{
	static uint8_t made[IMAGE_MAX];

	if (!translate(p))
		return "an instruction that the translation leaves out";
	int program = ebpf_program(&t.e, EBPF_XDP);
	if (program < 0)
		return "the kernel refuses the program";
	uint32_t n = ebpf_image(program, made, sizeof made);
	close(program);
	if (n == 0 || code_used + n > code_bytes)
		return "the kernel shows no machine code that can be called here";
	memcpy(code + code_used, made, n);
	image[i] = (image_fn *)(uintptr_t)(code + code_used);
	code_used += (n + 15) & ~15u;
	return NULL;
}

static const char *open_jit(const struct work *w)
{
	const char *why = NULL;

	if (w->nfilters > PROGRAMS_MAX)
		return "programs in turn are measured up to 1,000";
	code_bytes = (w->nfilters + 63) * 1024;
	code_used = 0;
	code = mmap(NULL, code_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (code == MAP_FAILED) {
		code = NULL;
		return "no memory";
	}
	for (uint32_t i = 0; i < w->nfilters && !why; i++)
		why = add(&w->program[i], i);
	if (mprotect(code, code_bytes, PROT_READ | PROT_EXEC) < 0)
		return "no executable memory";
	return why;
}

static void by_jit(struct work *w)
{
	for (uint32_t i = 0; i < w->nframes; i++) {
		struct buffer b = { w->frames[i].data, w->frames[i].data + w->frames[i].caplen };
		uint32_t k = 0;

		while (k < w->nfilters && !image[k](&b))
			k++;
		w->verdict[i] = k < w->nfilters ? k + 1 : 0;
	}
}

static void close_jit(void)
{
	if (code)
		munmap(code, code_bytes);
	code = NULL;
}

const struct engine engine_linux_jit = { .name = "linux-jit", .open = open_jit, .run = by_jit,
	                                 .close = close_jit, .foreign = true };
