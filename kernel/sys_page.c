/* kernel/sys_page.c - physical pages and mappings. SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/chain.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/pt.h"
#include "kernel/sys.h"

enum { PROT_ALL = PROT_R | PROT_W | PROT_X | PROT_SOFT | PROT_HELD,
       PROT_WRITES = PROT_W | PROT_HELD,
       PROT_CHANGES = PROT_ALL & ~PROT_X /* what the short ways can do */ };

/* The environment that a CAP_ENV slot with these rights names, or NULL. */
static inline struct env *env_arg(uint32_t slot, uint8_t rights)
{
	if (slot == SLOT_SELF)
		return cpu()->env; /* it has all rights, and cannot be dropped */
	const struct slot *s = slot_at(cpu()->env, slot);

	if (s && s->type == CAP_ENV && (s->rights & rights) == rights) {
		struct env *env = &envs[s->index];
		if (env->generation == s->generation && env_alive(env))
			return env;
	}
	info.cap_refused++;
	return NULL;
}

/* Are n pages from `page` (or any n) free? */
static bool are_free(uint32_t page, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!page_is_free(page + i))
			return false;
	return true;
}

/* sys_page_alloc - own n pages, zeroed.
 *   page  the first page's number, or PAGE_ANY: then any n, not in a row
 *   n     1..4096
 * Returns the first of n slots in a row, with all rights, or with nothing changed
 *   -E_INVAL  n, or a page number beyond memory
 *   -E_BUSY   a page asked for by number is not free
 *   -E_NOMEM  not enough free pages, or the slot table cannot grow (table_limit)
 *   -E_NOSPC  no n empty slots in a row */
long sys_page_alloc(uint32_t page, uint32_t n)
{
	struct env *env = cpu()->env;
	bool any = page == PAGE_ANY;

	if (n == 0 || n > PT_N_MAX || (!any && (page >= page_count() || n > page_count() - page)))
		return -E_INVAL;
	if (!any && !are_free(page, n))
		return -E_BUSY;
	long first = slot_reserve(env, n);
	if (first < 0)
		return first;
	/* The slot table may just have grown into the pages asked for. */
	if (any ? info.free_pages < n : !are_free(page, n))
		return any ? -E_NOMEM : -E_BUSY;

	/* Commit: nothing below can fail. */
	for (uint32_t i = 0; i < n; i++) {
		uint32_t pfn = any ? page_first_free() : page + i;

		page_own(pfn, env, PAGE_OWNED);
		slot_fill(env, (uint32_t)first + i, CAP_PAGE, pfn, RIGHT_ALL);
	}
	return first;
}

/* sys_page_free - give n pages back; all their mappings and slots are broken.
 *   slot  first of n page slots with RIGHT_OWN
 * Returns 0, or -E_PERM (nothing changed). A page that a ring or a device still uses is in
 * quarantine until it does not. A page named twice counts as stale: -E_PERM. */
long sys_page_free(uint32_t slot, uint32_t n)
{
	struct env *env = cpu()->env;

	if (!slot_check(env, slot, n, CAP_PAGE, RIGHT_OWN))
		return -E_PERM;
	for (uint32_t i = 0; i < n; i++) {
		const struct slot *s = slot_at(env, slot + i);

		if (slot_is_page(s, RIGHT_OWN)) /* not for the second time */
			page_release(s->index);
		slot_clear(env, slot + i);
	}
	return 0;
}

/* sys_page_guarantee - mark n of the caller's pages as never to be taken by force, or not.
 *   slot  first of n page slots with RIGHT_OWN, of pages that the caller owns
 *   on    1 or 0
 * Returns 0, or with nothing changed -E_PERM (a slot), -E_INVAL (on), or -E_LIMIT:
 * EXO_GUARANTEED_MAX is all one gets, the environment page included. */
long sys_page_guarantee(uint32_t slot, uint32_t n, uint32_t on)
{
	struct env *env = cpu()->env;

	if (on > 1)
		return -E_INVAL;
	if (!slot_check(env, slot, n, CAP_PAGE, RIGHT_OWN))
		return -E_PERM;
	if (on && n > EXO_GUARANTEED_MAX - env->guaranteed)
		return -E_LIMIT;
	for (uint32_t i = 0; i < n; i++)
		if (pages[slot_at(env, slot + i)->index].owner != env->id)
			return -E_PERM;
	for (uint32_t i = 0; i < n; i++)
		page_guarantee(slot_at(env, slot + i)->index, env, on);
	return 0;
}

