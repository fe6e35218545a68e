/* kernel/sys_cap.c - capabilities and slots. SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "kernel/cap.h"
#include "kernel/cpu.h"
#include "kernel/device.h"
#include "kernel/env.h"
#include "kernel/generation.h"
#include "kernel/info.h"
#include "kernel/page.h"
#include "kernel/pair.h"
#include "kernel/pt.h"
#include "kernel/sched.h"
#include "kernel/sys.h"
#include "kernel/user.h"

/* The slot, whatever live object it names; NULL otherwise. */
static struct slot *any_slot(uint32_t slot, uint8_t rights)
{
	struct slot *s = slot_at(cpu()->env, slot);

	return s && s->type != CAP_NONE ? slot_get(cpu()->env, slot, s->type, rights) : NULL;
}

/* Types of what one environment owns, and may give to another. */
static bool has_owner(uint8_t type)
{
	return type == CAP_PAGE || type == CAP_SLICE || type == CAP_DEVICE || type == CAP_PAIR;
}

/* sys_cap_mint - write a capability for what a slot names, with no more than its rights.
 * Returns 0, or
 *   -E_PERM   the slot is empty or stale, or lacks one of the rights
 *   -E_INVAL  rights is 0 or above RIGHT_ALL
 *   -E_FAULT  16 bytes at va are not writable */
long sys_cap_mint(uint32_t slot, uint32_t rights, uint64_t va)
{
	if (rights == 0 || rights > RIGHT_ALL)
		return -E_INVAL;
	struct slot *s = any_slot(slot, (uint8_t)rights);
	if (!s)
		return -E_PERM;
	struct exo_cap cap = cap_make(s->type, s->index, (uint8_t)rights);
	return copyout(cpu()->env, uptr(va), &cap, sizeof cap) ? 0 : -E_FAULT;
}

/* sys_cap_bind - verify a capability and bind it.
 * Returns the slot, or
 *   -E_FAULT  16 bytes at va are not readable
 *   -E_PERM   forged, altered, of another boot, or stale
 *   -E_NOSPC, -E_NOMEM  the slot table is full */
long sys_cap_bind(uint64_t va)
{
	struct env *env = cpu()->env;
	struct exo_cap cap;
	struct slot named;

	if (!copyin(env, &cap, uptr(va), sizeof cap))
		return -E_FAULT;
	if (!cap_verify(&cap, &named))
		return -E_PERM;
	long slot = slot_reserve(env, 1);
	if (slot >= 0)
		slot_fill(env, (uint32_t)slot, named.type, named.index, named.rights);
	return slot;
}

/* sys_cap_drop - empty n slots. What they name lives on. Slot 0 stays.
 * Returns 0, or -E_INVAL when the range is not 1..SLOT_MAX. */
long sys_cap_drop(uint32_t slot, uint32_t n)
{
	if (slot == SLOT_SELF || slot >= SLOT_MAX || n > SLOT_MAX - slot)
		return -E_INVAL;
	for (uint32_t i = 0; i < n; i++)
		slot_clear(cpu()->env, slot + i);
	return 0;
}

/* sys_cap_revoke - break every capability, slot and mapping of a page, and every capability
 * and slot of a time slice, a device or a queue pair (and what ring gets its frames); the caller's
 * slot is bound anew.
 * Returns 0, or
 *   -E_PERM   no page, slice, device or pair slot with RIGHT_OWN
 *   -E_LIMIT  the object's generations are used up: free it instead */
long sys_cap_revoke(uint32_t slot)
{
	struct slot *s = any_slot(slot, RIGHT_OWN);

	if (!s || !has_owner(s->type))
		return -E_PERM;
	if (s->generation == GENERATION_MAX)
		return -E_LIMIT;
	if (s->type == CAP_PAGE) {
		pt_break(s->index);
		page_renew(s->index);
	} else if (s->type == CAP_SLICE) {
		slices[s->index].generation++;
	} else if (s->type == CAP_DEVICE) {
		info.device[s->index].generation++;
	} else {
		pair_renew(s->index);
	}
	s->generation++;
	return 0;
}

/* sys_cap_give - make an environment the owner of n pages, slices, devices or queue pairs.
 *   slot  first of n slots of CAP_PAGE, CAP_SLICE, CAP_DEVICE or CAP_PAIR with RIGHT_OWN, all of
 *         a type; no ring gets the frames of a pair any more
 *   env   slot of CAP_ENV with RIGHT_MAP
 * Returns the first of n slots in env's table; the caller's slots stay bound until dropped.
 *   -E_PERM   a slot, or env
 *   -E_BUSY   a page is bound to a ring or a handler, in flight, or somebody's sleep looks at it
 *   -E_NOSPC, -E_NOMEM  env's slot table is full */
long sys_cap_give(uint32_t slot, uint32_t n, uint32_t env)
{
	struct slot *e = slot_get(cpu()->env, env, CAP_ENV, RIGHT_MAP);
	struct slot *s = any_slot(slot, RIGHT_OWN);

	if (!e || !s || !has_owner(s->type) || n == 0 ||
	    !slot_check(cpu()->env, slot, n, s->type, RIGHT_OWN))
		return -E_PERM;
	struct env *to = env_at(e->index);
	if (to->pub->state == ENV_ENDED)
		return -E_PERM;
	for (uint32_t i = 0; s->type == CAP_PAGE && i < n; i++)
		if (pages[slot_at(cpu()->env, slot + i)->index].pins)
			return -E_BUSY;
	long first = slot_reserve(to, n);
	if (first < 0)
		return first;

	/* Commit: nothing below can fail. */
	for (uint32_t i = 0; i < n; i++) {
		struct slot *from = slot_at(cpu()->env, slot + i);

		if (from->type == CAP_PAGE)
			page_give(from->index, to);
		else if (from->type == CAP_SLICE)
			slice_give(from->index, to);
		else if (from->type == CAP_DEVICE)
			device_give(from->index, to);
		else
			pair_give(from->index, to);
		slot_fill(to, (uint32_t)first + i, from->type, from->index, from->rights);
	}
	return first;
}
