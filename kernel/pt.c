/* kernel/pt.c - environments' page tables: a bounded cache, over the software TLB.
 *
 * An environment that has used up its table_limit, or all memory, has its last-level tables
 * recycled: their mappings move to the software TLB (stlb.h), from where page faults copy them back
 * one by one. What must leave the software TLB for another is gone: the environment maps it
 * again when it next faults.
 *
 * Source: Intel SDM vol. 3, 4.5. SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/chain.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/info.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/pt.h"
#include "kernel/stlb.h"

enum { SOFT_SHIFT = 6, TABLE_SPAN = 1 << 21, TABLE_ENTRIES = 512, FLUSH_MAX = 32 };

/* struct env.table_tag without a table: no tag is near it. */
#define NO_TABLE UINT64_MAX

_Static_assert(PROT_SOFT << SOFT_SHIFT == 7 << 9, "PTE bits 9..11 are software's");

uint64_t pt_bits(uint32_t prot)
{
	return (prot & PROT_W ? PTE_W : 0) | (prot & (PROT_W | PROT_HELD) ? PTE_HELD : 0) |
	       (prot & PROT_X ? 0 : PTE_NX) | (uint64_t)(prot & PROT_SOFT) << SOFT_SHIFT;
}

/* The next table down from entry, or NULL. */
static uint64_t *down(uint64_t entry) { return entry & PTE_P ? kva(entry & PTE_ADDR) : NULL; }

/* The entry of the second-lowest level that covers va, NULL if a table above is not there. */
static uint64_t *directory_entry(struct env *env, uint64_t va)
{
	uint64_t *pml4 = kva(env->cr3);
	uint64_t *pdpt = down(pml4[va >> 39 & 511]);
	uint64_t *pd = pdpt ? down(pdpt[va >> 30 & 511]) : NULL;

	return pd ? &pd[va >> 21 & 511] : NULL;
}

static void remember(struct env *env, uint64_t tag, uint64_t *table)
{
	env->table_tag = tag;
	env->near_tag = env->spilled ? NO_TABLE : tag;
	env->table = table;
	env->table_page = table_of(table);
	env->links = page_kva(env->table_page->shadow);
}

static void forget_table(struct env *env) { env->table_tag = env->near_tag = NO_TABLE; }

/* The last-level table for va, NULL if there is none. The last one found is remembered, if it is
 * the environment's own: what is done to a remembered table needs no further check. */
static inline uint64_t *pt_table(struct env *env, uint64_t va)
{
	uint64_t tag = stlb_tag(env, va);

	if ((tag ^ env->table_tag) < TABLE_ENTRIES)
		return env->table;
	const uint64_t *entry = directory_entry(env, va);
	uint64_t *table = entry ? down(*entry) : NULL;

	if (table && va < EXO_USER_TOP)
		remember(env, tag & ~(TABLE_ENTRIES - 1ull), table);
	return table;
}

static inline uint64_t *table_entry(struct env *env, uint64_t va)
{
	uint64_t *table = pt_table(env, va);

	return table ? &table[va >> 12 & 511] : NULL;
}

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

/* The mapping of env's page at va, in the software TLB, is about to change or to move: its
 * copy in a table goes, and what the CPU has noted there is noted in the mapping. */
static void recall(struct env *env, uint64_t va, uint64_t *mapping)
{
	uint64_t *copy = table_entry(env, va);

	if (!copy || !*copy)
		return;
	*mapping |= *copy & (PTE_A | PTE_D);
	*copy = 0;
	pt_flush(env, va, 1);
}

/* The index of the entry for the page at va in the table looked up last; TABLE_ENTRIES or more if va is not
 * aligned or in another, or if mappings of env's may be in the software TLB. */
static inline uint64_t near_index(const struct env *env, uint64_t va)
{
	uint64_t tag = va ^ env->space;

	tag = tag >> EXO_PAGE_SHIFT | tag << (64 - EXO_PAGE_SHIFT); /* misaligned: no tag */
	return tag ^ env->near_tag;
}

uint64_t *pt_entry(struct env *env, uint64_t va)
{
	uint64_t *mapping = env->spilled ? stlb_find(env, va) : NULL;

	if (!mapping)
		return table_entry(env, va);
	recall(env, va, mapping);
	return mapping;
}

struct pt_run pt_run(struct env *env, uint64_t va, uint32_t n)
{
	uint32_t room = TABLE_ENTRIES - (va >> 12 & 511);
	if (env->spilled)
		room = 1; /* the next one's mapping may be elsewhere */
	return (struct pt_run){ pt_entry(env, va), NULL, n < room ? n : room };
}

