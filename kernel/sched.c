/* kernel/sched.c - time slices: whose turn it is, what its end costs.
 * SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "exo/wait.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/generation.h"
#include "kernel/info.h"
#include "kernel/net.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/revoke.h"
#include "kernel/sched.h"
#include "kernel/timer.h"
#include "kernel/upcall.h"
#include "kernel/wait.h"

struct exo_slice slices[EXO_SLICE_MAX] __attribute__((aligned(EXO_PAGE_SIZE)));

extern uint64_t sched_owned, sched_rounds; /* transfer.S knows them */
uint64_t sched_owned; /* positions that have an owner */
/* When nobody wants the CPU, all debts are paid. */
enum { IDLE_ROUNDS = 1 << 16 };
uint64_t sched_rounds; /* how often the vector has been run, in full or because all let it pass */
_Static_assert(EXO_SLICE_MAX == 64, "a position is a bit of a word");

void sched_init(void)
{
	for (int i = 0; i < EXO_SLICE_MAX; i++)
		slices[i].generation = generation_first;
}

bool slice_is_free(uint32_t position)
{
	return !slices[position].owner && slices[position].generation <= GENERATION_MAX;
}

void slice_own(uint32_t position, struct env *env)
{
	assert(slices[position].owner == 0);
	slices[position].owner = env->pub->id;
	sched_owned |= 1ull << position;
	env->slice_mask |= 1ull << position;
}

static void disown(uint32_t position)
{
	struct env *env = env_by_id(slices[position].owner);

	assert(env);
	slices[position].owner = 0;
	sched_owned &= ~(1ull << position);
	env->slice_mask &= ~(1ull << position);
}

void slice_free(uint32_t position)
{
	disown(position);
	slices[position].generation++;
}

void slice_give(uint32_t position, struct env *to)
{
	disown(position);
	slice_own(position, to);
}

void slice_release(struct env *env)
{
	while (env->slice_mask)
		slice_free((uint32_t)__builtin_ctzll(env->slice_mask));
}

uint64_t sched_charge(void)
{
	struct cpu *c = cpu();
	uint64_t now = rdtsc();
	uint64_t cycles = now - c->charged;

	c->charged = now;
	*(c->halted ? &info.idle_cycles : c->env ? &c->env->pub->cycles : &info.kernel_cycles) +=
	        cycles;
	return now;
}

void sched_woken(void)
{
	if (cpu()->halted)
		sched_charge();
	cpu()->halted = false;
}

void sched_charge_to(struct env *env, uint64_t cycles)
{
	cpu()->charged += cycles;
	if (!env) {
		info.kernel_cycles += cycles;
		return;
	}
	env->pub->cycles += cycles;
	env->pub->debt = sched_debt(env) + cycles;
}

/* How many turns of its own has env let pass since this was asked last? */
static uint64_t turns_passed(struct env *env)
{
	uint64_t turns = (sched_rounds - env->rounds) * revoke_owned(env, CAP_SLICE);
	uint64_t used = env->pub->slices - env->slices;

	env->rounds = sched_rounds;
	env->slices = env->pub->slices;
	return turns > used ? turns - used : 0;
}

uint64_t sched_debt(struct env *env)
{
	if (env->pub->debt && env->rounds != sched_rounds) {
		uint64_t paid = turns_passed(env) * info.slice_cycles;

		env->pub->debt -= paid < env->pub->debt ? paid : env->pub->debt;
	}
	return env->pub->debt;
}

/* Does env's sleep end? */
static inline bool wakes(struct env *env, uint64_t now)
{
	const uint32_t urgent = UPCALL_REVOKE | UPCALL_LOST | UPCALL_CALLEE_DIED | UPCALL_HANDLER |
	                        UPCALL_CHILD_ENDED | UPCALL_IRQ;

	if (!(env->page->pending & urgent) && !wait_holds(env, now))
		return false;
	wait_clear(env);
	env->pub->state = ENV_READY;
	return true;
}

static inline bool is_willing(struct env *env, uint64_t now)
{
	return env->pub->state == ENV_READY || (env->pub->state == ENV_WAITING && wakes(env, now));
}

bool sched_willing(struct env *env) { return is_willing(env, rdtsc()); }

enum { CALL_DEPTH = 8 };

/* Who runs on env's slices: itself, or whom it has called and waits for. */
static struct env *runs_for(struct env *env)
{
	for (int depth = 0; depth < CALL_DEPTH && env->lent_to; depth++)
		env = env_by_id(env->lent_to);
	return env;
}

/* The positions, so turned that `first` is the lowest. */
static inline uint64_t turned(uint64_t positions, uint32_t first)
{
	return positions >> first % EXO_SLICE_MAX | positions << -first % EXO_SLICE_MAX;
}

/* The first position after `from`, round and round, for which somebody is willing, EXO_SLICE_MAX if
 * none. Everybody is asked once, however many positions are his. */
