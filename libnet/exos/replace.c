/* libnet/exos/replace.c - which page leaves: policies for a pager (pager.h). SPDX-License-Identifier: ISC */
#include "libnet/exos/pager.h"

uint32_t pager_fifo(struct pager *p, uint32_t page)
{
	uint32_t first = 0;

	(void)page;
	for (uint32_t i = 1; i < p->frames; i++)
		if (p->frame[i].loaded < p->frame[first].loaded)
			first = i;
	return first;
}

uint32_t pager_lru(struct pager *p, uint32_t page)
{
	uint32_t least = 0;

	(void)page;
	pager_sample(p);
	for (uint32_t i = 1; i < p->frames; i++)
		if (p->frame[i].used < p->frame[least].used)
			least = i;
	return least;
}

/* How far does a come before page, going round? */
static uint32_t before(const struct pager *p, uint32_t a, uint32_t page)
{
	return (page + p->pages - a) % p->pages;
}

uint32_t pager_mru(struct pager *p, uint32_t page)
{
	uint32_t most = 0;

	pager_sample(p);
	for (uint32_t i = 1; i < p->frames; i++) {
		const struct pager_frame *f = &p->frame[i], *m = &p->frame[most];

		if (f->used > m->used ||
		    (f->used == m->used && before(p, f->page, page) < before(p, m->page, page)))
			most = i;
	}
	return most;
}
