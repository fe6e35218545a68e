/* kernel/env.h - environments. What everybody may read of one is struct exo_env.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "exo/env.h"
#include "exo/wait.h"
#include "kernel/cap.h"
#include "kernel/entry.h"

/* A term of a wakeup predicate, its word found and pinned. */
struct wait_term {
	const volatile uint32_t *word;
	uint32_t value;
	uint8_t op, or_;
	uint32_t page; /* pinned, or 0 */
};

/* A page that the kernel has found mapped in an environment, so that it need not look again. */
struct reached {
	uint64_t page;     /* of the user address */
	uint64_t removals; /* chain_removals + 1, then; 0: nothing */
	const uint8_t *at;
};
enum { REACHED_BITS = 3, REACHED = 1 << REACHED_BITS }; /* so many are remembered */

struct env {
	/* transfer.S and entry.S know these. */
	_Alignas(ENV_SIZE) uint32_t id; /* env_alive */
	uint32_t lent_to;           /* id of the environment that runs on its slices, in a
	                               synchronous call; 0: none */
	struct exo_envpage *page;   /* its environment page, through the direct map */
	uint64_t cr3;               /* its top-level table */

	uint64_t space;             /* what the software TLB's tags know it by */
	uint64_t table_tag;         /* tag of the first page of `table`; NO_TABLE: none */
	uint64_t *table;            /* the last last-level page table looked up */
	uint32_t spilled;           /* 1: it may have entries in the software TLB */
	uint32_t tables;            /* newest of the ring of its last-level tables; 0: none */
	uint64_t near_tag;          /* table_tag; NO_TABLE once it has spilled */
	uint64_t **links;           /* shadow of `table` */
	struct page_private *table_page; /* what the kernel knows of it */

	struct exo_env *pub;        /* its record in EXO_ENVS */
	uint32_t awake;             /* 1: it has run, and has not gone to sleep since */

	uint32_t index, generation;
	uint32_t pages;             /* list of pages owned */
	struct slot *slot_pages[SLOT_PAGES];
	uint32_t slot_hint;         /* every slot below is full */
	uint64_t slice_mask;        /* positions it owns */
	uint64_t rounds, slices;    /* as they were when its debt was looked at (sched.c) */
	uint64_t entry, argument;   /* of its first slice; entry 0 afterwards */
	struct reached reached[REACHED];
	struct wait_term wait[EXO_WAIT_TERMS];
	uint32_t nwait;
	bool any_change;            /* all terms are "differs", and one of them is enough */
	uint64_t deadline;
	uint32_t guaranteed;        /* pages so marked */
	uint32_t kernel_pages;      /* the kernel's, for its handlers: charged as tables, not owned */
	uint32_t rings, filters, devices, pairs; /* how many it has */
	uint32_t backing, nbacking; /* slots of pages that receive what is taken by force */
	struct {
		uint32_t type;      /* asked back; CAP_NONE: nothing */
		uint32_t target;    /* how many it may own at the deadline */
		uint64_t deadline;
	} revoke;
};

_Static_assert(offsetof(struct env, id) == ENV_ID, "transfer.S");
_Static_assert(offsetof(struct env, lent_to) == ENV_LENT, "transfer.S");
_Static_assert(offsetof(struct env, page) == ENV_PAGE, "transfer.S");
_Static_assert(offsetof(struct env, cr3) == ENV_CR3, "transfer.S");
_Static_assert(offsetof(struct env, pub) == ENV_PUB, "transfer.S");
_Static_assert(offsetof(struct env, awake) == ENV_AWAKE, "transfer.S");
_Static_assert(offsetof(struct exo_env, excess) == PUB_EXCESS, "transfer.S");
_Static_assert(offsetof(struct exo_env, cycles) == PUB_CYCLES, "transfer.S");
_Static_assert(offsetof(struct exo_env, slices) == PUB_SLICES, "transfer.S");
_Static_assert(offsetof(struct exo_env, debt) == PUB_DEBT, "transfer.S");
_Static_assert(offsetof(struct env, space) == ENV_SPACE, "entry.S");
_Static_assert(offsetof(struct env, table_tag) == ENV_TABLE_TAG, "entry.S");
_Static_assert(offsetof(struct env, table) == ENV_TABLE, "entry.S");
_Static_assert(offsetof(struct env, spilled) == ENV_SPILLED, "entry.S");
_Static_assert(sizeof(struct env) == ENV_SIZE, "transfer.S");
_Static_assert(EXO_ENV_MAX == ENV_MAX && EXO_SLICE_MAX == SLICE_MAX, "transfer.S");
_Static_assert((int)UPCALL_SLICE_END == SLICE_END, "transfer.S");

/* The id of a record that is nobody's: one that no caller can name, for its index is another's.
 * (transfer.S compares ids, and nothing else.) */
static inline uint32_t env_no_id(uint32_t index) { return index == 0; }
static inline bool env_alive(const struct env *env) { return env->id > 1; }

extern struct exo_env env_public[]; /* [EXO_ENV_MAX], page-aligned */
extern struct env envs[];           /* [EXO_ENV_MAX] */

/* The raw slot, full or not; NULL if the table does not reach so far. */
static inline struct slot *slot_at(struct env *env, uint32_t slot)
{
	struct slot *page = slot < SLOT_MAX ? env->slot_pages[slot / SLOTS_PER_PAGE] : NULL;

	return page ? &page[slot % SLOTS_PER_PAGE] : NULL;
}

void env_init(void);

/* The environment at index, alive or not. */
struct env *env_at(uint32_t index);

/* The environment with this id, or NULL if it is over. */
static inline struct env *env_by_id(uint32_t id)
{
	struct env *env = &envs[id % EXO_ENV_MAX];

	return env->id == id ? env : NULL;
}

/* Make an environment with an environment page and an empty address space.
 * Returns it in *out and 0, or -E_NOSPC, -E_NOMEM with nothing changed. */
int env_create(struct env *parent, const char *name, uint32_t table_limit, struct env **out);

/* End env: all it owns is free again, its record says why. If it is running, the caller
 * must go on to sched_run. */
void env_end(struct env *env, enum exo_env_end why, uint32_t code);

/* Forget the record of an ended environment. */
void env_forget(struct env *env);
