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

enum { SOFT_SHIFT = 6, TABLE_SPAN = 1 << 21, TABLE_ENTRIES = 512, FLUSH_MAX = 32 };

_Static_assert(PROT_SOFT << SOFT_SHIFT == 7 << 9, "PTE bits 9..11 are software's");

/* In an entry, a bit that the CPU ignores: the right to write was granted when the mapping
 * was made. Set wherever PTE_W is. */
#define PTE_HELD (1ull << 52)

uint64_t pt_bits(uint32_t prot)
{
	return (prot & PROT_W ? PTE_W : 0) | (prot & (PROT_W | PROT_HELD) ? PTE_HELD : 0) |
	       (prot & PROT_X ? 0 : PTE_NX) | (uint64_t)(prot & PROT_SOFT) << SOFT_SHIFT;
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
	kmap_share(top, true);
	top[EXO_USER_TOP >> 39 & 511] = info_table() | PTE_P | PTE_U;
	env->cr3 = (uint64_t)pfn << EXO_PAGE_SHIFT;
	return 0;
}

/* The next table down from entry, or NULL. */
static uint64_t *down(uint64_t entry) { return entry & PTE_P ? kva(entry & PTE_ADDR) : NULL; }

/* The last-level table for va, NULL if there is none. Tables stay until pt_destroy, so the last
 * one found is remembered. */
static inline uint64_t *pt_table(struct env *env, uint64_t va)
{
	if (env->table && env->table_key == va / TABLE_SPAN)
		return env->table;
	uint64_t *pml4 = kva(env->cr3);
	uint64_t *pdpt = down(pml4[va >> 39 & 511]);
	uint64_t *pd = pdpt ? down(pdpt[va >> 30 & 511]) : NULL;
	uint64_t *table = pd ? down(pd[va >> 21 & 511]) : NULL;

	if (table) {
		env->table_key = (uint32_t)(va / TABLE_SPAN);
		env->table = table;
	}
	return table;
}

uint64_t *pt_entry(struct env *env, uint64_t va)
{
	uint64_t *table = pt_table(env, va);

	return table ? &table[va >> 12 & 511] : NULL;
}

struct pt_run pt_run(struct env *env, uint64_t va, uint32_t n)
{
	uint32_t room = TABLE_ENTRIES - (va >> 12 & 511);

	return (struct pt_run){ pt_entry(env, va), NULL, n < room ? n : room };
}

/* What the kernel knows of the table that an entry is in. */
static struct page_private *table_of(const uint64_t *e)
{
	return &page_private[((uint64_t)e - DIRECT) >> EXO_PAGE_SHIFT];
}

/* Fill an entry that is 0. */
static void set_live(uint64_t *entry, uint64_t value)
{
	*entry = value;
	table_of(entry)->live++;
}

static bool make_table(struct env *env, uint64_t *entry)
{
	if (*entry & PTE_P)
		return true;
	uint32_t pfn = take_table(env);
	if (pfn)
		set_live(entry, (uint64_t)pfn << EXO_PAGE_SHIFT | PTE_P | PTE_W | PTE_U);
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

	if ((va ^ (end - 1)) < TABLE_SPAN && pt_table(env, va))
		return 0; /* one table, which is there */
	for (uint64_t at = va & ~(uint64_t)(TABLE_SPAN - 1); at < end; at += TABLE_SPAN)
		if (!make_tables(env, at))
			return -E_NOMEM;
	return 0;
}

/* Chains. */

/* Where the link of entry e lies, in bytes from e. All entries of a table are as far from theirs. */
static int64_t link_distance(const uint64_t *e)
{
	const struct page_private *t = table_of(e);

	return (int64_t)page_kva(t->shadow) - (int64_t)((uint64_t)e & ~(EXO_PAGE_SIZE - 1ull));
}

static uint64_t **link_at(const uint64_t *e, int64_t distance)
{
	return (uint64_t **)((uint64_t)e + (uint64_t)distance);
}

static uint64_t *next_of(const uint64_t *e) { return *link_at(e, link_distance(e)); }

void pt_flush(const struct env *env, uint64_t va, uint32_t n)
{
	if (cpu()->cr3 != env->cr3)
		return;
	if (n > FLUSH_MAX) {
		load_cr3(env->cr3);
		return;
	}
	for (; n--; va += EXO_PAGE_SIZE)
		invlpg(va);
}

/* Does page pfn have a mapping, other than `but`, that can execute (or else, be made to
 * write)? */
