/* libnet/exos/pager.c - see pager.h. SPDX-License-Identifier: ISC */
#include "libnet/exos/pager.h"
#include "exo/cap.h"
#include "exo/err.h"
#include "exo/page.h"
#include "exo/stub.h"
#include "libnet/exos/exposed.h"

enum { USED = 2, DIRTY = 4 /* as sys_page_scan has them */,
       WINDOW = PROT_R | PROT_W | PROT_GUARANTEED };

static uint64_t va_of(const struct pager *p, uint32_t page)
{
	return p->base + ((uint64_t)page << EXO_PAGE_SHIFT);
}

static void *window_of(const struct pager *p, const struct pager_frame *f)
{
	return (void *)(p->window + ((uint64_t)(f - p->frame) << EXO_PAGE_SHIFT));
}

/* What the CPU has noted about the page in f: in its entry, or, if the kernel has moved that elsewhere, what the
 * kernel knows, or has kept of it. */
static uint32_t noted(const struct pager *p, const struct pager_frame *f)
{
	uint64_t va = va_of(p, f->page), entry = exo_entry(va);
	uint32_t bits = exo_pages()[f->number].touched;

	if (!entry)
		return bits | (uint32_t)sys_page_scan(SLOT_SELF, va, 0);
	return bits | (entry & EXO_ENTRY_ACCESSED ? USED : 0) | (entry & EXO_ENTRY_DIRTY ? DIRTY : 0);
}

void pager_sample(struct pager *p)
{
	for (struct pager_frame *f = p->frame; f < p->frame + p->frames; f++)
		if (f->page != PAGER_NONE && noted(p, f) & USED) {
			f->used = p->faults;
			sys_page_scan(SLOT_SELF, va_of(p, f->page), USED);
		}
}

/* Have the store know what is in f. */
static bool keep(struct pager *p, const struct pager_frame *f)
{
	if (f->page == PAGER_NONE || !(noted(p, f) & DIRTY))
		return true;
	if (!p->store.keep(p->store.context, f->page, window_of(p, f)))
		return false;
	p->kept++;
	return true;
}

static bool empty(struct pager *p, struct pager_frame *f)
{
	if (!keep(p, f))
		return false;
	if (f->page != PAGER_NONE)
		sys_page_unmap(SLOT_SELF, va_of(p, f->page), 1);
	f->page = PAGER_NONE;
	return true;
}

/* The frame of a page, or one that has none (PAGER_NONE); NULL. */
static struct pager_frame *find(struct pager *p, uint32_t page)
{
	for (struct pager_frame *f = p->frame; f < p->frame + p->frames; f++)
		if (f->page == page)
			return f;
	return NULL;
}

static struct pager_frame *chosen(struct pager *p, uint32_t page)
{
	return &p->frame[p->policy(p, page) % p->frames];
}

static bool map(struct pager *p, const struct pager_frame *f, uint32_t page)
{
	return sys_page_map(SLOT_SELF, va_of(p, page), f->slot, 1, PROT_R | PROT_W) == 0;
}

static bool fill(struct pager *p, struct pager_frame *f, uint32_t page)
{
	if (!p->store.fetch(p->store.context, page, window_of(p, f)) || !map(p, f, page))
		return false;
	if (exo_pages()[f->number].touched) /* of the page before */
		sys_page_scan(SLOT_SELF, va_of(p, page), USED | DIRTY);
	f->page = page;
	f->loaded = f->used = p->faults;
	return true;
}

bool pager_fault(struct pager *p, uint64_t address)
{
	uint64_t page = (address - p->base) >> EXO_PAGE_SHIFT;
	struct pager_frame *f;

	if (address < p->base || page >= p->pages)
		return false;
	if ((f = find(p, (uint32_t)page)) != NULL)
		return map(p, f, f->page); /* its entry was wanted for another */
	p->faults++;
	f = find(p, PAGER_NONE);
	if (!f)
		f = chosen(p, (uint32_t)page);
	return empty(p, f) && fill(p, f, (uint32_t)page);
}

bool pager_flush(struct pager *p)
{
	bool all = true;

	for (struct pager_frame *f = p->frame; f < p->frame + p->frames; f++) {
		bool kept = keep(p, f);

		if (kept && f->page != PAGER_NONE)
			sys_page_scan(SLOT_SELF, va_of(p, f->page), DIRTY);
		all &= kept;
	}
	return all;
}

/* The last frame takes the place of f, in whose window it is seen from now on. */
static bool move_last(struct pager *p, struct pager_frame *f)
{
	struct pager_frame *last = &p->frame[p->frames - 1];

	if (f == last)
		return true;
	if (sys_page_map(SLOT_SELF, (uint64_t)window_of(p, f), last->slot, 1, WINDOW) < 0)
		return false;
	sys_page_unmap(SLOT_SELF, (uint64_t)window_of(p, last), 1);
	*f = *last;
	return true;
}

bool pager_shrink(struct pager *p)
{
	struct pager_frame *f = find(p, PAGER_NONE);

	if (p->frames == 1)
		return false;
	if (!f)
		f = chosen(p, p->pages);
	uint32_t slot = f->slot;
	if (!empty(p, f) || !move_last(p, f))
		return false;
	p->frames--;
	sys_page_free(slot, 1);
	return true;
}

bool pager_close(struct pager *p)
{
	if (!pager_flush(p))
		return false;
	for (struct pager_frame *f = p->frame; f < p->frame + p->frames; f++)
		sys_page_free(f->slot, 1); /* with all its mappings */
	p->frames = 0;
	return true;
}

static uint32_t number_of(uint64_t va)
{
	return (uint32_t)((exo_entry(va) & EXO_ENTRY_PAGE) >> EXO_PAGE_SHIFT);
}

static bool aligned(uint64_t va) { return va % EXO_PAGE_SIZE == 0; }

long pager_open(struct pager *p)
{
	if (!p->pages || p->pages > PAGER_PAGES || !p->frames || p->frames > PAGER_FRAMES ||
	    !aligned(p->base) || !aligned(p->window))
		return -E_INVAL;
	long slot = sys_page_alloc(PAGE_ANY, p->frames);
	if (slot < 0)
		return slot;
	long error = sys_page_map(SLOT_SELF, p->window, (uint32_t)slot, p->frames, WINDOW);
	if (error < 0) {
		sys_page_free((uint32_t)slot, p->frames);
		return error;
	}
	p->faults = p->kept = 0;
	for (uint32_t i = 0; i < p->frames; i++) {
		uint64_t va = p->window + ((uint64_t)i << EXO_PAGE_SHIFT);

		p->frame[i] = (struct pager_frame){ .page = PAGER_NONE, .slot = (uint32_t)slot + i,
			                            .number = number_of(va) };
	}
	return 0;
}
