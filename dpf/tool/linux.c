/* dpf/tool/linux.c - see linux.h. Numbers: RFC 9669; classic loads: its section 5.7.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/linux.h"
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PROG_LOAD = 5, PROG_TEST_RUN = 10, SCHED_CLS = 3, INSNS_MAX = 4096, CLASSIC_MAX = 1024 };
enum { A = 0, X = 7, SAVED = 8, CONTEXT = 6 }; /* registers */
enum { MOV_IMM = 0xb4, MOV = 0xbc, MOV_64 = 0xbf, AND_IMM = 0x54, LSH_IMM = 0x64,
       LOAD_WORD = 0x61, LOAD_BYTE_ABS = 0x30, JUMP = 0x05, EXIT = 0x95 };

struct insn {
	uint8_t code, registers; /* destination, source << 4 */
	int16_t offset;
	int32_t k;
};

/* The beginning of union bpf_attr, for the two commands. */
struct load_attr {
	uint32_t type, count;
	uint64_t insns, license;
	uint32_t log_level, log_size;
	uint64_t log;
	uint8_t zero[80];
};

struct run_attr {
	uint32_t fd, retval, size_in, size_out;
	uint64_t in, out;
	uint32_t repeat, duration;
	uint8_t zero[80];
};

struct translation {
	struct insn insn[INSNS_MAX];
	uint32_t n, start[CLASSIC_MAX];
};

static void put(struct translation *t, uint8_t code, int to, int from, uint32_t k)
{
	if (t->n < INSNS_MAX)
		t->insn[t->n] = (struct insn){ code, (uint8_t)(to | from << 4), 0, (int32_t)k };
	t->n++;
}

/* The offset holds the classic target until all are known. */
static void put_jump(struct translation *t, uint8_t code, int from, uint32_t k, uint32_t target)
{
	put(t, code, A, from, k);
	if (t->n <= INSNS_MAX)
		t->insn[t->n - 1].offset = (int16_t)target;
}

static bool put_load(struct translation *t, const struct bpf_insn *in)
{
	int to = BPF_CLASS(in->code) == BPF_LDX ? X : A;

	switch (BPF_MODE(in->code)) {
	case BPF_IMM: put(t, MOV_IMM, to, 0, in->k); return true;
	case BPF_LEN: put(t, LOAD_WORD, to, CONTEXT, 0); return true;
	case BPF_ABS: put(t, (uint8_t)in->code, 0, 0, in->k); return true;
	case BPF_IND: put(t, (uint8_t)in->code, 0, X, in->k); return true;
	case BPF_MSH:
		put(t, MOV, SAVED, A, 0);
		put(t, LOAD_BYTE_ABS, 0, 0, in->k);
		put(t, AND_IMM, A, 0, 0xf);
		put(t, LSH_IMM, A, 0, 2);
		put(t, MOV, X, A, 0);
		put(t, MOV, A, SAVED, 0);
		return true;
	}
	return false;
}

static bool put_insn(struct translation *t, const struct bpf_insn *in, uint32_t i)
{
	bool by_x = BPF_SRC(in->code) == BPF_X;

	switch (BPF_CLASS(in->code)) {
	case BPF_LD:
	case BPF_LDX: return put_load(t, in);
	case BPF_ALU:
		put(t, (uint8_t)in->code, A, by_x ? X : 0, by_x ? 0 : in->k);
		return BPF_OP(in->code) != BPF_DIV && BPF_OP(in->code) != BPF_MOD;
	case BPF_JMP:
		if (BPF_OP(in->code) != BPF_JA)
			/* class 6: the comparison is of 32 bits */
			put_jump(t, (uint8_t)(in->code | 1u << 1) & 0xfe, by_x ? X : 0,
			         by_x ? 0 : in->k, i + 1 + in->jt);
		put_jump(t, JUMP, 0, 0, i + 1 + (BPF_OP(in->code) == BPF_JA ? in->k : in->jf));
		return true;
	case BPF_RET:
		if (BPF_RVAL(in->code) != BPF_A)
			put(t, MOV_IMM, A, 0, in->k);
		put(t, EXIT, 0, 0, 0);
		return true;
	case BPF_MISC:
		if (BPF_MISCOP(in->code) == BPF_TAX)
			put(t, MOV, X, A, 0);
		else
			put(t, MOV, A, X, 0);
		return true;
	}
	return false;
}

static bool translate(struct translation *t, const struct bpf_program *p)
{
	t->n = 0;
	put(t, MOV_64, CONTEXT, 1, 0);
	put(t, MOV_IMM, A, 0, 0);
	put(t, MOV_IMM, X, 0, 0);
	uint32_t first = t->n;
	for (uint32_t i = 0; i < p->bf_len; i++) {
		t->start[i] = t->n;
		if (!put_insn(t, &p->bf_insns[i], i))
			return false;
	}
	for (uint32_t i = first; i < t->n && t->n <= INSNS_MAX; i++) {
		struct insn *in = &t->insn[i];

		if ((in->code & 7) == 6 || in->code == JUMP)
			in->offset = (int16_t)(t->start[in->offset] - i - 1);
	}
	return t->n <= INSNS_MAX;
}

int linux_load(const struct bpf_program *p)
{
	static struct translation t;
	struct load_attr a = { .type = SCHED_CLS, .insns = (uint64_t)(uintptr_t)t.insn,
		               .license = (uint64_t)(uintptr_t) "ISC" };

	if (p->bf_len > CLASSIC_MAX || !translate(&t, p))
		return -1;
	a.count = t.n;
	return (int)syscall(SYS_bpf, PROG_LOAD, &a, sizeof a);
}

bool linux_run(int fd, const uint8_t *frame, uint32_t length, uint32_t repeat,
               uint32_t *verdict, uint32_t *ns)
{
	struct run_attr a = { .fd = (uint32_t)fd, .in = (uint64_t)(uintptr_t)frame,
		              .size_in = length, .repeat = repeat };

	if (syscall(SYS_bpf, PROG_TEST_RUN, &a, sizeof a) < 0)
		return false;
	*verdict = a.retval;
	*ns = a.duration;
	return true;
}
