/* kernel/sys_pair.c - queue pairs of network interfaces, allocated by number.
 * SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "kernel/cap.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/info.h"
#include "kernel/pair.h"
#include "kernel/sys.h"

/* The first pair that could be had, EXO_PAIR_MAX if none can. */
static uint32_t any_pair(void)
{
	uint32_t i = PAIR_FIRST;

	while (pair_there(i) && !pair_is_free(i))
		i++;
	return pair_there(i) ? i : EXO_PAIR_MAX;
}

/* sys_pair_alloc - own a queue pair, and so the wire of its interface: every frame that comes can be
 * received, any frame can be sent.
 *   nic   slot of CAP_NIC with RIGHT_MAP
 *   pair  its number, an index of info.pair[]; or PAIR_ANY: one that is free
 * Returns a slot of CAP_PAIR with all rights, or with nothing changed
 *   -E_PERM   nic
 *   -E_INVAL  the machine has no such pair, or it is NIC_SHARED's
 *   -E_BUSY   it has an owner, or has had all its generations
 *   -E_NOSPC  none is free, or no slot
 *   -E_NOMEM  the slot table cannot grow */
long sys_pair_alloc(uint32_t nic, uint32_t pair)
{
	struct env *env = cpu()->env;
	bool any = pair == PAIR_ANY;

	if (!slot_get(env, nic, CAP_NIC, RIGHT_MAP))
		return -E_PERM;
	pair = any ? any_pair() : pair;
	if (!pair_there(pair))
		return any ? -E_NOSPC : -E_INVAL;
	if (!pair_is_free(pair))
		return -E_BUSY;
	long slot = slot_reserve(env, 1);
	if (slot < 0)
		return slot;
	pair_own(pair, env);
	slot_fill(env, (uint32_t)slot, CAP_PAIR, pair, RIGHT_ALL);
	return slot;
}

/* sys_pair_free - give a queue pair back; every slot and capability of it is stale, and no ring gets
 * its frames. What is being sent from the ring's pages goes on.
 * Returns 0, or -E_PERM (slot of CAP_PAIR with RIGHT_OWN). */
long sys_pair_free(uint32_t slot) { return slot_end(cpu()->env, slot, CAP_PAIR, pair_free); }

/* sys_pair_bind - deliver every frame that a queue pair receives to a ring, without a filter, in place
 * of the one it had. What came while there was none is dropped, and counted (UNCLAIMED). The ring's
 * end ends it, and so does sys_cap_revoke or sys_cap_give of the pair.
 *   pair  slot of CAP_PAIR with RIGHT_READ
 *   ring  slot of CAP_RING with RIGHT_RECV
 * Returns 0, or -E_PERM (a slot). */
long sys_pair_bind(uint32_t pair, uint32_t ring)
{
	struct slot *p = slot_get(cpu()->env, pair, CAP_PAIR, RIGHT_READ);
	struct slot *r = slot_get(cpu()->env, ring, CAP_RING, RIGHT_RECV);

	if (!p || !r)
		return -E_PERM;
	pair_bind(p->index, r->index);
	return 0;
}
