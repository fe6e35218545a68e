/* apps/ktest/pager_test.c - paging by the program itself (libnet/exos/pager.h): how often each policy
 * faults, to the fault, and that no byte is lost. SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"
#include <string.h>
#include "libnet/exos/pager.h"

enum {
	PAGES = 11, FRAMES = 10, TURNS = 11,
	WORDS = EXO_PAGE_SIZE / 8,
	BASE = KTEST_VA, WINDOW = KTEST_VA + 0x200000, STORE = KTEST_VA + 0x400000,
	JUNK = KTEST_VA + 0x40000000, /* what fills a child's tables */
	FAULTS_ALWAYS = PAGES * TURNS,
	FAULTS_BEST = PAGES + 11, /* 10 of 11 pages stay: 11 faults in each 10 turns after the first */
};

static struct pager pager;
static uint32_t stored;      /* slot of the store's pages, when it is memory of ours */
static bool store_is_broken;

static uint64_t *store_page(uint32_t page) { return (uint64_t *)(uint64_t)(STORE + page * EXO_PAGE_SIZE); }

static bool fetch(void *context, uint32_t page, void *frame)
{
	(void)context;
	memcpy(frame, store_page(page), EXO_PAGE_SIZE);
	return !store_is_broken;
}

static bool keep(void *context, uint32_t page, const void *frame)
{
	(void)context;
	if (!store_is_broken)
		memcpy(store_page(page), frame, EXO_PAGE_SIZE);
	return !store_is_broken;
}

static void on_exception(struct exception *e)
{
	if (e->cause != 14 || !pager_fault(&pager, e->address))
		sys_env_destroy(SLOT_SELF, 99); /* there is no going on */
}

static bool open_pager(pager_policy *policy)
{
	pager = (struct pager){ .base = BASE, .window = WINDOW, .pages = PAGES, .frames = FRAMES,
		                .policy = policy, .store = { fetch, keep, NULL } };
	context_on_exception(on_exception);
	return pager_open(&pager) == 0;
}

static bool open_all(pager_policy *policy)
{
	long slot = sys_page_alloc(PAGE_ANY, PAGES);

	stored = (uint32_t)slot;
	return slot > 0 &&
	       sys_page_map(SLOT_SELF, STORE, stored, PAGES,
	                    PROT_R | PROT_W | PROT_GUARANTEED) == 0 &&
	       open_pager(policy);
}

static bool close_all(void)
{
	bool good = pager_close(&pager);

	context_on_exception(NULL);
	return good && sys_page_free(stored, PAGES) == 0;
}

static volatile uint64_t *at(uint32_t page, uint32_t word)
{
	return (volatile uint64_t *)(uint64_t)(BASE + page * EXO_PAGE_SIZE + word * 8);
}

static uint64_t value(uint32_t turn, uint32_t page, uint32_t word)
{
	return turn ? (uint64_t)turn << 48 | (uint64_t)page << 16 | word : 0;
}

/* Does the page hold what `turn` wrote there? */
static bool holds(uint32_t turn, uint32_t page)
{
	bool good = true;

	for (uint32_t w = 0; w < WORDS; w++)
		good &= *at(page, w) == value(turn, page, w);
	return good;
}

static void write_page(uint32_t turn, uint32_t page)
{
	for (uint32_t w = 0; w < WORDS; w++)
		*at(page, w) = value(turn, page, w);
}

/* Go through all pages, again and again; each is as the turn before has left it. */
static bool loop(uint32_t first, uint32_t turns)
{
	bool good = true;

	for (uint32_t t = first; t < first + turns; t++)
		for (uint32_t page = 0; page < PAGES; page++) {
			good &= holds(t, page);
			write_page(t + 1, page);
		}
	return good;
}

static bool store_holds(uint32_t turn)
{
	bool good = true;

	for (uint32_t page = 0; page < PAGES; page++)
		for (uint32_t w = 0; w < WORDS; w++)
			good &= store_page(page)[w] == value(turn, page, w);
	return good;
}

/* Faults of TURNS turns with a policy; -1: a byte was lost on the way. */
static long faults_with(pager_policy *policy)
{
	if (!open_all(policy))
		return -2;
	bool good = loop(0, TURNS);
	long faults = (long)pager.faults;
	good &= pager_flush(&pager) && store_holds(TURNS);
	return close_all() && good ? faults : -1;
}

static void the_oldest_page_is_always_the_wrong_one(void)
{
	CHECK_IS(faults_with(pager_fifo), FAULTS_ALWAYS);
}

static void the_least_recently_used_page_is_too(void)
{
	CHECK_IS(faults_with(pager_lru), FAULTS_ALWAYS);
}

static void the_most_recently_used_page_is_the_right_one(void)
{
	CHECK_IS(faults_with(pager_mru), FAULTS_BEST);
}

