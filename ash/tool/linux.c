/* ash/tool/linux.c - Linux's own engine, for the bench: programs loaded by bpf(2), run in the kernel by
 * BPF_PROG_TEST_RUN, and their machine code, read back and called here. SPDX-License-Identifier: ISC
 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "ash/insn.h"
#include "ash/tool/tool.h"
#include "dpf/tool/bench/ebpf.h"

enum { IMAGE_MAX = 1 << 20 };

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof *attr);
}

static int load(const struct ash_insn *insn, uint32_t n)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_XDP,
		                .insn_cnt = n,
		                .insns = (uintptr_t)insn,
		                .license = (uintptr_t)"Dual BSD/GPL" };

	return (int)bpf(BPF_PROG_LOAD, &attr);
}

int linux_load_nothing(void)
{
	static const struct ash_insn pass[] = { { 0xb7, 0, 0, ASH_PASS }, { 0x95, 0, 0, 0 } };

	return load(pass, 2);
}

int linux_load(const struct object *o, const char **why)
{
	if (o->linked.data_length) {
		*why = "global data need maps";
		return -1;
	}
	if (o->linked.start) {
		*why = "a program's first function must come first";
		return -1;
	}
	int program = load(o->linked.insn, o->linked.ninsn);
	if (program < 0)
		*why = strerror(errno);
	return program;
}

static bool calls(const struct object *o)
{
	for (uint32_t k = 0; k < o->linked.ninsn; k++)
		if (insn_class(o->linked.insn[k]) == CLASS_JMP && insn_op(o->linked.insn[k]) == OP_CALL)
			return true;
	return false;
}

linux_code *linux_open(const struct object *o, int program)
{
	const int prot = PROT_READ | PROT_WRITE;
	uint8_t *image = mmap(NULL, IMAGE_MAX, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	linux_code *f = NULL;

	if (image == MAP_FAILED || calls(o) || !ebpf_image(program, image, IMAGE_MAX) ||
	    mprotect(image, IMAGE_MAX, PROT_READ | PROT_EXEC))
		return NULL;
	memcpy(&f, &image, sizeof f);
	return f;
}

/* What the code of an XDP program reads in place of struct xdp_md: the kernel's own structures. */
struct device_queue {
	const void *device;
	uint32_t index;
};
struct linux_buffer {
	uint64_t data, data_end, data_meta, hard_start;
	const struct device_queue *queue;
};

uint32_t linux_call(linux_code *code, const struct ash_ctx *c)
{
	static const uint8_t device[4096]; /* its number is 0, wherever it is */
	const struct device_queue queue = { device, c->rx_queue_index };
	const struct linux_buffer b = { c->data, c->data_end, c->data_meta, c->data, &queue };

	return code(&b);
}

double linux_run(int program, const struct capture_frame *f, uint32_t repeat,
                 uint32_t *verdict, uint8_t *out, uint32_t *length)
{
	union bpf_attr attr = { .test = { .prog_fd = (uint32_t)program,
		                          .data_size_in = f->length,
		                          .data_size_out = SLOT_MAX,
		                          .data_in = (uintptr_t)f->bytes,
		                          .data_out = (uintptr_t)out,
		                          .repeat = repeat } };

	if (bpf(BPF_PROG_TEST_RUN, &attr))
		return -1;
	*verdict = attr.test.retval;
	*length = attr.test.data_size_out;
	return attr.test.duration;
}
