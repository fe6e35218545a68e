/* dpf/test/fuzz/bpf_target.c - the loader of BPF programs: whatever passes its checks runs alike
 * in the interpreter, as native code, and, where libpcap takes it and means the same, in
 * libpcap. Input: a frame, then instructions. SPDX-License-Identifier: ISC */
#include "dpf/bpf.h" /* first: libpcap's macros have names of it, too */
#include "dpf/test/fuzz/target.h"
#include "dpf/tool/native.h"
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

/* libpcap 1.10.3 does not clear scratch memory, shifts by X as the processor does, and runs
 * backward jumps without end. */
static bool means_the_same(const struct bpf_insn *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		unsigned class = BPF_CLASS(p[i].code), op = BPF_OP(p[i].code);

		if ((class <= BPF_LDX && BPF_MODE(p[i].code) == BPF_MEM) ||
		    (class == BPF_ALU && (op == BPF_LSH || op == BPF_RSH)) ||
		    (class == BPF_LD && BPF_MODE(p[i].code) == BPF_IND && p[i].k > INT32_MAX) ||
		    (p[i].code == (BPF_JMP | BPF_JA) && p[i].k > n))
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct native *native;

	if (n == 0)
		return 0;
	struct frame f = take_frame(&data, &n);
	uint32_t count = (uint32_t)(n / sizeof(struct bpf_insn));
	struct exo_filter head = { .ninsns = count };
	struct filter_view v;

	head.bytes = (uint32_t)(sizeof head + count * sizeof(struct bpf_insn));
	uint8_t *bytes = malloc(head.bytes);
	memcpy(bytes, &head, sizeof head);
	memcpy(bytes + sizeof head, data, count * sizeof(struct bpf_insn));
	if (!native)
		native = native_create();
	if (filter_decode(&v, bytes, head.bytes) == 0 && native && native_compile(native, &v)) {
		uint32_t want = bpf_run(&v, f.data, f.caplen, f.wirelen);
		struct bpf_insn *p = malloc(count * sizeof *p);

		memcpy(p, data, count * sizeof *p);
		must_equal("interpreter, native code", want, native_run(native, f.data, f.caplen, f.wirelen));
		if (means_the_same(p, count) && bpf_validate(p, (int)count))
			must_equal("interpreter, libpcap", want, bpf_filter(p, f.data, f.wirelen, f.caplen));
		free(p);
	}
	free(bytes);
	return 0;
}
