/* apps/ktest/pipe_test.c - pipes of ExOS, with good and bad company. SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"
#include "libnet/exos/pipe.h"

enum {
	OUT_VA = KTEST_VA,
	IN_VA = KTEST_VA + PIPE_ADDRESSES * EXO_PAGE_SIZE,
	BUFFER = 3 * EXO_PAGE_SIZE,
	STREAM = 200 * 1024,
};

/* A child has its own copy, as it was when the child was started: so it gets the capabilities. */
static struct {
	struct exo_cap there, back;
	uint32_t pages;
	long there_slot, back_slot;
	struct pipe out, in;
	uint8_t buffer[BUFFER];
} t;
static struct child child;

static bool make_pipes(uint32_t pages)
{
	t.pages = pages;
	t.there_slot = pipe_new(OUT_VA, pages, &t.there);
	t.back_slot = pipe_new(OUT_VA, pages, &t.back);
	return t.there_slot > 0 && t.back_slot > 0;
}

static void free_pipes(void)
{
	pipe_close(&t.out);
	pipe_close(&t.in);
	sys_page_free((uint32_t)t.there_slot, 1 + t.pages);
	sys_page_free((uint32_t)t.back_slot, 1 + t.pages);
}

static bool open_pipes(const struct exo_cap *out, const struct exo_cap *in, uint32_t peer)
{
	return pipe_open(&t.out, OUT_VA, out, PIPE_WRITER, peer) == 0 &&
	       pipe_open(&t.in, IN_VA, in, PIPE_READER, peer) == 0;
}

/* In a child: become the other end. */
static bool be_child(void)
{
	context_init();
	return open_pipes(&t.back, &t.there, exo_env(exo_self())->parent);
}

static bool start(uint32_t pages, child_fn *fn, uint64_t argument)
{
	return make_pipes(pages) && child_start(&child, fn, argument) &&
	       open_pipes(&t.there, &t.back, child.id);
}

static void end(void)
{
	child_reap(&child);
	free_pipes();
}

/* Sizes that meet the end of the buffer in every way. */
static size_t size_of(uint32_t k) { return 1 + k * 997 % BUFFER; }
static uint8_t byte_at(uint32_t at) { return (uint8_t)(at ^ at >> 8 ^ at >> 16); }

static uint32_t echoes(uint64_t argument)
{
	long n;

	(void)argument;
	if (!be_child())
		return 1;
	for (uint32_t k = 0; (n = pipe_read(&t.in, t.buffer, size_of(3 * k))) > 0; k++)
		if (pipe_write(&t.out, t.buffer, (size_t)n) != n)
			return 2;
	return n == 0 ? 42 : 3;
}

/* Send n bytes of the stream from `at` on, and see them come back. */
static bool goes_round(uint32_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		t.buffer[i] = byte_at(at + (uint32_t)i);
	if (pipe_write(&t.out, t.buffer, n) != (long)n)
		return false;
	memset(t.buffer, 0, n);
	for (size_t got = 0; got < n;) {
		long k = pipe_read(&t.in, t.buffer + got, n - got);

		if (k <= 0)
			return false;
		got += (size_t)k;
	}
	for (size_t i = 0; i < n; i++)
		if (t.buffer[i] != byte_at(at + (uint32_t)i))
			return false;
	return true;
}

static void what_goes_in_comes_out(uint32_t pages)
{
	uint32_t at = 0;

	CHECK(start(pages, echoes, 0));
	for (uint32_t k = 0; at < STREAM; k++) {
		size_t n = size_of(k) < pages * EXO_PAGE_SIZE ? size_of(k) : pages * EXO_PAGE_SIZE;

		CHECK(goes_round(at, n));
		at += (uint32_t)n;
	}
	pipe_close(&t.out);
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->code, 42);
	end();
}

static void bytes_come_out_of_a_pipe_as_they_went_in(void)
{
	what_goes_in_comes_out(1);
	what_goes_in_comes_out(2);
	what_goes_in_comes_out(PIPE_PAGES_MAX);
}

/* Reads a little now and then, and adds up. */
static uint32_t reads_slowly(uint64_t n)
{
	uint32_t at = 0;
	long k;

	if (!be_child())
		return 1;
	for (; at < n; at += (uint32_t)k) {
		context_yield(0);
		k = pipe_read(&t.in, t.buffer, 1000);
		if (k <= 0)
			return 2;
		for (long i = 0; i < k; i++)
			if (t.buffer[i] != byte_at(at + (uint32_t)i))
				return 3;
	}
	return 42;
}

