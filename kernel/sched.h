/* kernel/sched.h - the CPU as a vector of time slices (SOSP '95, section 5.1.1).
 *
 * The vector is run in order, round and round. The kernel has no other policy: who holds a
 * position runs when it comes up, if it is willing. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/env.h"

struct env;
struct trap;

extern struct exo_slice slices[]; /* [EXO_SLICE_MAX], page-aligned */

enum {
	SLICE_US = 1000,  /* width of a slice */
	EXCESS_MAX = 256, /* ticks past a slice's end, unpaid, that end an environment */
};

void sched_init(void);

/* Has position no owner, and generations left? */
bool slice_is_free(uint32_t position);

/* Own position, REQUIRES that it has no owner. */
void slice_own(uint32_t position, struct env *env);
void slice_free(uint32_t position);
void slice_give(uint32_t position, struct env *to);

/* Free all of env's. */
void slice_release(struct env *env);

/* Run what comes next in the vector; idle while there is nothing. */
_Noreturn void sched_run(void);

/* Run env on what is left of this slice; sched_run if it is over. */
_Noreturn void sched_donate(struct env *env);

/* Is env willing to run? Settles a wakeup predicate that holds. */
bool sched_willing(struct env *env);

/* The timer has gone off while env ran with these registers. */
void sched_tick(struct trap *trap);

/* Charge the cycles since the last call to the running environment; to the kernel, when
 * there is none; to idleness, when the CPU was halted. Returns the time stamp up to which
 * all is charged. */
uint64_t sched_charge(void);

/* An interrupt has come: if the CPU was halted, it no longer is. */
void sched_woken(void);

/* Charge cycles that the kernel has just spent for env (NULL: for nobody) to it, not to who is
 * running. It owes them: each slice's worth costs it a slice. */
void sched_charge_to(struct env *env, uint64_t cycles);

/* What env owes, in cycles; it has paid with the slices that it let pass. */
uint64_t sched_debt(struct env *env);
