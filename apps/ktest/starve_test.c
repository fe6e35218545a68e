/* apps/ktest/starve_test.c - each allocation of a call fails in turn: with 0, 1, 2 .. free pages,
 * until the call succeeds. A call that fails must leave as many as it found.
 * SPDX-License-Identifier: ISC */
#include "apps/ktest/wire.h"

enum { CHUNK = 4096, CHUNKS = 16, STEPS = 200, FAR = 40 };

static struct {
	uint32_t slot[CHUNKS], n[CHUNKS]; /* what we hoard */
	uint32_t chunks;
	uint32_t env; /* slot of an environment to map in */
	uint32_t index;
} h;

static uint32_t free_pages(void) { return exo_info()->free_pages; }

static void hoard(void)
{
	h.chunks = 0;
	for (int tries = 0; free_pages() && h.chunks < CHUNKS && tries < 2 * CHUNKS; tries++) {
		uint32_t n = free_pages() < CHUNK ? free_pages() : CHUNK;
		long slot = sys_page_alloc(PAGE_ANY, n);

		if (slot < 0)
			continue; /* the slot table has taken some of them: fewer, then */
		h.slot[h.chunks] = (uint32_t)slot;
		h.n[h.chunks++] = n;
	}
}

/* Give one page back, the last chunk's last. */
static void let_go(void)
{
	while (h.chunks && h.n[h.chunks - 1] == 0)
		h.chunks--;
	if (h.chunks)
		sys_page_free(h.slot[h.chunks - 1] + --h.n[h.chunks - 1], 1);
}

static void let_all_go(void)
{
	while (h.chunks--)
		if (h.n[h.chunks])
			sys_page_free(h.slot[h.chunks], h.n[h.chunks]);
}

/* Where pages may go when a call fails: to tables that stay, empty, with their environment. */
static uint32_t nowhere(void) { return 0; }
static uint32_t tables(void) { return exo_envs()[h.index].tables; }

/* Starve `try` until it succeeds; `undo` that. Returns how often it failed, or -1 when it
 * never succeeds, or leaves something behind. */
static int starve(long (*try)(void), void (*undo)(long), uint32_t (*kept)(void))
{
	int failed = 0;

	hoard();
	for (; failed < STEPS; failed++) {
		uint32_t before = kept ? free_pages() + kept() : 0;
		long result = try();

		if (result >= 0)
			undo(result);
		if (result < 0 && result != -E_NOMEM)
			ktest_failed(__FILE__, __LINE__, "it fails for want of memory", result);
		if (kept && free_pages() + kept() != before) {
			ktest_failed(__FILE__, __LINE__, "nothing has changed", result);
			failed = -1;
			break;
		}
		if (result >= 0)
			break;
		let_go();
	}
	let_all_go();
	return failed == STEPS ? -1 : failed;
}

static long create(void)
{
	static const char name[16] = "starved";

	return sys_env_create((uint64_t)name, 64);
}

static void destroy(long slot)
{
	sys_env_destroy((uint32_t)slot, 0);
	sys_env_destroy((uint32_t)slot, 0);
}

static void an_environment_is_made_wholly_or_not_at_all(void)
{
	CHECK(starve(create, destroy, nowhere) > 4); /* its page, a slot page, tables */
}

static long map_far(void)
{
	return sys_page_map(h.env, 1ull << FAR, ktest_shared_slot, 1, PROT_R);
}

static void unmap_far(long result)
{
	(void)result;
	sys_page_unmap(h.env, 1ull << FAR, 1);
}

static void a_mapping_without_memory_for_tables_is_refused(void)
{
	struct exo_cap cap = { 0 };
	long env = create();

	CHECK(env > 0);
	h.env = (uint32_t)env;
	CHECK_IS(sys_cap_mint(h.env, RIGHT_READ, (uint64_t)&cap), 0);
	h.index = cap.name & 0xfffffff;
	int failed = starve(map_far, unmap_far, tables);
	destroy(env);
	CHECK_IS(failed, 4); /* two directories, a table and its shadow */
}

static long create_ring(void) { return sys_ring_create(net.pages, PAGES); }
static void destroy_ring(long slot) { sys_ring_destroy((uint32_t)slot); }

static void a_ring_without_memory_is_refused(void)
{
	CHECK(make_region());
	int failed = starve(create_ring, destroy_ring, nowhere);
	sys_page_free(net.pages, PAGES);
	CHECK_IS(failed, 1);
}

static void remove_filter(long slot) { sys_filter_remove((uint32_t)slot); }

static void a_filter_without_memory_is_refused(void)
{
	CHECK(open_ring());
	/* The classifier keeps the memory it has got; when all is run again, it must take no
	 * more. */
	int failed = starve(insert_arp, remove_filter, NULL);
	close_ring();
	CHECK(failed >= 0);
}

const struct ktest starve_tests[] = {
	{ "an_environment_is_made_wholly_or_not_at_all",
	  an_environment_is_made_wholly_or_not_at_all },
	{ "a_mapping_without_memory_for_tables_is_refused",
	  a_mapping_without_memory_for_tables_is_refused },
	{ "a_ring_without_memory_is_refused", a_ring_without_memory_is_refused },
	{ "a_filter_without_memory_is_refused", a_filter_without_memory_is_refused },
	{ NULL, NULL },
};
