/* dpf/tool/bench/dpdk_absent.c - what stands in for dpdk.c where libdpdk-dev is not there: both
 * engines are named as skipped. SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/bench.h"

static const char *absent(const struct work *w)
{
	(void)w;
	return "built without libdpdk-dev";
}

static void never(struct work *w) { (void)w; }

const struct engine engine_rte_bpf = { .name = "rte_bpf", .open = absent, .run = never };
const struct engine engine_rte_acl = { .name = "rte_acl", .open = absent, .run = never };
