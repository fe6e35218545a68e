/* kernel/page.c - physical pages. SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "kernel/boot.h"
#include "kernel/env.h"
#include "kernel/generation.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/pt.h"
#include "kernel/string.h"

enum { READY_PAGES = 64, SCRUB_BATCH = 8 };

struct exo_page *pages;
struct page_private *page_private;

/* Scrubbed pages come first in the free list, the others follow. */
static struct {
	uint32_t dirty; /* first that is not scrubbed, 0: none */
	uint32_t last;  /* of the whole list */
	uint32_t ready; /* how many are scrubbed */
} list;

uint32_t page_count(void) { return info.npages; }
uint32_t page_first_free(void) { return info.free_head; }
bool page_is_free(uint32_t pfn) { return pfn < info.npages && pages[pfn].state == PAGE_FREE; }

static void list_push(uint32_t *head, uint32_t pfn)
{
	struct exo_page *p = &pages[pfn];

	p->prev = 0;
	p->next = *head;
	if (*head)
		pages[*head].prev = pfn;
	*head = pfn;
}

static void list_remove(uint32_t *head, uint32_t pfn)
{
	struct exo_page *p = &pages[pfn];

	if (p->prev)
		pages[p->prev].next = p->next;
	else
		*head = p->next;
	if (p->next)
		pages[p->next].prev = p->prev;
	p->next = p->prev = 0;
}

static void free_push(uint32_t pfn)
{
	struct exo_page *p = &pages[pfn];

	/* A page that has had them all is retired: old slots must stay stale. */
	if (p->generation > GENERATION_MAX) {
		p->state = PAGE_RESERVED;
		return;
	}
	p->state = PAGE_FREE;
	info.free_pages++;
	if (p->scrubbed) {
		list.ready++;
		list.last = list.last ? list.last : pfn;
		list_push(&info.free_head, pfn);
		return;
	}
	/* Before the first dirty page, or last of all. */
	p->next = list.dirty;
	p->prev = list.dirty ? pages[list.dirty].prev : list.last;
	*(p->prev ? &pages[p->prev].next : &info.free_head) = pfn;
	*(p->next ? &pages[p->next].prev : &list.last) = pfn;
	list.dirty = pfn;
}

static void free_remove(uint32_t pfn)
{
	struct exo_page *p = &pages[pfn];

	assert(p->state == PAGE_FREE);
	list.ready -= p->scrubbed;
	if (list.dirty == pfn)
		list.dirty = p->next;
	if (list.last == pfn)
		list.last = p->prev;
	list_remove(&info.free_head, pfn);
	info.free_pages--;
}

static void scrub(uint32_t pfn)
{
	memset(page_kva(pfn), 0, EXO_PAGE_SIZE);
	info.scrubs++;
}

/* Take a page off the free list, scrubbed. */
static void take(uint32_t pfn, enum exo_page_state state)
{
	free_remove(pfn);
	if (!pages[pfn].scrubbed)
		scrub(pfn);
	pages[pfn].scrubbed = 0;
	pages[pfn].state = state;
}

bool page_scrub(void)
{
	int n = 0;

	for (; n < SCRUB_BATCH && list.dirty && list.ready < READY_PAGES; n++) {
		scrub(list.dirty);
		pages[list.dirty].scrubbed = 1;
		list.ready++;
		list.dirty = pages[list.dirty].next;
	}
	return n > 0;
}

/* The first address at or above `from` where `bytes` of usable memory lie. */
static uint64_t find_room(const struct boot_memory *m, uint64_t from, uint64_t bytes)
{
	for (uint32_t i = 0; i < m->nranges; i++) {
		uint64_t start = m->range[i].start > from ? m->range[i].start : from;

		if (start < m->range[i].end && m->range[i].end - start >= bytes)
			return start;
	}
	panic("page_init: no room for %lu bytes of page records", bytes);
}

