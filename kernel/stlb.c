/* kernel/stlb.c - see stlb.h. SPDX-License-Identifier: ISC */
#include "kernel/stlb.h"
#include "kernel/kmap.h"
#include "kernel/page.h"

static uint32_t page_of(const void *at)
{
	return (uint32_t)(kmap_phys((uint64_t)at) >> EXO_PAGE_SHIFT);
}

void stlb_init(void)
{
	struct stlb *s = page_kva(page_alloc_kernel_run(sizeof *s / EXO_PAGE_SIZE));
	const uint32_t e = page_of(s->e), link = page_of(s->link);

	for (uint32_t i = 0; i < sizeof s->e / EXO_PAGE_SIZE; i++)
		page_private[e + i] = (struct page_private){ .shadow = link + i, .env = STLB_ENV };
	cpu()->stlb = s;
}

static uint32_t index_of(const uint64_t *e) { return (uint32_t)(e - cpu()->stlb->e); }

void stlb_name(const uint64_t *e, const struct env *env, uint64_t va)
{
	cpu()->stlb->tag[index_of(e)] = stlb_tag(env, va);
}

struct env *stlb_owner(const uint64_t *e, uint64_t *va)
{
	uint64_t tag = cpu()->stlb->tag[index_of(e)];
	struct env *env = env_at((uint32_t)(tag >> STLB_SPACE_SHIFT) - 1);

	*va = tag << EXO_PAGE_SHIFT ^ env->space;
	return env;
}
