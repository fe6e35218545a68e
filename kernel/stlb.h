/* kernel/stlb.h - the software TLB: where mappings stay when their page table is recycled.
 *
 * One for each CPU: 4096 entries, direct-mapped, tagged by address space (SOSP '95,
 * section 5.4). An entry is a page-table entry like any other: it is on its page's chain
 * (chain.h), and what breaks the page's mappings breaks it. A page fault copies it to a table
 * (entry.S, pt_refill): the entry remains the mapping, and what table.c finds in a table for an
 * address that has an entry here is a copy of it.
 *
 *   tag   63          43 42      36 35 34                        0
 *         +-------------+----------+--+--------------------------+
 *         |      0      | space    | 0| page of the address      |   0: never used
 *         +-------------+----------+--+--------------------------+
 *   The space is an environment's index + 1. Its low bits are also added, without carry, to the
 *   page's bits 9..11, so that environments of one layout meet in different entries.
 *
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/env.h"

enum { STLB_SPACE_SHIFT = 36 };

struct stlb {
	uint64_t tag[STLB_ENTRIES];
	uint64_t e[STLB_ENTRIES];     /* 0: empty */
	uint64_t *link[STLB_ENTRIES]; /* of the chains: shadow of e */
};
_Static_assert(offsetof(struct stlb, tag) == 0 && offsetof(struct stlb, e) == STLB_E, "entry.S");

/* In page_private, the environment of a page of the array e. */
enum { STLB_ENV = EXO_ENV_MAX };

/* Make this CPU's. Panics where there is no memory. */
void stlb_init(void);

/* What an environment's addresses are combined with (struct env.space). */
static inline uint64_t stlb_space(uint32_t index)
{
	uint64_t space = index + 1;

	return space << (STLB_SPACE_SHIFT + EXO_PAGE_SHIFT) | space % 8 << 21;
}

static inline uint64_t stlb_tag(const struct env *env, uint64_t va)
{
	return (va ^ env->space) >> EXO_PAGE_SHIFT;
}

/* The mapping of env's page at va, NULL if it is not here. */
static inline uint64_t *stlb_find(const struct env *env, uint64_t va)
{
	struct stlb *s = cpu()->stlb;
	uint64_t tag = stlb_tag(env, va);
	uint32_t i = tag % STLB_ENTRIES;

	return s->tag[i] == tag && s->e[i] ? &s->e[i] : NULL;
}

/* The entry where env's page at va belongs, whoever has it now. */
static inline uint64_t *stlb_place(const struct env *env, uint64_t va)
{
	return &cpu()->stlb->e[stlb_tag(env, va) % STLB_ENTRIES];
}

/* Name an empty entry for its new owner. */
void stlb_name(const uint64_t *e, const struct env *env, uint64_t va);

/* Whose entry it is, and for which address. */
struct env *stlb_owner(const uint64_t *e, uint64_t *va);