static void a_writer_waits_for_room(void)
{
	CHECK(start(1, reads_slowly, BUFFER));
	for (uint32_t i = 0; i < BUFFER; i++)
		t.buffer[i] = byte_at(i);
	CHECK_IS(pipe_write(&t.out, t.buffer, BUFFER), BUFFER); /* three times what fits */
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->code, 42);
	end();
}

enum leave { LEAVE_EXIT, LEAVE_CRASH, LEAVE_CLOSE };

static uint32_t leave(enum leave how)
{
	if (how == LEAVE_CRASH)
		__asm__ volatile("ud2");
	if (how == LEAVE_EXIT)
		return 0;
	pipe_close(&t.out);
	pipe_close(&t.in);
	for (;;)
		context_yield(0);
}

static uint32_t writes_and_leaves(uint64_t how)
{
	if (!be_child())
		return 1;
	pipe_write(&t.out, "abc", 3);
	for (int i = 0; i < 3; i++)
		context_yield(0); /* the reader comes to wait */
	return leave((enum leave)how);
}

static void a_pipe_ends_with_its_writer_after_what_is_in_it(enum leave how)
{
	CHECK(start(1, writes_and_leaves, how));
	CHECK_IS(pipe_read(&t.in, t.buffer, BUFFER), 3);
	CHECK_IS(t.buffer[2], 'c');
	CHECK_IS(pipe_read(&t.in, t.buffer, BUFFER), 0); /* asleep meanwhile */
	CHECK_IS(pipe_read(&t.in, t.buffer, BUFFER), 0);
	end();
}

static void a_pipe_ends_when_its_writer_exits_crashes_or_closes(void)
{
	a_pipe_ends_with_its_writer_after_what_is_in_it(LEAVE_EXIT);
	a_pipe_ends_with_its_writer_after_what_is_in_it(LEAVE_CRASH);
	a_pipe_ends_with_its_writer_after_what_is_in_it(LEAVE_CLOSE);
}

/* Never reads. */
static uint32_t ignores_and_leaves(uint64_t how)
{
	if (!be_child())
		return 1;
	for (int i = 0; i < 3; i++)
		context_yield(0);
	return leave((enum leave)how);
}

static void a_pipe_breaks_with_its_reader(enum leave how)
{
	CHECK(start(1, ignores_and_leaves, how));
	CHECK_IS(pipe_write(&t.out, t.buffer, BUFFER), EXO_PAGE_SIZE); /* what fits; asleep meanwhile */
	CHECK_IS(pipe_write(&t.out, t.buffer, 1), -E_GONE);
	end();
}

static void a_pipe_breaks_when_its_reader_exits_crashes_or_closes(void)
{
	a_pipe_breaks_with_its_reader(LEAVE_EXIT);
	a_pipe_breaks_with_its_reader(LEAVE_CRASH);
	a_pipe_breaks_with_its_reader(LEAVE_CLOSE);
}

/* With room in it, too. */
static void a_write_to_nobody_is_refused_at_once(void)
{
	CHECK(start(1, ignores_and_leaves, LEAVE_CLOSE));
	EVENTUALLY(t.out.other->closed);
	CHECK_IS(pipe_write(&t.out, "x", 1), -E_GONE);
	child_reap(&child);
	CHECK_IS(pipe_open(&t.in, IN_VA, &t.back, PIPE_READER, child.id), -E_GONE);
	free_pipes();
}

/* Both ends are ours: we are the bad company ourselves. */
static bool open_alone(void)
{
	return make_pipes(1) && pipe_open(&t.out, OUT_VA, &t.there, PIPE_WRITER, exo_self()) == 0 &&
	       pipe_open(&t.in, IN_VA, &t.there, PIPE_READER, exo_self()) == 0;
}

static const uint32_t garbage[] = { 1, 7, 4095, 4096, 4097, 8192, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff };

static void a_readers_garbage_moves_nothing_beyond_the_buffer(void)
{
	struct pipe_memory *m = (struct pipe_memory *)IN_VA;

	CHECK(open_alone());
	for (unsigned i = 0; i < sizeof garbage / sizeof *garbage; i++) {
		m->side[PIPE_READER].at = t.out.at + garbage[i];
		long k = pipe_put(&t.out, t.buffer, BUFFER);
		bool possible = garbage[i] - 1 >= 0xffffefff; /* up to 4096 unread */

		CHECK_IS(k, garbage[i] == 0xfffff000 ? -E_AGAIN : possible ? 4095 : -E_INVAL);
	}
	free_pipes();
}

