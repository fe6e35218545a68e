/* dpf/tool/bench/ebpf.c - see ebpf.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/ebpf.h"
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(sizeof(struct ebpf_insn) == sizeof(struct bpf_insn), "the kernel's");
_Static_assert(EBPF_HASH == (int)BPF_MAP_TYPE_HASH, "the kernel's");
_Static_assert(EBPF_ARRAY == (int)BPF_MAP_TYPE_ARRAY, "the kernel's");
_Static_assert(EBPF_MMAPABLE == (int)BPF_F_MMAPABLE, "the kernel's");
_Static_assert(EBPF_SCHED_CLS == (int)BPF_PROG_TYPE_SCHED_CLS, "the kernel's");
_Static_assert(EBPF_XDP == (int)BPF_PROG_TYPE_XDP, "the kernel's");
_Static_assert(EBPF_MAP_LOOKUP == (int)BPF_FUNC_map_lookup_elem, "the kernel's");

void ebpf_put(struct ebpf *e, unsigned code, int to, int from, int offset, int32_t k)
{
	if (e->n < EBPF_INSNS_MAX)
		e->insn[e->n] = (struct ebpf_insn){ (uint8_t)code, (uint8_t)(to | from << 4),
			                            (int16_t)offset, k };
	e->n++;
}

static unsigned size_of(unsigned bytes)
{
	return bytes == 1 ? BPF_B : bytes == 2 ? BPF_H : bytes == 4 ? BPF_W : BPF_DW;
}

void ebpf_load(struct ebpf *e, unsigned bytes, int to, int base, int offset)
{
	ebpf_put(e, BPF_LDX | BPF_MEM | size_of(bytes), to, base, offset, 0);
}

void ebpf_store(struct ebpf *e, unsigned bytes, int base, int offset, int from)
{
	ebpf_put(e, BPF_STX | BPF_MEM | size_of(bytes), base, from, offset, 0);
}

void ebpf_value(struct ebpf *e, int to, int map, uint32_t offset)
{
	ebpf_put(e, BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_VALUE, 0, map);
	ebpf_put(e, 0, 0, 0, 0, (int32_t)offset);
}

void ebpf_map(struct ebpf *e, int to, int map)
{
	ebpf_put(e, BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, map);
	ebpf_put(e, 0, 0, 0, 0, 0);
}

uint32_t ebpf_jump(struct ebpf *e, unsigned code, int left, int right, int32_t k)
{
	ebpf_put(e, code, left, right, 0, k);
	return e->n - 1;
}

void ebpf_here(struct ebpf *e, uint32_t jump)
{
	if (jump < EBPF_INSNS_MAX)
		e->insn[jump].offset = (int16_t)(e->n - jump - 1);
}

static int command(enum bpf_cmd c, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, c, a, sizeof *a);
}

int ebpf_program(const struct ebpf *e, int type)
{
	union bpf_attr a;

	memset(&a, 0, sizeof a);
	a.prog_type = (uint32_t)type;
	a.insn_cnt = e->n;
	a.insns = (uintptr_t)e->insn;
	a.license = (uintptr_t) "ISC";
	return e->n <= EBPF_INSNS_MAX ? command(BPF_PROG_LOAD, &a) : -1;
}

int ebpf_new_map(int type, uint32_t key, uint32_t value, uint32_t count,
                 uint32_t flags)
{
	union bpf_attr a;

	memset(&a, 0, sizeof a);
	a.map_type = (uint32_t)type;
	a.key_size = key;
	a.value_size = value;
	a.max_entries = count;
	a.map_flags = flags;
	return command(BPF_MAP_CREATE, &a);
}

bool ebpf_update(int map, const void *key, const void *value)
{
	union bpf_attr a;

	memset(&a, 0, sizeof a);
	a.map_fd = (uint32_t)map;
	a.key = (uintptr_t)key;
	a.value = (uintptr_t)value;
	return command(BPF_MAP_UPDATE_ELEM, &a) == 0;
}

bool ebpf_run(int program, uint32_t repeat)
{
	static const uint8_t frame[64];
	union bpf_attr a;

	memset(&a, 0, sizeof a);
	a.test.prog_fd = (uint32_t)program;
	a.test.data_in = (uintptr_t)frame;
	a.test.data_size_in = sizeof frame;
	a.test.repeat = repeat;
	return command(BPF_PROG_TEST_RUN, &a) == 0;
}

/* A kernel with mitigations ends functions by a jump to its return thunk, which is not to be
 * had here: a return takes its place. One such end, after `leave`, where nothing is called. */
static bool localise(uint8_t *c, uint32_t n)
{
	uint32_t ends = 0;

	for (uint32_t i = 0; i + 1 < n; i++)
		if (c[i] == 0xc9 && (c[i + 1] == 0xe9 || c[i + 1] == 0xc3)) {
			c[i + 1] = 0xc3;
			ends++;
		}
	return ends == 1;
}

uint32_t ebpf_image(int program, uint8_t *out, uint32_t cap)
{
	struct bpf_prog_info info;
	union bpf_attr a;

	memset(&info, 0, sizeof info);
	memset(&a, 0, sizeof a);
	info.jited_prog_insns = (uintptr_t)out;
	info.jited_prog_len = cap;
	a.info.bpf_fd = (uint32_t)program;
	a.info.info_len = sizeof info;
	a.info.info = (uintptr_t)&info;
	if (command(BPF_OBJ_GET_INFO_BY_FD, &a) < 0 || !info.jited_prog_insns)
		return 0;
	return info.jited_prog_len <= cap && localise(out, info.jited_prog_len) ? info.jited_prog_len : 0;
}