void page_init(const struct boot_memory *m)
{
	uint64_t npages = m->end >> EXO_PAGE_SHIFT;
	uint64_t public = (npages * sizeof *pages + 4095) & ~4095ull;
	uint64_t private = (npages * sizeof *page_private + 4095) & ~4095ull;
	uint64_t at = find_room(m, m->reserved_end, public + private);
	uint64_t used = (at + public + private) >> EXO_PAGE_SHIFT;

	pages = kva(at);
	page_private = kva(at + public);
	memset(pages, 0, public + private);
	info.npages = (uint32_t)npages;
	for (uint32_t i = m->nranges; i-- > 0;)
		for (uint64_t pfn = m->range[i].end >> EXO_PAGE_SHIFT;
		     pfn-- > m->range[i].start >> EXO_PAGE_SHIFT;)
			if (pfn >= used) {
				pages[pfn].generation = generation_first;
				free_push((uint32_t)pfn);
			}
	for (uint64_t pfn = m->kernel_start >> EXO_PAGE_SHIFT; pfn < used; pfn++)
		pages[pfn].state = PAGE_KERNEL;
}

uint32_t page_take_kernel(void)
{
	uint32_t pfn = info.free_head;

	if (pfn)
		take(pfn, PAGE_KERNEL);
	return pfn;
}

uint32_t page_alloc_kernel(void)
{
	uint32_t pfn = page_take_kernel();

	if (!pfn)
		panic("page_alloc_kernel: out of memory");
	return pfn;
}

static bool run_is_free(uint32_t pfn, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!page_is_free(pfn + i))
			return false;
	return true;
}

uint32_t page_take_kernel_run(uint32_t n)
{
	for (uint32_t pfn = 1; pfn + n <= info.npages; pfn++) {
		if (!run_is_free(pfn, n))
			continue;
		for (uint32_t i = 0; i < n; i++)
			take(pfn + i, PAGE_KERNEL);
		return pfn;
	}
	return 0;
}

uint32_t page_alloc_kernel_run(uint32_t n)
{
	uint32_t pfn = page_take_kernel_run(n);

	if (!pfn)
		panic("page_alloc_kernel_run: no %u contiguous pages", n);
	return pfn;
}

void page_free_kernel(uint32_t pfn)
{
	assert(pages[pfn].state == PAGE_KERNEL);
	free_push(pfn);
}

void page_free_kernel_run(uint32_t pfn, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		page_free_kernel(pfn + i);
}

static void charge(uint32_t pfn, struct env *env)
{
	pages[pfn].owner = env->pub->id;
	list_push(&env->pages, pfn);
	env->pub->pages++;
}

void page_guarantee(uint32_t pfn, struct env *env, bool on)
{
	env->guaranteed += on;
	env->guaranteed -= pages[pfn].guaranteed;
	pages[pfn].guaranteed = on;
}

static void discharge(uint32_t pfn)
{
	struct env *env = env_by_id(pages[pfn].owner);

	assert(env);
	if (pages[pfn].guaranteed)
		page_guarantee(pfn, env, false);
	list_remove(&env->pages, pfn);
	env->pub->pages--;
	pages[pfn].owner = 0;
}

void page_own(uint32_t pfn, struct env *env, enum exo_page_state state)
{
	take(pfn, state);
	charge(pfn, env);
}

void page_adopt(uint32_t pfn, struct env *env)
{
	assert(pages[pfn].state == PAGE_KERNEL);
	pages[pfn].state = PAGE_OWNED;
	charge(pfn, env);
}

void page_give(uint32_t pfn, struct env *to)
{
	discharge(pfn);
	charge(pfn, to);
}

void page_renew(uint32_t pfn) { pages[pfn].generation++; }

void page_release_zero(uint32_t pfn)
{
	assert(pages[pfn].state == PAGE_TABLE && !pages[pfn].pins);
	pages[pfn].scrubbed = 1;
	page_release(pfn);
}

void page_release(uint32_t pfn)
{
	assert(pages[pfn].state == PAGE_OWNED || pages[pfn].state == PAGE_TABLE);
	if (pages[pfn].state == PAGE_OWNED) { /* nothing names a table's page */
		pt_break(pfn);
		page_renew(pfn);
	}
	pages[pfn].touched = 0;
	discharge(pfn);
	if (pages[pfn].pins)
		pages[pfn].state = PAGE_QUARANTINE;
	else
		free_push(pfn);
}

void page_pin(uint32_t pfn)
{
	assert(pages[pfn].pins < UINT16_MAX);
	pages[pfn].pins++;
}

void page_unpin(uint32_t pfn)
{
	assert(pages[pfn].pins);
	if (--pages[pfn].pins == 0 && pages[pfn].state == PAGE_QUARANTINE)
		free_push(pfn);
}
