/* dpf/tool/bench/ebpf.h - programs for the Linux kernel, put together instruction by
 * instruction, and the four commands of bpf(2) that the bench needs.
 * Source: RFC 9669; linux/bpf.h. Layer: host tool. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { EBPF_INSNS_MAX = 8192 };

/* Operation codes, beyond those of classic programs (class, size, mode, operation). */
enum {
	EBPF_ALU64 = 0x07, EBPF_JMP32 = 0x06, EBPF_MOV = 0xb0, EBPF_TO_BIG_ENDIAN = 0xdc,
	EBPF_JA = 0x05, EBPF_JNE = 0x50, EBPF_JLT = 0xa0, EBPF_CALL = 0x85, EBPF_EXIT = 0x95,
};
enum { EBPF_MAP_LOOKUP = 1 };              /* a helper to call */
enum { EBPF_HASH = 1, EBPF_ARRAY = 2 };    /* types of maps */
enum { EBPF_MMAPABLE = 1 << 10 };          /* a flag of maps */
enum { EBPF_SCHED_CLS = 3, EBPF_XDP = 6 }; /* types of programs */

struct ebpf_insn {
	uint8_t code, registers; /* destination, source << 4 */
	int16_t offset;
	int32_t k;
};

/* A program in the making. More than EBPF_INSNS_MAX instructions are counted, not kept. */
struct ebpf {
	struct ebpf_insn insn[EBPF_INSNS_MAX];
	uint32_t n;
};

void ebpf_put(struct ebpf *e, unsigned code, int to, int from, int offset, int32_t k);

/* to = *(bytes *)(base + offset), and the other way round. bytes: 1, 2, 4, 8. */
void ebpf_load(struct ebpf *e, unsigned bytes, int to, int base, int offset);
void ebpf_store(struct ebpf *e, unsigned bytes, int base, int offset, int from);

/* to = the address of an array map's element 0, plus offset; to = the map itself. */
void ebpf_value(struct ebpf *e, int to, int map, uint32_t offset);
void ebpf_map(struct ebpf *e, int to, int map);

/* A jump whose target is not known yet: where it stands. ebpf_here makes it come here. */
uint32_t ebpf_jump(struct ebpf *e, unsigned code, int left, int right, int32_t k);
void ebpf_here(struct ebpf *e, uint32_t jump);

/* Each returns a descriptor, or a negative number when the kernel refuses. */
int ebpf_program(const struct ebpf *e, int type);
int ebpf_new_map(int type, uint32_t key, uint32_t value, uint32_t count,
                 uint32_t flags);

bool ebpf_update(int map, const void *key, const void *value);

/* Run it `repeat` times on a frame of 64 zero bytes (BPF_PROG_TEST_RUN). */
bool ebpf_run(int program, uint32_t repeat);

/* The machine code that the kernel made of it (BPF_OBJ_GET_INFO_BY_FD), up to cap bytes, ready to be
 * called here if the program calls nothing. Returns its length, or 0: not compiled, or not shown to us. */
uint32_t ebpf_image(int program, uint8_t *out, uint32_t cap);
