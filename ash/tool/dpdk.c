/* ash/tool/dpdk.c - DPDK's compiler of BPF programs as an engine of `ash bench`: a shared library, so that
 * only who asks for it (-d) needs DPDK. SPDX-License-Identifier: ISC */
#include <rte_bpf.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include "ash/tool/peer.h"

_Static_assert(sizeof(struct ebpf_insn) == sizeof(struct ash_insn), "RFC 9669, section 3");

/* DPDK's environment: no huge pages, no devices, nothing left behind. It ties its caller to one
 * processor, which is undone. */
static bool start(void)
{
	static char a[][24] = { "ash", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m16",
		                "--log-level=critical" };
	enum { N = sizeof a / sizeof *a };
	char *arguments[N + 1] = { NULL };
	cpu_set_t all;

	for (int i = 0; i < N; i++)
		arguments[i] = a[i];
	sched_getaffinity(0, sizeof all, &all);
	int used = rte_eal_init(N, arguments);
	sched_setaffinity(0, sizeof all, &all);
	return used >= 0;
}

peer_program *peer_load(const struct ash_insn *insn, uint32_t n, const char **why)
{
	const struct rte_bpf_prm prm = { .ins = (const struct ebpf_insn *)(const void *)insn,
		                         .nb_ins = n,
		                         .prog_arg = { .type = RTE_BPF_ARG_PTR,
		                                       .size = sizeof(struct ash_ctx) } };
	struct rte_bpf_jit jit = { 0 };
	struct rte_bpf *bpf;

	*why = "DPDK does not start here";
	if (!start())
		return NULL;
	*why = "its validator refuses the program";
	if (!(bpf = rte_bpf_load(&prm)))
		return NULL;
	*why = "it does not compile for this processor";
	rte_bpf_get_jit(bpf, &jit);
	return jit.func;
}
