/* kernel/user.c - copies across the user boundary. SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "kernel/pt.h"
#include "kernel/string.h"
#include "kernel/user.h"

/* Bytes until the page that va is in ends, at most n. */
static uint32_t piece(uint64_t va, size_t n)
{
	size_t rest = EXO_PAGE_SIZE - va % EXO_PAGE_SIZE;

	return (uint32_t)(n < rest ? n : rest);
}

bool copyin(struct env *env, void *to, struct uptr from, size_t n)
{
	for (uint32_t m; n; n -= m, from.va += m, to = (uint8_t *)to + m) {
		m = piece(from.va, n);
		const void *p = pt_reach(env, from.va, m, false);
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