static uint32_t next_position(uint32_t from)
{
	uint64_t left = turned(sched_owned, from + 1), now = rdtsc();

	while (left) {
		uint32_t at = (from + 1 + (uint32_t)__builtin_ctzll(left)) % EXO_SLICE_MAX;
		struct env *env = env_by_id(slices[at].owner);

		if (is_willing(env->lent_to ? runs_for(env) : env, now))
			return at;
		left &= ~turned(env->slice_mask, from + 1);
	}
	return EXO_SLICE_MAX;
}

/* Load env's address space and enter it. */
static _Noreturn void run(struct env *env)
{
	struct cpu *c = cpu();
	struct exo_envpage *page = env->page;
	uint64_t entry = env->entry, argument = env->argument;

	c->env = env;
	c->envpage = page;
	info.running = env->pub->id;
	if (c->cr3 != env->cr3) {
		c->cr3 = env->cr3;
		load_cr3(c->cr3);
	}
	cpu_clean();
	if (entry) {
		env->entry = 0;
	} else {
		entry = page->start_entry;
		argument = page->pending;
	}
	if (entry == 0 || entry >= EXO_USER_TOP) {
		env_end(env, END_ENTRY, 0);
		sched_run();
	}
	env->awake = 1;
	page->masked = 1;
	enter_user(entry, argument);
}

static _Noreturn void begin_slice(struct env *env)
{
	struct cpu *c = cpu();

	c->slice_over = false;
	c->slice_end = rdtsc() + info.slice_cycles;
	timer_arm_slice();
	env->pub->slices++;
	env = runs_for(env);
	env->page->pending &= ~(uint32_t)UPCALL_SLICE_END; /* the last one's */
	run(env);
}

/* The first deadline that a sleeper waits for, WAIT_FOREVER if none does. */
static uint64_t first_deadline(void)
{
	uint64_t first = WAIT_FOREVER, left = sched_owned;

	while (left) {
		struct env *owner = env_by_id(slices[__builtin_ctzll(left)].owner);
		const struct env *env = runs_for(owner);

		if (env->pub->state == ENV_WAITING && env->deadline < first)
			first = env->deadline;
		left &= ~owner->slice_mask;
	}
	return first;
}

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Nobody is willing: wait for an interrupt, and look again at what it brought. */
static void idle(void)
{
	struct cpu *c = cpu();

	sched_charge();
	c->env = NULL;
	info.running = 0;
	sched_rounds += IDLE_ROUNDS;
	uint64_t wake = earlier(first_deadline(), revoke_first_deadline());
	if (net_idle() && !page_scrub()) {
		timer_arm(earlier(wake, net_deadline()));
		sched_charge();
		c->halted = true;
		cpu_idle();
	}
}

_Noreturn void sched_run(void)
{
	net_turn(sched_charge());
	for (;;) {
		revoke_turn();
		uint32_t position = next_position(info.slice_now);

		if (position == EXO_SLICE_MAX) {
			idle();
			continue;
		}
		struct env *env = env_by_id(slices[position].owner);
		sched_rounds += position <= info.slice_now;
		info.slice_now = position;
		if (env->pub->excess)
			env->pub->excess--; /* excess time is paid with the slice */
		else if (sched_debt(env) >= info.slice_cycles)
			env->pub->debt -= info.slice_cycles; /* and so is the kernel's */
		else
			begin_slice(env);
	}
}

_Noreturn void sched_donate(struct env *env)
{
	const struct cpu *c = cpu();

	if (c->slice_over || rdtsc() >= c->slice_end)
		sched_run();
	sched_charge();
	run(env);
}

/* A tick past the slice's end: it will be paid for by who ran at the last one, for it has been told;
 * whom it has called since has not. Too many end the environment. */
static void tick_excess(struct env *env)
{
	struct env *payer = env_by_id(cpu()->overran);

	cpu()->overran = env->id;
	if (!payer || ++payer->pub->excess <= EXCESS_MAX)
		return;
	env_end(payer, END_EXCESS, 0);
	if (payer == env)
		sched_run();
}

/* Is the next position to run env's own? Then nobody gains by stopping it. */
static bool own_turn_again(struct env *env)
{
	uint32_t next = next_position(info.slice_now);

	if (next == EXO_SLICE_MAX || slices[next].owner != env->pub->id || env->pub->excess ||
	    sched_debt(env) >= info.slice_cycles)
		return false;
	sched_rounds += next <= info.slice_now;
	info.slice_now = next;
	return true;
}

void sched_tick(struct trap *trap)
{
	struct cpu *c = cpu();
	struct env *env = c->env;

	sched_charge();
	revoke_turn();
	if (c->slice_over)
		tick_excess(env);
	else if (own_turn_again(env))
		env->pub->slices++;
	else {
		c->slice_over = true;
		c->overran = env->id;
	}
	if (c->slice_over)
		upcall_post(env, UPCALL_SLICE_END, trap);
	c->slice_end = rdtsc() + info.slice_cycles;
	timer_arm_slice();
}
