/* kernel/wait.h - wakeup predicates (exo/wait.h). SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/wait.h"
#include "kernel/env.h"

/* Vet n terms (a private copy) and leave them with env, in place of those it had; their pages are
 * pinned until wait_clear. Returns 0, or with nothing changed
 *   -E_INVAL  a term has an unknown operator or a word that is not aligned
 *   -E_FAULT  a word is not mapped readable in env */
int wait_set(struct env *env, const struct exo_wait_term *terms, uint32_t n, uint64_t deadline);

void wait_clear(struct env *env);

/* Its terms as a sum of products. */
bool wait_sum_holds(const struct env *env);

/* What nearly everybody waits for: that one word of several differs. */
static inline bool wait_changed(const struct env *env)
{
	for (const struct wait_term *t = env->wait, *end = t + env->nwait; t < end; t++)
		if (*t->word != t->value)
			return true;
	return false;
}

/* Does env's predicate hold, or has its deadline passed? */
static inline bool wait_holds(const struct env *env, uint64_t now)
{
	return (env->any_change ? wait_changed(env) : wait_sum_holds(env)) || now >= env->deadline;
}
