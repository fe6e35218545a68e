/* kernel/pt.c - environments' page tables and the chains of mappings of each page.
 *
 * Source: Intel SDM vol. 3, 4.5. SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/pt.h"

enum { SOFT_SHIFT = 6, TABLE_SPAN = 1 << 21 };

_Static_assert(PROT_SOFT << SOFT_SHIFT == 7 << 9, "PTE bits 9..11 are software's");

uint64_t pt_bits(uint32_t prot)
{
	return (prot & PROT_W ? PTE_W : 0) | (prot & PROT_X ? 0 : PTE_NX) |
	       (uint64_t)(prot & PROT_SOFT) << SOFT_SHIFT;
}

static bool executable(uint64_t e) { return !(e & PTE_NX); }

/* A page for a table of env's, charged to it; 0 if there is none. */
static uint32_t take_table(struct env *env)
{
	uint32_t pfn = page_first_free();

	if (!pfn || env->pub->tables == env->pub->table_limit)
		return 0;
	page_own(pfn, env, PAGE_TABLE);
	env->pub->tables++;
	return pfn;
}

int pt_create(struct env *env)
{
	uint32_t pfn = take_table(env);

	if (!pfn)
		return -E_NOMEM;
	uint64_t *top = page_kva(pfn);
	for (int i = 256; i < 512; i++)
		top[i] = kmap_top()[i];
	top[EXO_USER_TOP >> 39 & 511] = info_table() | PTE_P | PTE_U;
	env->cr3 = (uint64_t)pfn << EXO_PAGE_SHIFT;
	return 0;
}

bool pt_range_ok(uint64_t va, uint32_t n)
{
	return va % EXO_PAGE_SIZE == 0 && va > EXO_ENVPAGE && va < EXO_USER_TOP && n > 0 &&
	       n <= PT_N_MAX && va + (uint64_t)n * EXO_PAGE_SIZE <= EXO_USER_TOP;
}

/* The next table down from entry, or NULL. */
static uint64_t *down(uint64_t entry) { return entry & PTE_P ? kva(entry & PTE_ADDR) : NULL; }

uint64_t *pt_table(struct env *env, uint64_t va)
{
	uint64_t *pml4 = kva(env->cr3);
	uint64_t *pdpt = down(pml4[va >> 39 & 511]);
	uint64_t *pd = pdpt ? down(pdpt[va >> 30 & 511]) : NULL;

	return pd ? down(pd[va >> 21 & 511]) : NULL;
}

struct pt_walk pt_walk(struct env *env, uint64_t va)
{
	return (struct pt_walk){ env, va, pt_table(env, va) };
}

static bool make_table(struct env *env, uint64_t *entry)
{
	if (*entry & PTE_P)
		return true;
	uint32_t pfn = take_table(env);
	if (pfn)
		*entry = (uint64_t)pfn << EXO_PAGE_SHIFT | PTE_P | PTE_W | PTE_U;
	return pfn;
}

/* A last-level table comes with a shadow page for the chains' links. */
static bool make_last_table(struct env *env, uint64_t *entry, uint64_t va)
{
	if (*entry & PTE_P)
		return true;
	uint32_t shadow = take_table(env);
	if (!shadow)
		return false;
	if (!make_table(env, entry)) {
		env->pub->tables--;
		page_release(shadow);
		return false;
	}
	page_private[pt_page(*entry)] = (struct page_private){
		.va = va & ~(uint64_t)(TABLE_SPAN - 1), .shadow = shadow, .env = env->index
	};
	return true;
}

static bool make_tables(struct env *env, uint64_t va)
{
	uint64_t *pml4 = kva(env->cr3), *pdpt, *pd;

	if (!make_table(env, &pml4[va >> 39 & 511]))
		return false;
	pdpt = down(pml4[va >> 39 & 511]);
	if (!make_table(env, &pdpt[va >> 30 & 511]))
		return false;
	pd = down(pdpt[va >> 30 & 511]);
	return make_last_table(env, &pd[va >> 21 & 511], va);
}

int pt_prepare(struct env *env, uint64_t va, uint32_t n)
{
	uint64_t end = va + (uint64_t)n * EXO_PAGE_SIZE;

	for (uint64_t at = va & ~(uint64_t)(TABLE_SPAN - 1); at < end; at += TABLE_SPAN)
		if (!make_tables(env, at))
			return -E_NOMEM;
	return 0;
}

/* Chains. An entry is known by its physical address. */

static uint64_t entry_phys(const uint64_t *e) { return kmap_phys((uint64_t)e); }

static struct page_private *table_of(uint64_t phys) { return &page_private[phys >> 12]; }

static uint64_t *link_of(uint64_t phys)
{
	return kva((uint64_t)table_of(phys)->shadow << EXO_PAGE_SHIFT | (phys & 0xfff));
}

static void flush(struct env *env, uint64_t va)
{
	if (cpu()->cr3 == env->cr3)
		invlpg(va);
}

