/* kernel/sys_env.c - environments and the CPU. SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/revoke.h"
#include "kernel/sched.h"
#include "kernel/sys.h"
#include "kernel/user.h"
#include "kernel/wait.h"

enum { TABLES_MIN = 8, TABLES_MAX = 65536 };

/* sys_env_create - make an environment, not started, that owns nothing but its
 * environment page and tables.
 *   name         address of 16 bytes, NUL-padded; shown in EXO_ENVS
 *   table_limit  pages it may have for page tables and slots, TABLES_MIN..TABLES_MAX
 * Returns a slot of CAP_ENV with all rights, or with nothing changed
 *   -E_FAULT  name        -E_INVAL  table_limit
 *   -E_NOSPC  EXO_ENV_MAX environments, or no empty slot      -E_NOMEM */
long sys_env_create(uint64_t name, uint32_t table_limit)
{
	struct env *self = cpu()->env, *env;
	char text[sizeof self->pub->name];

	if (table_limit < TABLES_MIN || table_limit > TABLES_MAX)
		return -E_INVAL;
	if (!copyin(self, text, uptr(name), sizeof text))
		return -E_FAULT;
	text[sizeof text - 1] = '\0';
	for (char *c = text; *c; c++)
		*c = *c < ' ' || *c > '~' ? '?' : *c; /* it will be printed */
	long slot = slot_reserve(self, 1);
	if (slot < 0)
		return slot;
	int error = env_create(self, text, table_limit, &env);
	if (error)
		return error;
	slot_fill(self, (uint32_t)slot, CAP_ENV, env->index, RIGHT_ALL);
	return slot;
}

/* sys_env_start - let a new environment run from the next slice it holds on.
 *   env       slot of CAP_ENV with RIGHT_RUN
 *   entry     first instruction; rdi = argument, every other register 0, upcalls masked
 * Returns 0, -E_PERM (slot), -E_BUSY (started before) or -E_INVAL (entry not an address
 * that an environment can map). */
long sys_env_start(uint32_t env, uint64_t entry, uint64_t argument)
{
	struct slot *s = slot_get(cpu()->env, env, CAP_ENV, RIGHT_RUN);

	if (!s)
		return -E_PERM;
	struct env *e = env_at(s->index);
	if (e->pub->state != ENV_NEW)
		return -E_BUSY;
	if (entry == 0 || entry >= EXO_USER_TOP)
		return -E_INVAL;
	e->entry = entry;
	e->argument = argument;
	e->pub->state = ENV_READY;
	return 0;
}

/* sys_env_destroy - end an environment: all it owns is free. On one that has ended already:
 * forget its record; its id and every capability for it are stale from then on.
 *   env   slot of CAP_ENV with RIGHT_RUN and RIGHT_OWN; SLOT_SELF: does not return
 *   code  exit code, for its record
 * Returns 0 or -E_PERM. */
long sys_env_destroy(uint32_t env, uint32_t code)
{
	struct slot *s = slot_get(cpu()->env, env, CAP_ENV, RIGHT_RUN | RIGHT_OWN);

	if (!s)
		return -E_PERM;
	struct env *e = env_at(s->index);
	if (e->pub->state == ENV_ENDED) {
		env_forget(e);
		slot_clear(cpu()->env, env);
		return 0;
	}
	bool self = e == cpu()->env;
	env_end(e, self ? END_EXIT : END_DESTROYED, code);
	if (self)
		sched_run();
	return 0;
}

/* sys_env_child - bind a child to a slot. The first environment adopts those whose parent
 * ends, and reaches them so.
 *   id  of an environment, ended or not, whose parent is the caller
 * Returns a slot of CAP_ENV with all rights, or
 *   -E_INVAL  no child has this id      -E_NOSPC, -E_NOMEM  the slot table is full */
long sys_env_child(uint32_t id)
{
	struct env *self = cpu()->env, *child = env_at(id % EXO_ENV_MAX);

	if (id == 0 || child->pub->id != id || child->pub->parent != self->id)
		return -E_INVAL;
	long slot = slot_reserve(self, 1);
	if (slot >= 0)
		slot_fill(self, (uint32_t)slot, CAP_ENV, child->index, RIGHT_ALL);
	return slot;
}

