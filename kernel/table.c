/* kernel/table.c - environments' page tables: a bounded cache, over the software TLB.
 *
 * An environment that has used up its table_limit, or all memory, has its last-level tables
 * recycled: their mappings move to the software TLB (stlb.h), from where page faults copy them back
 * one by one. What must leave the software TLB for another is gone: the environment maps it
 * again when it next faults.
 *
 * Source: Intel SDM vol. 3, 4.5. SPDX-License-Identifier: ISC */
#include "kernel/table.h"
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/pt.h"

/* Recycling. */

/* Empty an entry of the software TLB that another mapping needs. What the CPU has noted
 * is kept in the page's record. */
static void displace(uint64_t *mapping)
{
	uint64_t va;
	struct env *env = stlb_owner(mapping, &va);

	table_recall(env, va, mapping);
	uint64_t e = *mapping;
	pages[pt_page(e)].touched |= (uint8_t)((e & PTE_A ? 2 : 0) | (e & PTE_D ? 4 : 0));
	chain_remove(mapping, chain_distance(mapping));
	info.stlb_lost++;
}

/* Move the mapping at entry e of a table to the software TLB. */
static void spill(struct env *env, uint64_t va, uint64_t *e)
{
	uint64_t *to = stlb_find(env, va);

	if (to) { /* e is a copy */
		table_recall(env, va, to);
		return;
	}
	to = stlb_place(env, va);
	if (*to)
		displace(to);
	stlb_name(to, env, va);
	chain_move(e, to);
}

/* Has the CPU used the table at va since the last time we asked? */
static bool referenced(struct env *env, uint64_t va)
{
	uint64_t *entry = table_directory(env, va);
	bool was = *entry & PTE_A;

	*entry &= ~PTE_A;
	return was;
}

/* Take out of the ring a table to recycle, outside [lo, hi): the oldest that has not been used
 * lately. Returns its page, or 0. */
static uint32_t victim(struct env *env, uint64_t lo, uint64_t hi)
{
	uint32_t ntables = env->pub->tables; /* not less than the ring has */

	for (uint32_t tries = 2 * ntables; tries && env->tables; tries--) {
		struct page_private *newest = &page_private[env->tables];
		uint32_t oldest = newest->next;
		struct page_private *t = &page_private[oldest];
		uint64_t va = table_va(t);

		if ((t->guaranteed && t->live) || (va + TABLE_SPAN > lo && va < hi) ||
		    (referenced(env, va) && tries > ntables)) {
			env->tables = oldest;
			continue;
		}
		newest->next = t->next;
		if (env->tables == oldest)
			env->tables = 0;
		return oldest;
	}
	return 0;
}

/* Give back a page of env's tables, which is empty. */
static void release_table(struct env *env, uint32_t pfn)
{
	page_private[pfn] = (struct page_private){ 0 };
	page_release_zero(pfn);
	env->pub->tables--;
}

/* Give back the last-level table for va, which is empty and not in the ring, and what is empty then
 * above it. */
static void release_path(struct env *env, uint64_t va)
{
	uint64_t *path[4] = { kva(env->cr3) };
	int level = 0;

	for (int shift = 39; level < 3; level++, shift -= 9)
		path[level + 1] = table_down(*(path[level] += va >> shift & 511));
	page_release(table_of(path[3])->shadow);
	env->pub->tables--;
	do {
		release_table(env, (uint32_t)(kmap_phys((uint64_t)path[level]) >> EXO_PAGE_SHIFT));
		level--;
		*path[level] = 0;
	} while (--table_of(path[level])->live == 0);
}

/* Recycle one of env's tables, outside [lo, hi). False if none can be: only an environment that
 * handles exceptions could map again what gets lost. */
static bool recycle(struct env *env, uint64_t lo, uint64_t hi)
{
	uint32_t pfn = env->page && env->page->exception_entry ? victim(env, lo, hi) : 0;

	if (!pfn)
		return false;
	uint64_t va = table_va(&page_private[pfn]), *table = page_kva(pfn);
	for (uint32_t i = 0; i < TABLE_ENTRIES; i++)
		if (table[i])
			spill(env, va + (uint64_t)i * EXO_PAGE_SIZE, &table[i]);
	page_private[pfn].live = 0;
	release_path(env, va);
	table_forget(env);
	env->spilled = 1;
	info.tables_recycled++;
	if (cpu()->cr3 == env->cr3)
		load_cr3(env->cr3);
	return true;
}

/* How many pages env may take for tables. */
static uint32_t room(const struct env *env)
{
	uint32_t left = env->pub->table_limit - env->pub->tables;

	return left < info.free_pages ? left : info.free_pages;
}

uint32_t pt_take(struct env *env)
{
	while (!room(env))
		if (!recycle(env, 0, 0))
			return 0;
	uint32_t pfn = page_first_free();
	page_own(pfn, env, PAGE_TABLE);
	env->pub->tables++;
	return pfn;
}

/* Making tables. */

int pt_create(struct env *env)
{
	uint32_t pfn = pt_take(env);

	if (!pfn)
		return -E_NOMEM;
	uint64_t *top = page_kva(pfn);
	kmap_share(top, true);
	env->cr3 = (uint64_t)pfn << EXO_PAGE_SHIFT;
	top[EXO_USER_TOP >> 39 & 511] = info_table() | PTE_P | PTE_U;
	top[EXO_TABLES >> 39 & 511] = env->cr3 | PTE_P | PTE_U | PTE_NX; /* itself, read-only */
	table_forget(env);
	return 0;
}

