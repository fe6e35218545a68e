/* kernel/user.c - copies across the user boundary. SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "kernel/chain.h"
#include "kernel/env.h"
#include "kernel/pt.h"
#include "kernel/string.h"
#include "kernel/user.h"

/* Bytes until the page that va is in ends, at most n. */
static uint32_t piece(uint64_t va, size_t n)
{
	size_t rest = EXO_PAGE_SIZE - va % EXO_PAGE_SIZE;

	return (uint32_t)(n < rest ? n : rest);
}

/* Regions begin at round addresses: all bits of a page's number must count. */
static uint32_t hash(uint64_t page) { return page * 0x94d049bb133111eb >> (64 - REACHED_BITS); }

/* Walk, and remember. */
static __attribute__((noinline)) const void *look(struct env *env, uint64_t va, uint32_t n)
{
	uint64_t page = va / EXO_PAGE_SIZE;
	const uint8_t *at = pt_reach(env, va & ~(EXO_PAGE_SIZE - 1ull), 1, false);

	if (!at || va % EXO_PAGE_SIZE + n > EXO_PAGE_SIZE)
		return NULL;
	env->reached[hash(page)] = (struct reached){ page, chain_removals + 1, at };
	return at + va % EXO_PAGE_SIZE;
}

const void *user_reach(struct env *env, uint64_t va, uint32_t n)
{
	uint64_t page = va / EXO_PAGE_SIZE, offset = va % EXO_PAGE_SIZE;
	const struct reached *r = &env->reached[hash(page)];

	if (r->page == page && r->removals == chain_removals + 1 && offset + n <= EXO_PAGE_SIZE)
		return r->at + offset;
	return look(env, va, n);
}

bool copyin(struct env *env, void *to, struct uptr from, size_t n)
{
	for (uint32_t m; n; n -= m, from.va += m, to = (uint8_t *)to + m) {
		m = piece(from.va, n);
		const void *p = user_reach(env, from.va, m);
		if (!p)
			return false;
		memcpy(to, p, m);
	}
	return true;
}

bool copyout(struct env *env, struct uptr to, const void *from, size_t n)
{
	for (uint32_t m; n; n -= m, to.va += m, from = (const uint8_t *)from + m) {
		m = piece(to.va, n);
		void *p = pt_reach(env, to.va, m, true);
		if (!p)
			return false;
		memcpy(p, from, m);
	}
	return true;
}