/* sys_env_revoke - ask an environment to give back resources of its choice. It is told by
 * UPCALL_REVOKE; what it has not given back at the deadline the kernel takes, and writes
 * to the repossession vector of its environment page (UPCALL_LOST). A new request
 * replaces one that is still open.
 *   env       slot of CAP_ENV with RIGHT_OWN
 *   type      CAP_PAGE, CAP_SLICE, CAP_RING, CAP_FILTER, CAP_DEVICE or CAP_PAIR
 *   count     how many; page tables and guaranteed pages are not asked for
 *   deadline  time stamp counter value; one that has passed: take them now
 * Returns 0, or with nothing changed -E_PERM (env), -E_INVAL (type; count is 0) or -E_LIMIT
 * (it does not own so many). */
long sys_env_revoke(uint32_t env, uint32_t type, uint32_t count, uint64_t deadline)
{
	struct slot *s = slot_get(cpu()->env, env, CAP_ENV, RIGHT_OWN);
	struct env *e = s ? env_at(s->index) : NULL;

	if (!e || e->pub->state == ENV_ENDED)
		return -E_PERM;
	if (count == 0 || (type != CAP_PAGE && type != CAP_SLICE && type != CAP_RING &&
	                   type != CAP_FILTER && type != CAP_DEVICE && type != CAP_PAIR))
		return -E_INVAL;
	if (count > revoke_owned(e, type))
		return -E_LIMIT;
	revoke_ask(e, type, count, deadline);
	revoke_turn();
	return 0;
}

/* sys_slice_alloc - own a free slice of the time vector.
 *   position  0..EXO_SLICE_MAX - 1, or UINT32_MAX: the first free one
 * Returns a slot of CAP_SLICE with all rights, or
 *   -E_INVAL  position      -E_BUSY  it is taken, or has been free too often
 *   -E_NOSPC  all are, or no slot
 *   -E_NOMEM  the slot table cannot grow */
long sys_slice_alloc(uint32_t position)
{
	struct env *env = cpu()->env;
	bool any = position == UINT32_MAX;

	for (uint32_t i = 0; any && i < EXO_SLICE_MAX; i++)
		if (slice_is_free(i)) {
			position = i;
			break;
		}
	if (position >= EXO_SLICE_MAX)
		return any ? -E_NOSPC : -E_INVAL;
	if (!slice_is_free(position))
		return -E_BUSY;
	long slot = slot_reserve(env, 1);
	if (slot < 0)
		return slot;
	slice_own(position, env);
	slot_fill(env, (uint32_t)slot, CAP_SLICE, position, RIGHT_ALL);
	return slot;
}

/* sys_slice_free - give a slice back; its slots are stale. Returns 0, or -E_PERM (slot of
 * CAP_SLICE with RIGHT_OWN). */
long sys_slice_free(uint32_t slot) { return slot_end(cpu()->env, slot, CAP_SLICE, slice_free); }

/* sys_yield - end this slice. The caller has saved what it needs: it is entered again at
 * its start_entry.
 *   to  id of an environment that gets the rest of the slice, if it is willing; 0: nobody
 * Returns -E_INVAL when there is no environment `to`; otherwise does not return. */
long sys_yield(uint32_t to)
{
	struct env *env = to ? env_by_id(to) : NULL;

	if (to && !env)
		return -E_INVAL;
	if (env && sched_willing(env))
		sched_donate(env);
	sched_run();
}

/* sys_wait - end this slice and sleep until a predicate holds or the deadline has passed.
 *   terms     address of n struct exo_wait_term (exo/wait.h), n <= EXO_WAIT_TERMS
 *   deadline  time stamp counter value, or WAIT_FOREVER
 * Does not return (the caller is entered again at its start_entry), unless
 *   -E_LIMIT  n      -E_FAULT  terms, or a word that is not mapped
 *   -E_INVAL  a term; or no terms and no deadline */
long sys_wait(uint64_t terms, uint32_t n, uint64_t deadline)
{
	struct env *env = cpu()->env;
	struct exo_wait_term copy[EXO_WAIT_TERMS];

	if (n > EXO_WAIT_TERMS)
		return -E_LIMIT;
	if (n == 0 && deadline == WAIT_FOREVER)
		return -E_INVAL;
	if (!copyin(env, copy, uptr(terms), n * sizeof *copy))
		return -E_FAULT;
	int error = wait_set(env, copy, n, deadline);
	if (error)
		return error;
	env->pub->state = ENV_WAITING;
	env->awake = 0;
	sched_run();
}