/* Recycling. */

/* Empty an entry of the software TLB that another mapping needs. What the CPU has noted
 * is kept in the page's record. */
static void displace(uint64_t *mapping)
{
	uint64_t va;
	struct env *env = stlb_owner(mapping, &va);

	recall(env, va, mapping);
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
		recall(env, va, to);
		return;
	}
	to = stlb_place(env, va);
	if (*to)
		displace(to);
	stlb_name(to, env, va);
	chain_move(e, to);
}

static uint64_t table_va(const struct page_private *t) { return (uint64_t)t->region * TABLE_SPAN; }

/* Has the CPU used the table at va since the last time we asked? */
static bool referenced(struct env *env, uint64_t va)
{
	uint64_t *entry = directory_entry(env, va);
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
		path[level + 1] = down(*(path[level] += va >> shift & 511));
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
	forget_table(env);
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
	forget_table(env);
	return 0;
}

/* How many pages the tables for va still need: the last one comes with a shadow. */
static uint32_t missing(const struct env *env, uint64_t va)
{
	const uint64_t *table = kva(env->cr3);
	uint32_t n = 4;

	for (int shift = 39; table && n > 1; shift -= 9)
		if ((table = down(table[va >> shift & 511])))
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
	return down(*entry);
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
		recall(env, va, mapping);
		chain_move(mapping, table_entry(env, va));
		table_of(table_entry(env, va))->live++;
	}
}