/* Does page pfn have a mapping, other than `but`, that can execute (or else, write)? */
static bool mapped_so(uint32_t pfn, const uint64_t *but, bool to_execute)
{
	for (uint64_t at = page_private[pfn].mappings; at; at = *link_of(at)) {
		const uint64_t *e = kva(at);

		if (e != but && (to_execute ? executable(*e) : *e & PTE_W))
			return true;
	}
	return false;
}

/* The page's alias in the direct map follows: read-only while anybody may execute it. */
static void set_executable(uint32_t pfn, bool on)
{
	if (pages[pfn].executable == on)
		return;
	pages[pfn].executable = on;
	kmap_set(pfn, on ? KMAP_READ : KMAP_DATA);
}

static void link_entry(uint64_t *e, uint64_t value)
{
	uint32_t pfn = pt_page(value);
	uint64_t phys = entry_phys(e);

	*link_of(phys) = page_private[pfn].mappings;
	page_private[pfn].mappings = phys;
	*e = value;
	if (executable(value))
		set_executable(pfn, true);
}

static void unlink_entry(uint64_t *e)
{
	uint32_t pfn = pt_page(*e);
	uint64_t phys = entry_phys(e);
	uint64_t *at = &page_private[pfn].mappings;

	while (*at != phys) {
		assert(*at);
		at = link_of(*at);
	}
	*at = *link_of(phys);
	if (executable(*e))
		set_executable(pfn, mapped_so(pfn, NULL, true));
	*e = 0;
}

int pt_check(const uint64_t *e, uint32_t pfn, uint32_t prot)
{
	const struct exo_page *p = &pages[pfn];

	if (prot & PROT_W && p->executable && mapped_so(pfn, e, true))
		return -E_BUSY;
	if (!(prot & PROT_X))
		return 0;
	if (p->kernel_writes || mapped_so(pfn, e, false))
		return -E_BUSY;
	return kmap_split(pfn);
}

void pt_set(struct env *env, uint64_t va, uint64_t *e, uint32_t pfn, uint32_t prot)
{
	bool old = *e & PTE_P;

	if (old)
		unlink_entry(e);
	link_entry(e, (uint64_t)pfn << EXO_PAGE_SHIFT | PTE_P | PTE_U | pt_bits(prot));
	if (old)
		flush(env, va);
}

void pt_clear(struct env *env, uint64_t va, uint64_t *e)
{
	if (!(*e & PTE_P))
		return;
	unlink_entry(e);
	flush(env, va);
}

void pt_change(struct env *env, uint64_t va, uint64_t *e, uint64_t mask, uint64_t bits)
{
	*e = (*e & ~mask) | bits;
	flush(env, va);
}

void pt_break(uint32_t pfn)
{
	if (pages[pfn].state != PAGE_OWNED)
		return;
	while (page_private[pfn].mappings) {
		uint64_t phys = page_private[pfn].mappings;
		const struct page_private *table = table_of(phys);

		unlink_entry(kva(phys));
		flush(env_at(table->env), table->va + (phys & 0xfff) / 8 * EXO_PAGE_SIZE);
	}
}

/* Free a table, its shadow, and everything below. Levels: 1 is the last. */
static void free_tables(struct env *env, uint64_t table_phys, int level)
{
	uint64_t *t = kva(table_phys);
	int entries = level == 4 ? 256 : 512;

	for (int i = 0; i < entries; i++) {
		bool exposed = level == 4 && i == (int)(EXO_USER_TOP >> 39 & 511);

		if (!(t[i] & PTE_P) || exposed)
			continue;
		if (level == 1)
			unlink_entry(&t[i]);
		else
			free_tables(env, t[i] & PTE_ADDR, level - 1);
	}
	uint32_t pfn = (uint32_t)(table_phys >> EXO_PAGE_SHIFT);
	if (level == 1)
		page_release(page_private[pfn].shadow);
	page_private[pfn] = (struct page_private){ 0 };
	page_release(pfn);
}

void pt_destroy(struct env *env)
{
	if (cpu()->cr3 == env->cr3) {
		cpu()->cr3 = kmap_phys((uint64_t)kmap_top());
		load_cr3(cpu()->cr3);
	}
	free_tables(env, env->cr3, 4);
	env->cr3 = 0;
	env->pub->tables = 0;
}

void *pt_reach(struct env *env, uint64_t va, uint32_t n, bool write)
{
	uint32_t offset = va % EXO_PAGE_SIZE;

	if (va >= 0x800000000000 || n > EXO_PAGE_SIZE - offset)
		return NULL;
	const uint64_t *table = pt_table(env, va);
	uint64_t e = table ? table[va >> 12 & 511] : 0;
	uint64_t need = PTE_P | PTE_U | (write ? PTE_W : 0);
	return (e & need) == need ? (uint8_t *)kva(e & PTE_ADDR) + offset : NULL;
}
