/* dpf/tool/host.c - see host.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/host.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static size_t pages;

static void *take(void *ctx, size_t npages)
{
	void *p = mmap(NULL, npages * DPF_PAGE, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)ctx;
	if (p == MAP_FAILED)
		return NULL;
	pages += npages;
	return p;
}

static void give(void *ctx, void *p, size_t npages)
{
	(void)ctx;
	munmap(p, npages * DPF_PAGE);
	pages -= npages;
}

static bool code_take(void *ctx, struct dpf_code *c, size_t npages)
{
	uint8_t *p = take(ctx, npages);

	*c = (struct dpf_code){ .write = p, .exec = p, .npages = npages };
	return p != NULL;
}

static void code_seal(void *ctx, const struct dpf_code *c)
{
	(void)ctx;
	if (mprotect(c->write, c->npages * DPF_PAGE, PROT_READ | PROT_EXEC) == 0)
		return;
	perror("mprotect");
	abort();
}

static void code_give(void *ctx, const struct dpf_code *c) { give(ctx, c->write, c->npages); }

const struct dpf_memory host_memory = { NULL, take, give, code_take, code_seal, code_give };

size_t host_pages(void) { return pages; }
