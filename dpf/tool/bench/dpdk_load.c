/* dpf/tool/bench/dpdk_load.c - DPDK's engines, from the library that lies beside the command.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/bench.h"
#include <dlfcn.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 4096 };

static const char *absent(const struct work *w)
{
	(void)w;
	return "dpf-dpdk.so cannot be loaded; it is built where libdpdk-dev is installed";
}

static const struct engine engine_rte_bpf = { .name = "rte_bpf", .open = absent };
static const struct engine engine_rte_acl = { .name = "rte_acl", .open = absent };

static void *library(void)
{
	char self[PATH_MAX_BYTES], path[PATH_MAX_BYTES + 16];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n < 0)
		return NULL;
	self[n] = 0;
	snprintf(path, sizeof path, "%s/dpf-dpdk.so", dirname(self));
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

const struct engine *engine_dpdk(const char *name)
{
	bool is_bpf = strcmp(name, "rte_bpf") == 0;
	void *in = library();
	const struct engine *e = in ? dlsym(in, is_bpf ? "engine_rte_bpf" : "engine_rte_acl") : NULL;

	return e ? e : is_bpf ? &engine_rte_bpf : &engine_rte_acl;
}