static void a_writers_garbage_is_not_read(void)
{
	struct pipe_memory *m = (struct pipe_memory *)OUT_VA;

	CHECK(open_alone());
	for (unsigned i = 0; i < sizeof garbage / sizeof *garbage; i++) {
		m->side[PIPE_WRITER].at = t.in.at + garbage[i];
		memset(t.buffer, 0x5a, BUFFER);
		long k = pipe_read(&t.in, t.buffer, BUFFER);

		CHECK_IS(k, garbage[i] <= 4096 ? (long)garbage[i] : -E_INVAL);
		CHECK_IS(t.buffer[4096], 0x5a);
	}
	free_pipes();
}

/* Ours is not read back: what the other writes there harms nobody. */
static void a_position_that_the_other_overwrites_is_our_own(void)
{
	struct pipe_memory *m = (struct pipe_memory *)OUT_VA;

	CHECK(open_alone());
	CHECK_IS(pipe_write(&t.out, "abcd", 4), 4);
	CHECK_IS(pipe_read(&t.in, t.buffer, 2), 2);
	m->side[PIPE_READER].at = 4711;
	CHECK_IS(pipe_read(&t.in, t.buffer, 2), 2);
	CHECK_IS(t.buffer[0], 'c');
	CHECK_IS(t.buffer[1], 'd');
	free_pipes();
}

static void a_forged_pipe_is_not_opened(void)
{
	struct exo_cap cap, good;

	CHECK(make_pipes(1));
	for (int bit = 0; bit < 128; bit += 9) {
		cap = t.there;
		*(bit < 64 ? &cap.name : &cap.mac) ^= 1ull << bit % 64;
		CHECK_IS(pipe_open(&t.out, OUT_VA, &cap, PIPE_WRITER, exo_self()), -E_PERM);
	}
	CHECK_IS(sys_cap_mint(SLOT_SELF, RIGHT_ALL, (uint64_t)&cap), 0);
	CHECK_IS(pipe_open(&t.out, OUT_VA, &cap, PIPE_WRITER, exo_self()), -E_PERM);
	CHECK_IS(pipe_open(&t.out, OUT_VA + 1, &t.there, PIPE_WRITER, exo_self()), -E_INVAL);

	struct pipe_memory *m = (struct pipe_memory *)IN_VA;
	CHECK_IS(pipe_open(&t.in, IN_VA, &t.there, PIPE_READER, exo_self()), 0);
	for (uint32_t n = 0; n < 34; n++) {
		m->pages = n == 1 ? 0xffffffff : n;
		long error = n == 2 || n == 4 || n == 8 || n == 16 ? -E_PERM : -E_INVAL; /* no such pages */
		CHECK_IS(pipe_open(&t.out, OUT_VA, &t.there, PIPE_WRITER, exo_self()), error);
	}
	m->pages = 1;
	good = m->data[0];
	m->data[0].mac ^= 1;
	CHECK_IS(pipe_open(&t.out, OUT_VA, &t.there, PIPE_WRITER, exo_self()), -E_PERM);
	m->data[0] = good;
	CHECK_IS(pipe_open(&t.out, OUT_VA, &t.there, PIPE_WRITER, exo_self()), 0);
	free_pipes();
}

static void a_pipe_whose_pages_are_taken_away_says_so(void)
{
	CHECK(open_alone());
	CHECK_IS(pipe_write(&t.out, "abc", 3), 3);
	CHECK_IS(sys_cap_revoke((uint32_t)t.there_slot + 1), 0); /* the data */
	CHECK_IS(pipe_write(&t.out, "d", 1), -E_PERM);
	CHECK_IS(pipe_read(&t.in, t.buffer, 3), -E_PERM);
	free_pipes();
	CHECK(open_alone());
	CHECK_IS(sys_cap_revoke((uint32_t)t.there_slot), 0); /* the positions */
	CHECK_IS(pipe_read(&t.in, t.buffer, 3), -E_PERM);
	CHECK_IS(pipe_write(&t.out, "d", 1), -E_PERM);
	free_pipes();
}