static bool mapped_so(uint32_t pfn, const uint64_t *but, bool to_execute)
{
	for (const uint64_t *e = page_private[pfn].mappings; e; e = next_of(e))
		if (e != but && (to_execute ? executable(*e) : *e & PTE_HELD))
			return true;
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

/* Fill an entry that is 0. The table counts it later. */
static inline void bind(uint64_t *e, int64_t distance, uint32_t pfn, uint64_t bits)
{
	struct page_private *p = &page_private[pfn];

	*link_at(e, distance) = p->mappings;
	p->mappings = e;
	*e = (uint64_t)pfn << EXO_PAGE_SHIFT | bits;
	if (executable(bits))
		set_executable(pfn, true);
}

/* Not the first of its chain. */
static void unlink_inner(const uint64_t *e, uint64_t *at)
{
	while (next_of(at) != e) {
		at = next_of(at);
		assert(at);
	}
	*link_at(at, link_distance(at)) = next_of(e);
}

/* Empty an entry that is not 0. The table counts it later. */
static inline void unbind(uint64_t *e, int64_t distance)
{
	uint64_t old = *e;
	uint32_t pfn = pt_page(old);
	struct page_private *p = &page_private[pfn];

	if (p->mappings == e)
		p->mappings = *link_at(e, distance);
	else
		unlink_inner(e, p->mappings);
	*e = 0;
	if (executable(old))
		set_executable(pfn, mapped_so(pfn, NULL, true));
}

static int check_one(const uint64_t *e, uint32_t pfn, uint32_t prot)
{
	if (!(prot & PROT_X))
		return mapped_so(pfn, e, true) ? -E_BUSY : 0;
	return pages[pfn].kernel_writes || mapped_so(pfn, e, false) ? -E_BUSY : kmap_split(pfn);
}

int pt_check(const struct pt_run *r, uint32_t prot)
{
	if (!(prot & (PROT_W | PROT_HELD | PROT_X)))
		return 0;
	for (uint32_t i = 0; i < r->n; i++) {
		uint32_t pfn = r->s[i].index;
		int error = prot & PROT_X || pages[pfn].executable ? check_one(&r->e[i], pfn, prot) : 0;

		if (error)
			return error;
	}
	return 0;
}

void pt_set(const struct pt_run *r, uint32_t prot)
{
	const uint64_t bits = PTE_P | PTE_U | pt_bits(prot);
	const struct slot *s = r->s;
	int64_t distance = link_distance(r->e);
	uint32_t old = 0;

	for (uint64_t *e = r->e, *end = e + r->n; e < end; e++, s++) {
		if (*e) {
			unbind(e, distance);
			old++;
		}
		bind(e, distance, s->index, bits);
	}
	table_of(r->e)->live += r->n - old;
}

void pt_clear(const struct pt_run *r)
{
	int64_t distance = link_distance(r->e);
	uint64_t gone = 0;

	for (uint64_t *e = r->e, *end = e + r->n; e < end; e++) {
		if (!*e)
			continue;
		unbind(e, distance);
		gone++;
	}
	table_of(r->e)->live -= gone;
}

/* The bits that all entries of a run have. */
static inline uint64_t common(const struct pt_run *r)
{
	uint64_t bits = UINT64_MAX;

#pragma GCC unroll 8
	for (const uint64_t *e = r->e, *end = e + r->n; e != end; e++)
		bits &= *e;
	return bits;
}

bool pt_granted(const struct pt_run *r, uint32_t prot)
{
	if (!(prot & PROT_X) && common(r) & PTE_HELD)
		return true; /* the ordinary case: all are mapped, and were granted it */
	for (uint32_t i = 0; i < r->n; i++) {
		uint64_t e = r->e[i];

		if (e && ((prot & PROT_W && !(e & PTE_HELD)) || (prot & PROT_X && !executable(e))))
			return false;
	}
	return true;
}

/* One entry, which may be empty, or stop executing. */
static void protect_one(uint64_t *e, uint64_t keep, uint64_t bits)
{
	uint64_t old = *e, value = (old & keep) | bits;

	if (!old)
		return;
	*e = value;
	if (executable(old) && !executable(value))
		set_executable(pt_page(old), mapped_so(pt_page(old), NULL, true));
}

void pt_protect(const struct pt_run *r, uint32_t prot)
{
	const uint64_t taken = PTE_W | PTE_NX | pt_bits(PROT_SOFT) | (prot & PROT_HELD ? 0 : PTE_HELD);
	const uint64_t keep = ~taken, bits = pt_bits(prot & ~(uint32_t)PROT_HELD);
	uint64_t *end = r->e + r->n;

	if (executable(common(r))) { /* some are empty or executable */
		for (uint64_t *e = r->e; e != end; e++)
			protect_one(e, keep, bits);
		return;
	}
#pragma GCC unroll 8
	for (uint64_t *e = r->e; e != end; e++)
		*e = (*e & keep) | bits;
}

void pt_break(uint32_t pfn)
{
	uint64_t *e;

	if (pages[pfn].state != PAGE_OWNED)
		return;
	while ((e = page_private[pfn].mappings)) {
		struct page_private *table = table_of(e);

		unbind(e, link_distance(e));
		table->live--;
		pt_flush(env_at(table->env), table->va + (uint64_t)e % EXO_PAGE_SIZE / 8 * EXO_PAGE_SIZE,
		         1);
	}
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
			unbind(e, link_distance(e));
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
	top[EXO_USER_TOP >> 39 & 511] = 0;
	free_tables(env, env->cr3, 4);
	env->cr3 = 0;
	env->table = NULL;
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
