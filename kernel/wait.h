/* kernel/wait.h - wakeup predicates (exo/wait.h). SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/wait.h"

struct env;

/* Vet n terms (a private copy) and leave them with env; their pages are pinned until
 * wait_clear. Returns 0, or with nothing changed
 *   -E_INVAL  a term has an unknown operator or a word that is not aligned
 *   -E_FAULT  a word is not mapped readable in env */
int wait_set(struct env *env, const struct exo_wait_term *terms, uint32_t n, uint64_t deadline);

void wait_clear(struct env *env);

/* Does env's predicate hold, or has its deadline passed? */
bool wait_holds(const struct env *env);
