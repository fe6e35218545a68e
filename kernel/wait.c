/* kernel/wait.c - wakeup predicates: vetted once, evaluated when it matters.
 * SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/string.h"
#include "kernel/user.h"
#include "kernel/wait.h"

static int vet(struct env *env, const struct exo_wait_term *t, struct wait_term *out)
{
	if (t->op >= WAIT_OPS || t->or_ > 1 || t->zero || t->address % sizeof(uint32_t))
		return -E_INVAL;
	const uint32_t *word = user_reach(env, t->address, sizeof *word);
	if (!word)
		return -E_FAULT;
	bool own = t->address < EXO_USER_TOP; /* else it is the kernel's, and stays */
	uint32_t page = own ? (uint32_t)(kmap_phys((uint64_t)word) >> EXO_PAGE_SHIFT) : 0;
	*out = (struct wait_term){ word, t->value, t->op, t->or_, page };
	return 0;
}

int wait_set(struct env *env, const struct exo_wait_term *terms, uint32_t n, uint64_t deadline)
{
	struct wait_term vetted[EXO_WAIT_TERMS];

	for (uint32_t i = 0; i < n; i++) {
		int error = vet(env, &terms[i], &vetted[i]);
		if (error)
			return error;
	}

	/* Commit: nothing below can fail. Somebody's transfer may have entered it in its sleep. */
	wait_clear(env);
	memcpy(env->wait, vetted, n * sizeof *vetted);
	env->any_change = true;
	for (uint32_t i = 0; i < n; i++) {
		const struct wait_term *t = &env->wait[i];

		env->any_change &= t->op == WAIT_NE && (i == 0 || t->or_);
		if (t->page)
			page_pin(t->page);
	}
	env->nwait = n;
	env->deadline = deadline;
	return 0;
}

void wait_clear(struct env *env)
{
	for (uint32_t i = 0; i < env->nwait; i++)
		if (env->wait[i].page)
			page_unpin(env->wait[i].page);
	env->nwait = 0;
}

static bool term_holds(const struct wait_term *t)
{
	uint32_t word = *t->word;

	switch (t->op) {
	case WAIT_EQ:
		return word == t->value;
	case WAIT_NE:
		return word != t->value;
	case WAIT_LT:
		return word < t->value;
	default:
		return word >= t->value;
	}
}

bool wait_sum_holds(const struct env *env)
{
	bool product = env->nwait > 0;

	for (uint32_t i = 0; i < env->nwait; i++) {
		const struct wait_term *t = &env->wait[i];

		if (i > 0 && t->or_) {
			if (product)
				return true;
			product = true;
		}
		product = product && term_holds(t);
	}
	return product;
}
