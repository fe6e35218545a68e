/* dpf/tool/native.c - see native.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/native.h"
#include "dpf/bpf.h"
#include "dpf/dpf.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct native {
	uint8_t *code;
	size_t room, sealed; /* bytes; sealed: executable, the rest is writable */
	dpf_fn *run;
	struct bpf_mark mark[FILTER_INSNS_MAX];
};

struct native *native_create(void)
{
	struct native *n = calloc(1, sizeof *n);

	if (!n)
		return NULL;
	n->room = bpf_code_bound(FILTER_INSNS_MAX);
	n->code = mmap(NULL, n->room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (n->code == MAP_FAILED) {
		free(n);
		return NULL;
	}
	memcpy(&n->run, &(void *){ n->code }, sizeof n->run);
	return n;
}

void native_destroy(struct native *n)
{
	if (!n)
		return;
	munmap(n->code, n->room);
	free(n);
}

static bool protect(const struct native *n, size_t bytes, int how)
{
	return bytes == 0 || mprotect(n->code, bytes, PROT_READ | how) == 0;
}

bool native_compile(struct native *n, const struct filter_view *f)
{
	struct x86 a;

	if (!protect(n, n->sealed, PROT_WRITE))
		return false;
	n->sealed = 0;
	memset(n->mark, 0, f->ninsns * sizeof *n->mark);
	x86_init(&a, n->code, n->room);
	bpf_compile(&a, f, 0, n->mark);
	assert(!a.full); /* bpf_code_bound, and filter_decode's limit */
	if (!protect(n, x86_here(&a), PROT_EXEC))
		return false;
	n->sealed = x86_here(&a);
	return true;
}

uint32_t native_run(const struct native *n, const uint8_t *frame, uint32_t caplen,
                    uint32_t wirelen)
{
	return n->run(frame, caplen, wirelen);
}