/* Makes the pipe itself, hands it over in the shared page, and ends while the other waits. */
static uint32_t owns_and_ends(uint64_t argument)
{
	struct exo_cap *shared = (struct exo_cap *)(KTEST_SHARED + 64);

	(void)argument;
	context_init();
	if (pipe_new(OUT_VA, 1, shared) < 0)
		return 1;
	*(volatile uint32_t *)KTEST_SHARED = 1;
	for (int i = 0; i < 5; i++)
		context_yield(0);
	return 42;
}

static void a_sleeper_wakes_when_the_pipe_goes_with_its_owner(void)
{
	volatile uint32_t *ready = (volatile uint32_t *)KTEST_SHARED;

	*ready = 0;
	CHECK(child_start(&child, owns_and_ends, 0));
	EVENTUALLY(*ready);
	/* The writer is ourselves, who never ends. */
	CHECK_IS(pipe_open(&t.in, IN_VA, (struct exo_cap *)(KTEST_SHARED + 64), PIPE_READER, exo_self()), 0);
	CHECK_IS(pipe_read(&t.in, t.buffer, 1), -E_PERM);
	CHECK_IS(child_record(&child)->code, 42);
	pipe_close(&t.in);
	child_reap(&child);
}

static void a_pipe_does_not_wait_who_only_asks(void)
{
	CHECK(open_alone());
	CHECK_IS(pipe_take(&t.in, t.buffer, 1), -E_AGAIN);
	CHECK_IS(pipe_put(&t.out, t.buffer, BUFFER), EXO_PAGE_SIZE);
	CHECK_IS(pipe_put(&t.out, t.buffer, 1), -E_AGAIN);
	CHECK_IS(pipe_read(&t.in, t.buffer, 0), 0);
	CHECK_IS(pipe_write(&t.out, t.buffer, 0), 0);
	pipe_close(&t.in);
	pipe_close(&t.in);
	CHECK_IS(pipe_new(IN_VA, 3, &t.back), -E_INVAL);
	CHECK_IS(pipe_new(IN_VA, 32, &t.back), -E_INVAL);
	free_pipes();
}

static void shared_mappings_have_a_limit(void)
{
	static struct shm some[SHM_MAPPINGS_MAX + 1];
	struct exo_cap cap;
	long slot = shm_new(1, &cap), error = 0;
	uint32_t n = 0;

	while (n <= SHM_MAPPINGS_MAX && error == 0)
		if ((error = shm_map(&some[n], KTEST_VA + n * EXO_PAGE_SIZE, &cap, 1)) == 0)
			n++;
	for (uint32_t i = 0; i < n; i++)
		shm_unmap(&some[i]);
	CHECK_IS(sys_page_free((uint32_t)slot, 1), 0);
	CHECK_IS(error, -E_LIMIT);
	CHECK_IS(n, SHM_MAPPINGS_MAX);
}

const struct ktest pipe_tests[] = {
	{ "bytes_come_out_of_a_pipe_as_they_went_in", bytes_come_out_of_a_pipe_as_they_went_in },
	{ "a_writer_waits_for_room", a_writer_waits_for_room },
	{ "a_pipe_ends_when_its_writer_exits_crashes_or_closes",
	  a_pipe_ends_when_its_writer_exits_crashes_or_closes },
	{ "a_pipe_breaks_when_its_reader_exits_crashes_or_closes",
	  a_pipe_breaks_when_its_reader_exits_crashes_or_closes },
	{ "a_write_to_nobody_is_refused_at_once", a_write_to_nobody_is_refused_at_once },
	{ "a_readers_garbage_moves_nothing_beyond_the_buffer",
	  a_readers_garbage_moves_nothing_beyond_the_buffer },
	{ "a_writers_garbage_is_not_read", a_writers_garbage_is_not_read },
	{ "a_position_that_the_other_overwrites_is_our_own",
	  a_position_that_the_other_overwrites_is_our_own },
	{ "a_forged_pipe_is_not_opened", a_forged_pipe_is_not_opened },
	{ "a_pipe_whose_pages_are_taken_away_says_so", a_pipe_whose_pages_are_taken_away_says_so },
	{ "a_sleeper_wakes_when_the_pipe_goes_with_its_owner",
	  a_sleeper_wakes_when_the_pipe_goes_with_its_owner },
	{ "a_pipe_does_not_wait_who_only_asks", a_pipe_does_not_wait_who_only_asks },
	{ "shared_mappings_have_a_limit", shared_mappings_have_a_limit },
	{ NULL, NULL },
};
