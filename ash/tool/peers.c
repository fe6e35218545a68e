/* ash/tool/peers.c - what the bench compares with: the same C by gcc, and engines in libraries; Linux's is
 * in linux.c.
 * SPDX-License-Identifier: ISC
 */
#include <dlfcn.h>
#include <string.h>
#include "ash/tool/native/ash_helper.h"
#include "ash/tool/tool.h"

static struct host *helped; /* whose helpers the library calls */

static uint64_t help(uint32_t id, uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t arg[5] = { a, b, c };

	helped->run.budget = UINT64_MAX;
	return ash_helper(&helped->run, id, arg);
}

uint64_t ash_time(void) { return help(ASH_HELPER_TIME, 0, 0, 0); }

uint64_t ash_sum(const void *bytes, uint64_t n, uint64_t start)
{
	return help(ASH_HELPER_SUM, (uintptr_t)bytes, n, start);
}

uint64_t ash_copy(void *to, const void *from, uint64_t n)
{
	/* The handler's own constants lie outside the window here. */
	if ((uintptr_t)from >= ASH_END || (uintptr_t)to >= ASH_END) {
		memmove(to, from, n);
		return 0;
	}
	return help(ASH_HELPER_COPY, (uintptr_t)to, (uintptr_t)from, n);
}

uint64_t ash_count(uint64_t k, uint64_t n) { return help(ASH_HELPER_COUNT, k, n, 0); }

/* There is nobody to have it. */
uint64_t ash_deliver(const void *frame, uint64_t length)
{
	(void)frame;
	(void)length;
	return 0;
}

/* The data may lie outside the window, too. */
uint64_t ash_dilp(uint64_t k, void *to, const void *from, uint64_t length,
                  struct ash_dilp_result *result)
{
	struct dilp_state state = DILP_BEGIN;

	if (k >= helped->run.ndilp || dilp_run(&helped->run.dilp[k], to, from, length, &state) < 0)
		return (uint64_t)-E_INVAL;
	*result = (struct ash_dilp_result){ dilp_sum(&state), dilp_crc(&state) };
	return 0;
}

native_handler *native_open(const char *path, const char *name, struct host *h)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol = NULL;
	native_handler *f = NULL;

	helped = h;
	if (library)
		symbol = dlsym(library, name);
	if (!symbol)
		fprintf(stderr, "ash: %s\n", dlerror());
	memcpy(&f, &symbol, sizeof f);
	return f;
}

peer_program *peer_open(const char *path, const struct object *o, const char **why)
{
	peer_program *(*load)(const struct ash_insn *, uint32_t, const char **) = NULL;
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol = NULL;

	*why = "its library does not open";
	if (!library || !(symbol = dlsym(library, "peer_load")))
		return NULL;
	memcpy(&load, &symbol, sizeof load);
	*why = "it takes one function, and no data";
	if (o->linked.start || o->linked.data_length)
		return NULL;
	return load(o->linked.insn, o->linked.ninsn, why);
}
