/* kernel/pipes.c - see pipes.h. SPDX-License-Identifier: ISC */
#include "kernel/pipes.h"
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/code.h"
#include "kernel/cpu.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/string.h"

enum { CODE_ALIGN = 16 };

static uint32_t pages_for(size_t bytes)
{
	return (uint32_t)((bytes + EXO_PAGE_SIZE - 1) >> EXO_PAGE_SHIFT);
}

static bool has_crc(const struct ash_pipe *pipe, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		if (pipe[k].kind == DILP_CRC)
			return true;
	return false;
}

/* Our own copy: what is checked is what runs. */
static int gather(struct pipes *p, const struct ash_pipe *pipe, uint32_t n)
{
	p->data_pages = pages_for(n * (sizeof *pipe + sizeof(struct dilp_pipe)));
	p->data = page_take_kernel_run(p->data_pages);
	if (!p->data)
		return -E_NOMEM;
	struct ash_pipe *copy = page_kva(p->data);
	memcpy(copy, pipe, n * sizeof *pipe);
	int count = dilp_gather(copy, n, (struct dilp_pipe *)(void *)(copy + n), p->dilp);
	p->n = count > 0 ? (uint32_t)count : 0;
	return count < 0 ? count : 0;
}

/* Emit them one after the other; how many bytes that is. */
static size_t emit(struct pipes *p, uint8_t *code, size_t room, bool each_anew)
{
	size_t at = 0;

	for (uint32_t k = 0; k < p->n; k++) {
		uint8_t *to = each_anew ? code : code + at;
		int length = dilp_compile(p->dilp[k].pipe, p->dilp[k].n, to, each_anew ? room : room - at);

		assert(length > 0);
		p->dilp[k].entry = (dilp_entry *)(uint64_t)to;
		at += ((size_t)length + CODE_ALIGN - 1) & ~(size_t)(CODE_ALIGN - 1);
	}
	return at;
}

/* Once to see how long it is, once to stay. */
static int compile(struct pipes *p)
{
	const uint32_t most = pages_for(DILP_CODE_MAX);
	uint32_t scratch = page_take_kernel_run(most);

	if (!scratch)
		return -E_NOMEM;
	p->code_pages = pages_for(emit(p, page_kva(scratch), DILP_CODE_MAX, true));
	page_free_kernel_run(scratch, most);
	p->code = code_take(p->code_pages);
	if (!p->code)
		return -E_NOMEM;
	emit(p, p->code, (size_t)p->code_pages << EXO_PAGE_SHIFT, false);
	code_seal(p->code, p->code_pages);
	return 0;
}

int pipes_make(struct pipes *p, const struct ash_pipe *pipe, uint32_t n)
{
	*p = (struct pipes){ .n = 0 };
	if (n == 0)
		return 0;
	if (has_crc(pipe, n) && !cpu_has_crc32())
		return -E_NOSYS;
	int error = gather(p, pipe, n);
	return error ? error : compile(p);
}

void pipes_drop(struct pipes *p)
{
	if (p->code)
		code_give(p->code, p->code_pages);
	if (p->data)
		page_free_kernel_run(p->data, p->data_pages);
	*p = (struct pipes){ .n = 0 };
}