int pt_prepare(struct env *env, uint64_t va, uint32_t n)
{
	uint64_t end = va + (uint64_t)n * EXO_PAGE_SIZE;

	if ((va ^ (end - 1)) < TABLE_SPAN && !env->spilled && pt_table(env, va))
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

static int check_one(const uint64_t *e, uint32_t pfn, uint32_t prot)
{
	if (!(prot & PROT_X))
		return chain_has(pfn, e, true) ? -E_BUSY : 0;
	return pages[pfn].kernel_writes || chain_has(pfn, e, false) ? -E_BUSY : kmap_split(pfn);
}

int pt_check(const struct pt_run *r, uint32_t prot)
{
	for (uint32_t i = 0; i < r->n; i++) {
		uint32_t pfn = r->s[i].index;
		int error = prot & PROT_X || pages[pfn].executable ? check_one(&r->e[i], pfn, prot) : 0;

		if (error)
			return error;
	}
	return 0;
}

/* noinline: pt_set's loop is short without it. */
static __attribute__((noinline)) void replace(uint64_t *e)
{
	chain_remove(e, chain_distance(e));
	table_of(e)->live--;
}

void pt_set(const struct pt_run *r, uint32_t prot)
{
	const uint64_t bits = PTE_P | PTE_U | pt_bits(prot);
	const struct slot *s = r->s;
	int64_t distance = chain_distance(r->e);

	for (uint64_t *e = r->e, *end = e + r->n; e != end; e++, s++) {
		uint32_t pfn = s->index;

		if (*e)
			replace(e);
		chain_link_first(e, chain_link(e, distance), pfn);
		*e = (uint64_t)pfn << EXO_PAGE_SHIFT | bits;
	}
	for (uint32_t i = 0; prot & PROT_X && i < r->n; i++)
		chain_set_executable(r->s[i].index, true);
	table_of(r->e)->live += r->n;
	if (prot & PROT_GUARANTEED)
		table_of(r->e)->guaranteed = 1;
}

bool pt_map_near(struct env *env, uint64_t va, uint32_t pfn, uint32_t prot)
{
	uint64_t i = near_index(env, va), writable = prot & PROT_W;

	if (i >= TABLE_ENTRIES)
		return false;
	uint64_t *e = &env->table[i];
	if (*e || pages[pfn].executable)
		return false;
	chain_link_first(e, &env->links[i], pfn);
	*e = (uint64_t)pfn << EXO_PAGE_SHIFT | PTE_P | PTE_U | PTE_NX | writable |
	                writable * (PTE_HELD / PTE_W) | (uint64_t)(prot & PROT_SOFT) << SOFT_SHIFT;
	env->table_page->live++;
	return true; /* the CPU remembers no entry that was empty */
}

bool pt_unmap_near(struct env *env, uint64_t va)
{
	uint64_t i = near_index(env, va);

	if (i >= TABLE_ENTRIES || va == EXO_ENVPAGE)
		return false;
	if (!env->table[i])
		return true;
	chain_remove(&env->table[i], (int64_t)env->links - (int64_t)env->table);
	env->table_page->live--;
	pt_flush(env, va, 1);
	return true;
}

void pt_clear(const struct pt_run *r)
{
	int64_t distance = chain_distance(r->e);
	uint64_t gone = 0;

	for (uint64_t *e = r->e, *end = e + r->n; e < end; e++) {
		if (!*e)
			continue;
		chain_remove(e, distance);
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

/* Has the mapping, if there is one, been granted the rights of prot? */
static inline bool granted_one(uint64_t e, uint32_t prot)
{
	return !e || ((!(prot & PROT_W) || e & PTE_HELD) && (!(prot & PROT_X) || pt_executable(e)));
}

bool pt_granted(const struct pt_run *r, uint32_t prot)
{
	if (!(prot & PROT_X) && common(r) & PTE_HELD)
		return true; /* the ordinary case: all are mapped, and were granted it */
	for (uint32_t i = 0; i < r->n; i++)
		if (!granted_one(r->e[i], prot))
			return false;
	return true;
}

/* The bits of an entry that stay when its protection becomes prot. */
static inline uint64_t kept_bits(uint32_t prot)
{
	return ~(PTE_W | PTE_NX | pt_bits(PROT_SOFT) | (prot & PROT_HELD ? 0 : PTE_HELD));
}

static inline uint64_t new_bits(uint32_t prot) { return pt_bits(prot & ~(uint32_t)PROT_HELD); }

/* One entry, which may be empty, or stop executing. */
static inline void protect_one(uint64_t *e, uint64_t keep, uint64_t bits)
{
	uint64_t old = *e, value = (old & keep) | bits;

	if (!old)
		return;
	*e = value;
	if (pt_executable(old) && !pt_executable(value))
		chain_set_executable(pt_page(old), chain_has(pt_page(old), NULL, true));
}

void pt_protect(const struct pt_run *r, uint32_t prot)
{
	const uint64_t keep = kept_bits(prot), bits = new_bits(prot);
	uint64_t *end = r->e + r->n;

	if (pt_executable(common(r))) { /* some are empty or executable */
		for (uint64_t *e = r->e; e != end; e++)
			protect_one(e, keep, bits);
		return;
	}
#pragma GCC unroll 8
	for (uint64_t *e = r->e; e != end; e++)
		*e = (*e & keep) | bits;
}

bool pt_protect_near(struct env *env, uint64_t va, uint32_t prot)
{
	uint64_t i = near_index(env, va);

	if (i >= TABLE_ENTRIES || va == EXO_ENVPAGE || !granted_one(env->table[i], prot))
		return false;
	protect_one(&env->table[i], kept_bits(prot), new_bits(prot));
	pt_flush(env, va, 1);
	return true;
}

/* Break the mapping at e, wherever it is. */
static void break_one(uint64_t *e)
{
	struct page_private *table = table_of(e);
	uint64_t va = table_va(table) + (uint64_t)e % EXO_PAGE_SIZE / 8 * EXO_PAGE_SIZE;
	struct env *env;

	if (table->env == STLB_ENV) {
		env = stlb_owner(e, &va);
		recall(env, va, e);
		chain_remove(e, chain_distance(e));
		return;
	}
	env = env_at(table->env);
	chain_remove(e, chain_distance(e));
	table->live--;
	pt_flush(env, va, 1);
}

void pt_break(uint32_t pfn)
{
	if (pages[pfn].state != PAGE_OWNED)
		return;
	while (page_private[pfn].mappings)
		break_one(page_private[pfn].mappings);
}

/* Empty env's entries of the software TLB, and their copies. */
static void forget_spilled(struct env *env)
{
	struct stlb *s = cpu()->stlb;
	uint64_t va;

	for (uint32_t i = 0; i < STLB_ENTRIES; i++)
		if (s->e[i] && stlb_owner(&s->e[i], &va) == env)
			break_one(&s->e[i]);
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
	forget_table(env);
	env->tables = 0;
	env->pub->tables = 0;
}

void *pt_reach(struct env *env, uint64_t va, uint32_t n, bool write)
{
	uint32_t offset = va % EXO_PAGE_SIZE;

	if (va >= EXO_TABLES || n > EXO_PAGE_SIZE - offset) /* an entry is no page's */
		return NULL;
	const uint64_t *at = pt_entry(env, va);
	uint64_t e = at ? *at : 0;
	uint64_t need = PTE_P | PTE_U | (write ? PTE_W : 0);
	return (e & need) == need ? (uint8_t *)kva(e & PTE_ADDR) + offset : NULL;
}
