/* kernel/table.h - where an environment's mappings lie: its page tables, found by address.
 *
 * For pt.c, which changes mappings, and table.c, which makes and recycles tables.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "kernel/chain.h"
#include "kernel/env.h"
#include "kernel/page.h"
#include "kernel/stlb.h"

enum { TABLE_SPAN = 1 << 21, TABLE_ENTRIES = 512 };

/* struct env.table_tag without a table: no tag is near it. */
#define NO_TABLE UINT64_MAX

/* The next table down from entry, or NULL. */
static inline uint64_t *table_down(uint64_t entry)
{
	return entry & PTE_P ? kva(entry & PTE_ADDR) : NULL;
}

/* The entry of the second-lowest level that covers va, NULL if a table above is not there. */
static inline uint64_t *table_directory(struct env *env, uint64_t va)
{
	uint64_t *pml4 = kva(env->cr3);
	uint64_t *pdpt = table_down(pml4[va >> 39 & 511]);
	uint64_t *pd = pdpt ? table_down(pdpt[va >> 30 & 511]) : NULL;

	return pd ? &pd[va >> 21 & 511] : NULL;
}

static inline void table_remember(struct env *env, uint64_t tag, uint64_t *table)
{
	env->table_tag = tag;
	env->near_tag = env->spilled ? NO_TABLE : tag;
	env->table = table;
	env->table_page = table_of(table);
	env->links = page_kva(env->table_page->shadow);
}

static inline void table_forget(struct env *env) { env->table_tag = env->near_tag = NO_TABLE; }

/* The last-level table for va, NULL if there is none. The last one found is remembered, if it is
 * the environment's own: what is done to a remembered table needs no further check. */
static inline uint64_t *table_at(struct env *env, uint64_t va)
{
	uint64_t tag = stlb_tag(env, va);

	if ((tag ^ env->table_tag) < TABLE_ENTRIES)
		return env->table;
	const uint64_t *entry = table_directory(env, va);
	uint64_t *table = entry ? table_down(*entry) : NULL;

	if (table && va < EXO_USER_TOP)
		table_remember(env, tag & ~(TABLE_ENTRIES - 1ull), table);
	return table;
}

static inline uint64_t *table_entry(struct env *env, uint64_t va)
{
	uint64_t *table = table_at(env, va);

	return table ? &table[va >> 12 & 511] : NULL;
}

/* The first address that a last-level table maps. */
static inline uint64_t table_va(const struct page_private *t)
{
	return (uint64_t)t->region * TABLE_SPAN;
}

/* The mapping of env's page at va, in the software TLB, is about to change or to move: its
 * copy in a table goes, and what the CPU has noted there is noted in the mapping. */
void table_recall(struct env *env, uint64_t va, uint64_t *mapping);

/* Break the mapping at e, in a table or in the software TLB. */
void table_break(uint64_t *e);