/* sys_page_backing - say in advance where the kernel shall copy pages that it takes by force:
 * each to the next of n pages. Replaces what was said before; 0 pages: nowhere.
 * exo_lost.backing says which page received what.
 *   slot  first of n page slots with RIGHT_WRITE; one that is stale, or executable, when its
 *         turn comes is passed over
 * Returns 0, or with nothing changed -E_PERM (a slot) or -E_LIMIT (n above EXO_LOST_MAX). */
long sys_page_backing(uint32_t slot, uint32_t n)
{
	struct env *env = cpu()->env;

	if (n > EXO_LOST_MAX)
		return -E_LIMIT;
	if (n && !slot_check(env, slot, n, CAP_PAGE, RIGHT_WRITE))
		return -E_PERM;
	env->backing = slot;
	env->nbacking = n;
	return 0;
}

/* The rights on a page that a mapping needs. */
static uint8_t rights_for(uint32_t prot)
{
	return RIGHT_READ | (prot & PROT_WRITES ? RIGHT_WRITE : 0) | (prot & PROT_X ? RIGHT_EXEC : 0);
}

static bool prot_ok(uint32_t prot)
{
	return !(prot & ~(uint32_t)PROT_ALL) && !(prot & PROT_X && prot & PROT_WRITES);
}

/* The run at va, of the slots from `slot` of self on. */
static struct pt_run next_run(struct env *to, uint64_t va, struct env *self, uint32_t slot,
                              uint32_t n)
{
	struct pt_run run = pt_run(to, va, n);
	uint32_t room = SLOTS_PER_PAGE - slot % SLOTS_PER_PAGE;

	run.s = slot_at(self, slot);
	if (run.n > room)
		run.n = room;
	return run;
}

_Static_assert((int)RIGHT_WRITE == (int)PROT_W, "map_near");

/* The usual call, where the short way is open: one page, in the caller's own space. */
static inline bool map_near(uint64_t va, uint32_t slot, uint32_t prot)
{
	struct env *self = cpu()->env;
	const struct slot *s = slot_at(self, slot);

	return !(prot & ~(uint32_t)(PROT_R | PROT_W | PROT_SOFT)) && s &&
	       slot_is_page(s, RIGHT_READ | (prot & PROT_W)) && pt_map_near(self, va, s->index, prot);
}

/* noinline: sys_page_map is short without it. */
static __attribute__((noinline)) long map_runs(uint32_t env, uint64_t va, uint32_t slot,
                                               uint32_t n, uint32_t prot)
{
	struct env *self = cpu()->env, *to = env_arg(env, RIGHT_MAP);

	if (!to)
		return -E_PERM;
	if (!pt_range_ok(va, n) || !prot_ok(prot & ~(uint32_t)PROT_GUARANTEED))
		return -E_INVAL;
	uint32_t check = 0;
	if (!slot_check_pages(self, slot, n, rights_for(prot), &check))
		return -E_PERM;
	check = prot & PROT_X || (check && prot & PROT_WRITES);
	if (pt_prepare(to, va, n) < 0)
		return -E_NOMEM;
	const struct pt_run first = next_run(to, va, self, slot, n);
	struct pt_run run = first;
	for (uint32_t i = 0;;) {
		int error = check ? pt_check(&run, prot) : 0;
		if (error)
			return error;
		if ((i += run.n) == n)
			break;
		run = next_run(to, va + (uint64_t)i * EXO_PAGE_SIZE, self, slot + i, n - i);
	}

	/* Commit: nothing below can fail. */
	run = first;
	for (uint32_t i = 0;;) {
		pt_set(&run, prot);
		if ((i += run.n) == n)
			break;
		run = next_run(to, va + (uint64_t)i * EXO_PAGE_SIZE, self, slot + i, n - i);
	}
	pt_flush(to, va, n);
	return 0;
}

/* sys_page_map - map n pages, in place of what is mapped there.
 *   env   slot of CAP_ENV with RIGHT_MAP
 *   va    page-aligned, above EXO_ENVPAGE, below EXO_USER_TOP
 *   slot  first of n page slots with the rights that prot needs
 *   prot  enum exo_prot; PROT_R is implied; never PROT_W or PROT_HELD with PROT_X
 * Returns 0, or with no mapping changed
 *   -E_INVAL  va, n (1..4096) or prot
 *   -E_PERM   a slot is not what it must be
 *   -E_BUSY   a page is executable and was to become writable, or the reverse
 *   -E_NOMEM  no memory for tables, or the environment's table_limit is reached */
