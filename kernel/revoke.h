/* kernel/revoke.h - visible revocation and the abort protocol (SOSP '95, 3.3 to 3.5).
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>
#include "exo/cap.h"

struct env;

/* How many resources of a type env owns; 0 for types that cannot be revoked. */
uint32_t revoke_owned(const struct env *env, enum exo_cap_type type);

/* Ask env for `count` of them by the deadline. REQUIRES that it owns so many. */
void revoke_ask(struct env *env, enum exo_cap_type type, uint32_t count, uint64_t deadline);

/* How many environments have been asked and have not answered. */
extern uint32_t revoke_asked;

/* Look after what has been asked: forget what has been done, take what is overdue. */
void revoke_turn(void);

/* The earliest deadline of all, WAIT_FOREVER if nothing is asked. */
uint64_t revoke_first_deadline(void);

/* env ends: nothing is asked of it any more. */
void revoke_release(struct env *env);

/* Tell env, by the repossession vector and UPCALL_LOST, what has been taken from it. */
void revoke_note(struct env *env, enum exo_cap_type type, uint32_t name);