/* How many pages the tables for va still need: the last one comes with a shadow. */
static uint32_t missing(const struct env *env, uint64_t va)
{
	const uint64_t *table = kva(env->cr3);
	uint32_t n = 4;

	for (int shift = 39; table && n > 1; shift -= 9)
		if ((table = table_down(table[va >> shift & 511])))
			n--;
	return table ? 0 : n;
}

/* The table that entry leads to, made if there is room. */
static uint64_t *make_table(struct env *env, uint64_t *entry)
{
	if (!(*entry & PTE_P)) {
		*entry = (uint64_t)pt_take(env) << EXO_PAGE_SHIFT | PTE_P | PTE_W | PTE_U;
		table_of(entry)->live++;
	}
	return table_down(*entry);
}

static void make_last_table(struct env *env, uint64_t *entry, uint64_t va)
{
	uint32_t pfn = (uint32_t)(kmap_phys((uint64_t)make_table(env, entry)) >> EXO_PAGE_SHIFT);
	struct page_private *newest = &page_private[env->tables];

	page_private[pfn] = (struct page_private){
		.region = (uint32_t)(va / TABLE_SPAN), .shadow = pt_take(env),
		.next = env->tables ? newest->next : pfn, .env = (uint16_t)env->index
	};
	if (env->tables)
		newest->next = pfn;
	env->tables = pfn;
}

/* Make the tables for va, without recycling any for [lo, hi). */
static bool make_tables(struct env *env, uint64_t va, uint64_t lo, uint64_t hi)
{
	while (room(env) < missing(env, va)) /* recycling may also take tables above va */
		if (!recycle(env, lo, hi))
			return false;
	if (!missing(env, va))
		return true;
	uint64_t *top = kva(env->cr3);
	uint64_t *pdpt = make_table(env, &top[va >> 39 & 511]);
	uint64_t *pd = make_table(env, &pdpt[va >> 30 & 511]);
	make_last_table(env, &pd[va >> 21 & 511], va);
	return true;
}

/* Bring mappings of n pages back from the software TLB to their tables, which are there. */
static void pull(struct env *env, uint64_t va, uint32_t n)
{
	for (; n--; va += EXO_PAGE_SIZE) {
		uint64_t *mapping = stlb_find(env, va);

		if (!mapping)
			continue;
		table_recall(env, va, mapping);
		chain_move(mapping, table_entry(env, va));
		table_of(table_entry(env, va))->live++;
	}
}

int pt_prepare(struct env *env, uint64_t va, uint32_t n)
{
	uint64_t end = va + (uint64_t)n * EXO_PAGE_SIZE;

	if ((va ^ (end - 1)) < TABLE_SPAN && !env->spilled && table_at(env, va))
		return 0; /* one table, which is there */
	for (uint64_t at = va & ~(uint64_t)(TABLE_SPAN - 1); at < end; at += TABLE_SPAN)
		if (!make_tables(env, at, va, end))
			return -E_NOMEM;
	if (env->spilled)
		pull(env, va, n);
	return 0;
}

bool pt_refill(uint64_t va)
{
	struct env *env = cpu()->env;
	uint64_t *mapping = stlb_find(env, va);

	if (!mapping || !make_tables(env, va, 0, 0))
		return false;
	mapping = stlb_find(env, va); /* it may have had to leave */
	if (mapping) {
		*table_entry(env, va) = *mapping;
		info.stlb_refills++;
	}
	return mapping;
}

/* Empty env's entries of the software TLB, and their copies. */
static void forget_spilled(struct env *env)
{
	struct stlb *s = cpu()->stlb;
	uint64_t va;

	for (uint32_t i = 0; i < STLB_ENTRIES; i++)
		if (s->e[i] && stlb_owner(&s->e[i], &va) == env)
			table_break(&s->e[i]);
	env->spilled = 0;
}

/* Free a table, its shadow, and everything below. Levels: 1 is the last. */
static void free_tables(struct env *env, uint64_t table_phys, int level)
{
	uint32_t pfn = (uint32_t)(table_phys >> EXO_PAGE_SHIFT);
	struct page_private *p = &page_private[pfn];

	for (uint64_t *e = kva(table_phys); p->live; e++) {
		if (!*e)
			continue;
		if (level == 1) {
			chain_remove(e, chain_distance(e));
		} else {
			free_tables(env, *e & PTE_ADDR, level - 1);
			*e = 0;
		}
		p->live--;
	}
	if (level == 1)
		page_release(p->shadow);
	*p = (struct page_private){ 0 };
	page_release_zero(pfn);
}

void pt_destroy(struct env *env)
{
	uint64_t *top = kva(env->cr3);

	if (cpu()->cr3 == env->cr3) {
		cpu()->cr3 = kmap_top();
		load_cr3(cpu()->cr3);
	}
	kmap_share(top, false);
	top[EXO_USER_TOP >> 39 & 511] = top[EXO_TABLES >> 39 & 511] = 0;
	if (env->spilled)
		forget_spilled(env);
	free_tables(env, env->cr3, 4);
	env->cr3 = 0;
	table_forget(env);
	env->tables = 0;
	env->pub->tables = 0;
}
