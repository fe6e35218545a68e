/* apps/ktest/starve_test.c - each allocation of a call fails in turn: with 0, 1, 2 .. free pages,
 * until the call succeeds. A call that fails must leave as many as it found.
 * SPDX-License-Identifier: ISC */
#include "apps/ktest/handler.h"

enum { CHUNK = 4096, CHUNKS = 16, STEPS = 200, FAR = 40, GIVEN = 600 };

static struct {
	uint32_t slot[CHUNKS], n[CHUNKS]; /* what we hoard */
	uint32_t chunks;
	uint32_t page; /* slot of a page, or of the first */
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

/* A page becomes executable for the first time in its 2 MB of the direct map. */
static uint32_t splits(void) { return (uint32_t)exo_info()->splits; }

static long map_code(void)
{
	return sys_page_map(SLOT_SELF, KTEST_VA, h.page, 1, PROT_R | PROT_X);
}

static void unmap_code(long result)
{
	(void)result;
	sys_page_unmap(SLOT_SELF, KTEST_VA, 1);
}

/* A free page whose 2 MB are in one piece: none of it is, or has been, executable. */
static int starve_a_split(void)
{
	int failed = 0;

	for (uint32_t at = exo_info()->npages - 1; at > 512 && failed == 0; at -= 512) {
		long slot = sys_page_alloc(at, 1);

		if (slot < 0)
			continue;
		h.page = (uint32_t)slot;
		/* So that its page table is there. */
		sys_page_map(SLOT_SELF, KTEST_VA, h.page, 1, PROT_R);
		failed = starve(map_code, unmap_code, splits);
		sys_page_free(h.page, 1);
	}
	return failed;
}

static void code_without_memory_for_its_alias_is_refused(void)
{
	CHECK_IS(starve_a_split(), 1);
}

/* More pages than its page of slots has room for. */
static long give_many(void) { return sys_cap_give(h.page, GIVEN, h.env); }

/* Back again: the environment has not run, and keeps its slots. */
static void forget(long first) { (void)first; }

static void a_slot_table_that_cannot_grow_receives_nothing(void)
{
	struct exo_cap cap = { 0 };
	long env = create(), slot = sys_page_alloc(PAGE_ANY, GIVEN);

	CHECK(env > 0 && slot > 0);
	h.env = (uint32_t)env;
	h.page = (uint32_t)slot;
	CHECK_IS(sys_cap_mint(h.env, RIGHT_READ, (uint64_t)&cap), 0);
	h.index = cap.name & 0xfffffff;
	int failed = starve(give_many, forget, tables);
	uint32_t owned = exo_envs()[h.index].pages;
	destroy(env);
	sys_cap_drop(h.page, GIVEN);
	CHECK_IS(failed, 2); /* two more pages of slots */
	CHECK(owned > GIVEN);
}

/* A child whose slots are all full, and whose table_limit is reached. */
static struct {
	uint32_t free, tables, slots, pages, filters;
} before;

static void remember(void)
{
	const volatile struct exo_env *e = exo_env(exo_self());

	before.free = free_pages();
	before.tables = e->tables;
	before.slots = e->slots;
	before.pages = e->pages;
	before.filters = exo_info()->filters;
}

static bool nothing_changed(void)
{
	const volatile struct exo_env *e = exo_env(exo_self());

	return before.free == free_pages() && before.tables == e->tables &&
	       before.slots == e->slots && before.pages == e->pages &&
	       before.filters == exo_info()->filters;
}

static struct exo_cap machine; /* the child's to claim devices by */

#define REFUSED(call)                                              \
	do {                                                       \
		if ((call) != -E_NOMEM || !nothing_changed())      \
			return __LINE__;                           \
	} while (0)

static struct exo_cap nic; /* for the child */

static uint32_t binds_without_slots(uint64_t argument)
{
	static const char name[16] = "grandchild";
	static struct exo_cap cap;
	uint32_t self = exo_info()->running, page = 0;
	long slot, grandchild = sys_env_create((uint64_t)name, 8), child_id = 0;
	long claims = sys_cap_bind((uint64_t)&machine), interface = sys_cap_bind((uint64_t)&nic);

	(void)argument;
	if (grandchild < 0 || claims < 0 || interface < 0)
		return __LINE__;
	for (uint32_t i = 0; i < EXO_ENV_MAX; i++)
		if (exo_envs()[i].state == ENV_NEW && exo_envs()[i].parent == self)
			child_id = exo_envs()[i].id;
	while ((slot = sys_page_alloc(PAGE_ANY, 256)) > 0)
		page = (uint32_t)slot;
	if (slot != -E_NOMEM || !page)
		return __LINE__;
	while ((slot = sys_page_alloc(PAGE_ANY, 1)) > 0)
		;
	if (slot != -E_NOMEM || sys_cap_mint(page, RIGHT_READ, (uint64_t)&cap) != 0)
		return __LINE__;
	remember();
	REFUSED(sys_page_alloc(PAGE_ANY, 1));
	REFUSED(sys_page_alloc(exo_info()->free_head, 1));
	REFUSED(sys_cap_bind((uint64_t)&cap));
	REFUSED(sys_cap_give(page, 1, SLOT_SELF));
	REFUSED(sys_slice_alloc(UINT32_MAX));
	REFUSED(sys_device_claim((uint32_t)claims, DEVICE_IRQ, 5, 1, 0));
	REFUSED(sys_env_create((uint64_t)name, 8));
	REFUSED(sys_env_child((uint32_t)child_id));
	if (exo_info()->pair[1].present)
		REFUSED(sys_pair_alloc((uint32_t)interface, PAIR_ANY));
	if (sys_cap_drop((uint32_t)grandchild, 1) != 0) /* with one empty slot all is well */
		return __LINE__;
	return sys_env_child((uint32_t)child_id) == grandchild ? 0 : __LINE__;
}

static void a_full_slot_table_refuses_whatever_needs_a_slot(void)
{
	struct child child;

	CHECK_IS(sys_cap_mint(SLOT_MACHINE, RIGHT_MAP, (uint64_t)&machine), 0);
	CHECK_IS(sys_cap_mint(SLOT_NIC, RIGHT_MAP, (uint64_t)&nic), 0);
	CHECK(child_start(&child, binds_without_slots, 0));
	CHECK(child_wait(&child));
	uint32_t ended = child_record(&child)->ended, code = child_record(&child)->code;
	uint32_t id = child.id;
	child_reap(&child);
	CHECK_IS(ended, END_EXIT);
	CHECK_IS(code, 0);
	/* The grandchild is ours now. */
	for (uint32_t i = 0; i < EXO_ENV_MAX; i++)
		if (exo_envs()[i].state == ENV_NEW && exo_envs()[i].id != id)
			destroy(sys_env_child(exo_envs()[i].id));
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

/* A handler with everything that takes memory: pipes, data, shared pages. */
static long bind_all(void) { return BIND(MOV(0, 0), EXIT); }
static void unbind(long result) { sys_ash_unbind((uint32_t)ash.filter + (uint32_t)result); }

static void a_handler_without_memory_is_refused(void)
{
	CHECK(open_handler());
	uint32_t shared = (uint32_t)sys_page_alloc(PAGE_ANY, 2);
	ash.pipes[0] = (struct ash_pipe){ .kind = DILP_COPY };
	ash.pipes[1] = (struct ash_pipe){ .kind = DILP_SUM };
	ash.extra = (struct ash_image){ .shared = shared, .nshared = 2, .npipe = 2 };
	uint32_t charged = exo_envs()[0].tables;
	int failed = starve(bind_all, unbind, splits);
	CHECK(failed > 10); /* the program, scratch, code, pipes, seven tables, a list */
	CHECK_IS(exo_envs()[0].tables, charged);
	CHECK_IS(sys_page_free(shared, 2), 0);
	close_handler();
}

const struct ktest starve_tests[] = {
	{ "an_environment_is_made_wholly_or_not_at_all",
	  an_environment_is_made_wholly_or_not_at_all },
	{ "a_mapping_without_memory_for_tables_is_refused",
	  a_mapping_without_memory_for_tables_is_refused },
	{ "a_ring_without_memory_is_refused", a_ring_without_memory_is_refused },
	{ "code_without_memory_for_its_alias_is_refused",
	  code_without_memory_for_its_alias_is_refused },
	{ "a_slot_table_that_cannot_grow_receives_nothing",
	  a_slot_table_that_cannot_grow_receives_nothing },
	{ "a_full_slot_table_refuses_whatever_needs_a_slot",
	  a_full_slot_table_refuses_whatever_needs_a_slot },
	{ "a_filter_without_memory_is_refused", a_filter_without_memory_is_refused },
	{ "a_handler_without_memory_is_refused", a_handler_without_memory_is_refused },
	{ NULL, NULL },
};