/* Page 4 was used last, but pages 5 to 8 come after it. */
static void who_was_used_last_leaves_first(void)
{
	CHECK(open_all(pager_mru));
	for (uint32_t page = 0; page < PAGES; page++)
		(void)*at(page, 0); /* 9 leaves for 10 */
	(void)*at(4, 0);
	(void)*at(9, 0);
	CHECK_IS(pager.faults, PAGES + 1);
	(void)*at(8, 0);
	CHECK_IS(pager.faults, PAGES + 1);
	(void)*at(4, 0);
	CHECK_IS(pager.faults, PAGES + 2);
	CHECK(close_all());
}

/* The program goes round: what it has just left it will need last. */
static uint32_t knows_best(struct pager *p, uint32_t page)
{
	uint32_t f = 0;

	while (p->frame[f].page != (page + PAGES - 1) % PAGES)
		f++;
	return f;
}

static void a_program_that_knows_what_comes_needs_no_bits(void)
{
	CHECK_IS(faults_with(knows_best), FAULTS_BEST);
}

/* Used again and again between the others: only least recently used keeps it, from the second time on
 * that a frame is wanted: at the first, all have been used. */
static long faults_of_a_favourite(pager_policy *policy)
{
	if (!open_all(policy))
		return -2;
	for (uint32_t t = 0; t < TURNS; t++)
		for (uint32_t page = 1; page < PAGES; page++) {
			(void)*at(0, page);
			(void)*at(page, 0);
		}
	long faults = (long)pager.faults;
	return close_all() ? faults : -1;
}

static void accessed_bits_tell_who_is_in_use(void)
{
	CHECK_IS(faults_of_a_favourite(pager_lru), 2 + TURNS * (PAGES - 1));
	CHECK(faults_of_a_favourite(pager_fifo) > 2 + TURNS * (PAGES - 1));
}

static void only_what_was_written_is_written_back(void)
{
	CHECK(open_all(pager_fifo));
	for (uint32_t t = 0; t < TURNS; t++)
		for (uint32_t page = 0; page < PAGES; page++)
			(void)*at(page, t);
	CHECK_IS(pager.faults, FAULTS_ALWAYS);
	CHECK_IS(pager.kept, 0);
	for (uint32_t t = 0; t < TURNS; t++)
		for (uint32_t page = 0; page < PAGES; page++)
			page == 3 ? (void)(*at(page, t) = t) : (void)*at(page, t);
	CHECK_IS(pager.kept, TURNS - 1); /* the last time it is still there */
	CHECK(pager_flush(&pager));
	CHECK_IS(pager.kept, TURNS);
	CHECK(pager_flush(&pager));
	CHECK_IS(pager.kept, TURNS);
	CHECK_IS(store_page(3)[TURNS - 1], TURNS - 1);
	CHECK(close_all());
}

static void a_frame_can_be_given_back(void)
{
	uint32_t before = exo_info()->free_pages;

	CHECK(open_all(pager_mru));
	CHECK(loop(0, 2));
	uint32_t now = exo_info()->free_pages;
	CHECK(pager_shrink(&pager));
	CHECK(pager_shrink(&pager));
	CHECK_IS(exo_info()->free_pages, now + 2);
	CHECK_IS(pager.frames, FRAMES - 2);
	CHECK(loop(2, 3));
	for (int i = 0; i < FRAMES - 3; i++)
		CHECK(pager_shrink(&pager));
	CHECK(!pager_shrink(&pager)); /* the last one */
	uint64_t faults = pager.faults;
	CHECK(loop(5, 2));
	CHECK_IS(pager.faults - faults, 2 * PAGES);
	CHECK(pager_flush(&pager));
	CHECK(store_holds(7));
	CHECK(close_all());
	CHECK(exo_info()->free_pages + 8 >= before); /* but for tables, which the second run finds */
}

static void what_the_store_does_not_take_is_not_lost(void)
{
	CHECK(open_all(pager_fifo));
	CHECK(loop(0, 1)); /* page 0 has left for page 10 */
	uint64_t kept = pager.kept;
	store_is_broken = true;
	bool fault = pager_fault(&pager, BASE), flush = pager_flush(&pager);
	bool shrink = pager_shrink(&pager), close = pager_close(&pager);
	store_is_broken = false;
	CHECK(!fault && !flush && !shrink && !close);
	CHECK_IS(pager.kept, kept);
	CHECK(loop(1, 2));
	CHECK(pager_flush(&pager));
	CHECK(store_holds(3));
	CHECK(close_all());
}

static void what_a_pager_cannot_be_is_refused(void)
{
	static const struct pager bad[] = {
		{ .base = BASE, .window = WINDOW, .pages = 0, .frames = 1 },
		{ .base = BASE, .window = WINDOW, .pages = PAGER_PAGES + 1, .frames = 1 },
		{ .base = BASE, .window = WINDOW, .pages = 1, .frames = 0 },
		{ .base = BASE, .window = WINDOW, .pages = 1, .frames = PAGER_FRAMES + 1 },
		{ .base = BASE + 8, .window = WINDOW, .pages = 1, .frames = 1 },
		{ .base = BASE, .window = WINDOW + 8, .pages = 1, .frames = 1 },
		{ .base = BASE, .window = 0, .pages = 1, .frames = 1 },
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		pager = bad[i];
		CHECK_IS(pager_open(&pager), -E_INVAL);
	}
	CHECK(open_all(pager_fifo));
	CHECK(!pager_fault(&pager, BASE - 1));
	CHECK(!pager_fault(&pager, BASE + PAGES * EXO_PAGE_SIZE));
	CHECK(close_all());
}

