/* kernel/pair.h - queue pairs that environments own: all but the shared one. The records are
 * info.pair[]; the device's end is nic.h. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct env;

enum { PAIR_FIRST = 1 }; /* that can be owned */

void pair_init(void);

/* Is there such a pair that environments may own? */
bool pair_there(uint32_t pair);

/* Has it no owner, and generations left? */
bool pair_is_free(uint32_t pair);

void pair_own(uint32_t pair, struct env *env); /* REQUIRES that nobody does */
void pair_give(uint32_t pair, struct env *to);

/* Nobody's again: every slot of it is stale, no ring gets its frames. */
void pair_free(uint32_t pair);

/* Every slot of it is stale, no ring gets its frames. */
void pair_renew(uint32_t pair);

/* Free all of env's. */
void pair_release(struct env *env);

/* The first of env's. REQUIRES that it has one. */
uint32_t pair_first(const struct env *env);

/* From now on the ring gets what the pair receives; what waits from before is dropped. */
void pair_bind(uint32_t pair, uint32_t ring);

/* The ring goes. */
void pair_release_ring(uint32_t ring);

/* As net_poll, net_turn, net_interrupt and net_idle: of all such pairs. */
void pair_poll(void);
void pair_turn(void);
void pair_interrupt(void);
bool pair_idle(void);
