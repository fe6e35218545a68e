/* dpf/tool/host.c - see host.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/host.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Single pages are what a change takes and gives back. The system is asked for several at a time,
 * and those that were given back are kept, so many of each kind. */
enum { AT_ONCE = 16, KEPT_MAX = 64, RUINED = 0xdb };
_Static_assert((int)AT_ONCE <= (int)KEPT_MAX, "there is room for what the system gives");

struct kept {
	uint8_t *page[KEPT_MAX];
	int n;
};

static struct kept data, code; /* all writable */
static size_t pages;

static uint8_t *map(size_t npages, int protection, int flags)
{
	void *p = mmap(NULL, npages * DPF_PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void protect(void *p, size_t npages, int protection)
{
	if (mprotect(p, npages * DPF_PAGE, protection) == 0)
		return;
	perror("mprotect");
	abort();
}

static void fill_data(void)
{
	uint8_t *p = map(AT_ONCE, PROT_READ | PROT_WRITE, MAP_POPULATE);

	for (int i = 0; p && i < AT_ONCE; i++)
		data.page[data.n++] = p + i * DPF_PAGE;
}

/* Between two of these is one that nobody may touch: each is a mapping of its own, whose protection the
 * system changes without cutting or joining mappings, in half the time. */
static void fill_code(void)
{
	uint8_t *p = map(2 * AT_ONCE, PROT_NONE, 0);

	for (int i = 0; p && i < AT_ONCE; i++) {
		code.page[code.n] = p + 2 * i * DPF_PAGE;
		protect(code.page[code.n++], 1, PROT_READ | PROT_WRITE);
	}
}

/* Zeroed: of old code nothing stays behind the new. */
static void *take_from(struct kept *k, void (*fill)(void), size_t npages)
{
	if (npages == 1 && k->n == 0)
		fill();
	void *p = npages != 1 ? map(npages, PROT_READ | PROT_WRITE, 0) : k->n ? k->page[--k->n] : NULL;

	if (p && npages == 1)
		memset(p, 0, DPF_PAGE);
	pages += p ? npages : 0;
	return p;
}

static void give_to(struct kept *k, void *p, size_t npages)
{
	pages -= npages;
	if (npages == 1 && k->n < KEPT_MAX)
		k->page[k->n++] = p;
	else
		munmap(p, npages * DPF_PAGE);
}

static void *take(void *ctx, size_t npages)
{
	(void)ctx;
	return take_from(&data, fill_data, npages);
}

/* What somebody still reads is to be noticed. */
static void give(void *ctx, void *p, size_t npages)
{
	(void)ctx;
	if (npages == 1)
		memset(p, RUINED, DPF_PAGE);
	give_to(&data, p, npages);
}

static bool code_take(void *ctx, struct dpf_code *c, size_t npages)
{
	uint8_t *p = take_from(&code, fill_code, npages);

	(void)ctx;
	*c = (struct dpf_code){ .write = p, .exec = p, .npages = npages };
	return p != NULL;
}

static void code_seal(void *ctx, const struct dpf_code *c)
{
	(void)ctx;
	protect(c->write, c->npages, PROT_READ | PROT_EXEC);
}

/* From here on it cannot be run. */
static void code_give(void *ctx, const struct dpf_code *c)
{
	(void)ctx;
	if (c->npages == 1)
		protect(c->write, 1, PROT_READ | PROT_WRITE);
	give_to(&code, c->write, c->npages);
}

const struct dpf_memory host_memory = { NULL, take, give, code_take, code_seal, code_give };

size_t host_pages(void) { return pages; }