long sys_page_map(uint32_t env, uint64_t va, uint32_t slot, uint32_t n, uint32_t prot)
{
	if (env == SLOT_SELF && n == 1 && map_near(va, slot, prot))
		return 0;
	return map_runs(env, va, slot, n, prot);
}

static __attribute__((noinline)) long unmap_runs(uint32_t env, uint64_t va, uint32_t n)
{
	struct env *to = env_arg(env, RIGHT_MAP);

	if (!to)
		return -E_PERM;
	if (!pt_range_ok(va, n))
		return -E_INVAL;
	struct pt_run run;
	for (uint32_t i = 0; i < n; i += run.n) {
		run = pt_run(to, va + (uint64_t)i * EXO_PAGE_SIZE, n - i);
		if (run.e)
			pt_clear(&run);
	}
	pt_flush(to, va, n);
	return 0;
}

/* sys_page_unmap - remove n mappings; addresses with none are passed over.
 * Returns 0, -E_PERM (env: CAP_ENV with RIGHT_MAP) or -E_INVAL (range). */
long sys_page_unmap(uint32_t env, uint64_t va, uint32_t n)
{
	if (env == SLOT_SELF && n == 1 && pt_unmap_near(cpu()->env, va))
		return 0;
	return unmap_runs(env, va, n);
}

/* Have all of n mappings been granted the rights of prot? */
static bool all_granted(struct env *env, uint64_t va, uint32_t n, uint32_t prot)
{
	struct pt_run run;

	for (uint32_t i = 0; i < n; i += run.n) {
		run = pt_run(env, va + (uint64_t)i * EXO_PAGE_SIZE, n - i);
		if (run.e && !pt_granted(&run, prot))
			return false;
	}
	return true;
}

static __attribute__((noinline)) long protect_runs(uint32_t env, uint64_t va, uint32_t n,
                                                   uint32_t prot)
{
	struct env *to = env_arg(env, RIGHT_MAP);
	struct pt_run run;

	if (!to)
		return -E_PERM;
	if (!pt_range_ok(va, n) || !prot_ok(prot))
		return -E_INVAL;
	if (prot & (PROT_W | PROT_X) && !all_granted(to, va, n, prot))
		return -E_PERM;

	/* Commit: nothing below can fail. */
	for (uint32_t i = 0; i < n; i += run.n) {
		run = pt_run(to, va + (uint64_t)i * EXO_PAGE_SIZE, n - i);
		if (run.e)
			pt_protect(&run, prot);
	}
	pt_flush(to, va, n);
	return 0;
}

/* sys_page_protect - change the rights of n mappings within those they were granted, and set
 * their software bits. What is left out is granted no more; PROT_HELD keeps a right to
 * write for later. Addresses with no mapping are passed over. To add other rights, map
 * again: that checks the page's slot.
 * Returns 0, or with nothing changed -E_PERM (env; or a right was not granted) or -E_INVAL
 * (range, prot). */
long sys_page_protect(uint32_t env, uint64_t va, uint32_t n, uint32_t prot)
{
	if (env == SLOT_SELF && n == 1 && !(prot & ~(uint32_t)PROT_CHANGES) &&
	    pt_protect_near(cpu()->env, va, prot))
		return 0;
	return protect_runs(env, va, n, prot);
}

/* sys_page_scan - what the hardware has noted about one mapping.
 *   clear  of the bits returned, those to clear (2: accessed, 4: dirty)
 * Returns 0 when nothing is mapped, else 1 | 2 (accessed) | 4 (dirty), as before the
 * clearing; -E_PERM (env: CAP_ENV with RIGHT_MAP) or -E_INVAL (va, clear).
 * What was noted through mappings that the kernel has dropped is in exo_page.touched; clearing is
 * done there, too, if env owns the page. */
long sys_page_scan(uint32_t env, uint64_t va, uint32_t clear)
{
	struct env *to = env_arg(env, RIGHT_MAP);

	if (!to)
		return -E_PERM;
	if (!pt_range_ok(va, 1) || clear & ~6u)
		return -E_INVAL;
	uint64_t *e = pt_entry(to, va), old = e ? *e : 0;
	if (!(old & PTE_P))
		return 0;
	if (clear) {
		struct exo_page *page = &pages[pt_page(old)];

		*e = old & ~((clear & 2 ? PTE_A : 0) | (clear & 4 ? PTE_D : 0));
		pt_flush(to, va, 1);
		if (page->owner == to->id)
			page->touched &= (uint8_t)~clear;
	}
	return 1 | (old & PTE_A ? 2 : 0) | (old & PTE_D ? 4 : 0);
}
