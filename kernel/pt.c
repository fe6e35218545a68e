/* kernel/pt.c - mappings: made, changed and broken, in page tables and in the software TLB.
 *
 * Source: Intel SDM vol. 3, 4.5. SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/info.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/pt.h"
#include "kernel/table.h"

enum { SOFT_SHIFT = 6, FLUSH_MAX = 32 };

_Static_assert(PROT_SOFT << SOFT_SHIFT == 7 << 9, "PTE bits 9..11 are software's");

uint64_t pt_bits(uint32_t prot)
{
	return (prot & PROT_W ? PTE_W : 0) | (prot & (PROT_W | PROT_HELD) ? PTE_HELD : 0) |
	       (prot & PROT_X ? 0 : PTE_NX) | (uint64_t)(prot & PROT_SOFT) << SOFT_SHIFT;
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

void table_recall(struct env *env, uint64_t va, uint64_t *mapping)
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
	table_recall(env, va, mapping);
	return mapping;
}

struct pt_run pt_run(struct env *env, uint64_t va, uint32_t n)
{
	uint32_t room = TABLE_ENTRIES - (va >> 12 & 511);
	if (env->spilled)
		room = 1; /* the next one's mapping may be elsewhere */
	return (struct pt_run){ pt_entry(env, va), NULL, n < room ? n : room };
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
		chain_unlink(e, distance);
		gone++;
	}
	chain_removals += gone;
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

void table_break(uint64_t *e)
{
	struct page_private *table = table_of(e);
	uint64_t va = table_va(table) + (uint64_t)e % EXO_PAGE_SIZE / 8 * EXO_PAGE_SIZE;
	struct env *env;

	if (table->env == STLB_ENV) {
		env = stlb_owner(e, &va);
		table_recall(env, va, e);
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
		table_break(page_private[pfn].mappings);
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