/* --- Other environments --- */

/* Map what wants the pager's places in the software TLB, 16 MB apart, each in a table of its own. */
static void fill_tables(void)
{
	for (uint64_t i = 0; i < 2 * CHILD_TABLES; i++)
		for (uint64_t page = 0; page < PAGES; page++)
			sys_page_map(SLOT_SELF, JUNK + (i << 24) + page * EXO_PAGE_SIZE, stored, 1,
			             PROT_R);
}

/* Its mappings leave the page tables for the software TLB, and some leave that, too. */
static uint32_t pages_with_few_tables(uint64_t argument)
{
	uint32_t turn = 0;
	bool good;

	(void)argument;
	context_init();
	good = open_all(pager_fifo);
	for (uint32_t round = 0; round < 3 && good; round++) {
		good &= loop(turn, 2);
		turn += 2;
		fill_tables();
	}
	good &= pager_flush(&pager) && store_holds(turn);
	return good && pager.faults == PAGES * turn ? 0 : 1;
}

static void nothing_is_lost_when_the_kernel_forgets_mappings(void)
{
	uint64_t lost = exo_info()->stlb_lost;
	struct child child;

	CHECK(child_start(&child, pages_with_few_tables, 0));
	CHECK(child_wait(&child));
	uint32_t code = child_record(&child)->code;
	child_reap(&child);
	CHECK(exo_info()->stlb_lost > lost + PAGES);
	CHECK_IS(code, 0);
}

/* Owns the store: capabilities for its pages lie in the page that all share. */
static _Noreturn uint32_t lends_its_pages(uint64_t caps)
{
	volatile uint32_t *ready = (volatile uint32_t *)KTEST_SHARED;

	context_init();
	long slot = sys_page_alloc(PAGE_ANY, PAGES);
	for (uint32_t i = 0; i < PAGES; i++)
		sys_cap_mint((uint32_t)slot + i, RIGHT_READ | RIGHT_WRITE,
		             caps + i * sizeof(struct exo_cap));
	*ready = 1;
	for (;;)
		context_yield(0);
}

static bool map_theirs(uint64_t caps, uint32_t slot[PAGES])
{
	bool good = true;

	for (uint32_t i = 0; i < PAGES; i++) {
		slot[i] = (uint32_t)sys_cap_bind(caps + i * sizeof(struct exo_cap));
		good &= sys_page_map(SLOT_SELF, STORE + i * EXO_PAGE_SIZE, slot[i], 1,
		                     PROT_R | PROT_W) == 0;
	}
	return good;
}

static void another_environment_can_be_the_store(void)
{
	volatile uint32_t *ready = (volatile uint32_t *)KTEST_SHARED;
	const uint64_t caps = KTEST_SHARED + 64;
	static uint32_t slot[PAGES];
	struct child child;

	*ready = 0;
	CHECK(child_start(&child, lends_its_pages, caps));
	EVENTUALLY(*ready);
	CHECK(map_theirs(caps, slot));
	CHECK(open_pager(pager_mru));
	bool good = loop(0, TURNS);
	uint64_t faults = pager.faults;
	good &= pager_close(&pager) && store_holds(TURNS);
	context_on_exception(NULL);
	for (uint32_t i = 0; i < PAGES; i++)
		sys_cap_drop(slot[i], 1);
	child_reap(&child);
	CHECK(good);
	CHECK_IS(faults, FAULTS_BEST);
}

const struct ktest pager_tests[] = {
	{ "the_oldest_page_is_always_the_wrong_one", the_oldest_page_is_always_the_wrong_one },
	{ "the_least_recently_used_page_is_too", the_least_recently_used_page_is_too },
	{ "the_most_recently_used_page_is_the_right_one",
	  the_most_recently_used_page_is_the_right_one },
	{ "who_was_used_last_leaves_first", who_was_used_last_leaves_first },
	{ "a_program_that_knows_what_comes_needs_no_bits",
	  a_program_that_knows_what_comes_needs_no_bits },
	{ "accessed_bits_tell_who_is_in_use", accessed_bits_tell_who_is_in_use },
	{ "only_what_was_written_is_written_back", only_what_was_written_is_written_back },
	{ "a_frame_can_be_given_back", a_frame_can_be_given_back },
	{ "what_the_store_does_not_take_is_not_lost", what_the_store_does_not_take_is_not_lost },
	{ "what_a_pager_cannot_be_is_refused", what_a_pager_cannot_be_is_refused },
	{ "nothing_is_lost_when_the_kernel_forgets_mappings", nothing_is_lost_when_the_kernel_forgets_mappings },
	{ "another_environment_can_be_the_store", another_environment_can_be_the_store },
	{ NULL, NULL },
};
