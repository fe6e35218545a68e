/* dpf/test/block_test.c - a set of many shapes: its function is made anew in blocks, of which a change
 * touches few, and says what a linear matcher says after every step. SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "dpf/block.h"
#include "dpf/dpf.h"
#include "dpf/interp.h"
#include "dpf/tool/host.h"
#include "dpf/tool/roll.h"

enum {
	FILTERS = 300, STEPS = 4000, FRAME = 96, ATOMS = 5, KEY_AT = 60,
	TOUCHED_MAX = 3,   /* blocks of one change */
	EMITTED_MAX = TOUCHED_MAX * GEN_SHAPES * 128, /* bytes of their code */
};

static uint64_t seed = 0xa4093822299f31d0;

static uint32_t roll(uint32_t n) { return roll_from(&seed, n); }

static struct filter {
	struct exo_filter head;
	struct exo_path path;
	struct exo_atom atom[ATOMS];
	uint32_t id; /* 0: not installed */
} filters[FILTERS];

static void add(struct filter *f, unsigned op, unsigned width, unsigned offset, uint32_t mask,
                uint32_t lo, uint32_t hi)
{
	f->atom[f->path.natoms++] = (struct exo_atom){ .op = (uint8_t)op, .width = (uint8_t)width,
		.offset = (uint16_t)offset, .mask = mask, .lo = lo, .hi = hi };
}

static void finish(struct filter *f, uint16_t priority, bool shared)
{
	f->head = (struct exo_filter){ .npaths = 1, .priority = priority,
		                       .flags = shared ? FILTER_SHARED : 0 };
	f->head.bytes = (uint32_t)(offsetof(struct filter, atom) + f->path.natoms * sizeof *f->atom);
}

/* Hardly two ask the same: each has an offset or a mask of its own, but for those that are in a
 * table. Some need registers for places in the frame, some the length on the wire. */
static void make(struct filter *f, uint32_t i)
{
	uint32_t mask = 0x01010101u * (1 + i % 7) | 1u << i % 29, kind = i % 16;

	memset(f, 0, sizeof *f);
	if (kind == 9) {
		add(f, FILTER_IN, 2, KEY_AT, 0xffff, i, i);
		finish(f, 500, false);
		return;
	}
	if (kind < 2)
		for (unsigned k = 0; k < 2 + kind; k++)
			add(f, FILTER_SHIFT, 1, 3 * k, 0x03, 2, 0);
	if (kind == 5 && i % 3 == 0)
		add(f, FILTER_IN, 0, 0, 0xff, FRAME - i % 5, 0xff);
	add(f, FILTER_IN, 4, i % 40, mask, (i * 2654435761u) & mask & 0x03030303, 0);
	f->atom[f->path.natoms - 1].hi = f->atom[f->path.natoms - 1].lo;
	finish(f, (uint16_t)(1 + i * 7 % 1009), i % 3 == 2);
}

static void check(const struct dpf *d, uint32_t caplen)
{
	uint32_t winner = 0, best = 0, shared = 0, ids[FILTERS], wirelen = caplen + roll(3);
	uint8_t frame[FRAME];
	struct path scratch;

	for (unsigned i = 0; i < FRAME; i++)
		frame[i] = (uint8_t)(roll(3) ? roll(4) : roll(256));
	if (roll(2)) {
		frame[KEY_AT] = 0;
		frame[KEY_AT + 1] = (uint8_t)(roll(4) ? 16 * roll(16) + 9 : 0);
	}
	for (unsigned i = 0; i < FILTERS; i++) {
		const struct filter *f = &filters[i];
		struct filter_view v;
		uint64_t rank;

		if (!f->id)
			continue;
		assert_int_equal(filter_decode(&v, f, f->head.bytes), 0);
		if (!interp_filter(&v, &scratch, frame, caplen, wirelen, &rank))
			continue;
		shared += f->head.flags == FILTER_SHARED;
		if (!f->head.flags && f->head.priority > best) {
			best = f->head.priority;
			winner = f->id;
		}
	}
	assert_int_equal(dpf_classify(d, frame, caplen, wirelen), winner);
	assert_int_equal(dpf_match_shared(d, frame, caplen, wirelen, ids, FILTERS), shared);
	if (caplen != wirelen)
		return;
	dpf_classify_burst(d, (const uint8_t *[]){ frame }, &caplen, 1, ids);
	assert_int_equal(ids[0], winner);
}

static void insert(struct dpf *d, struct filter *f)
{
	static const struct dpf_dominance any = { NULL, DPF_ALL };
	int id = dpf_insert(d, f, f->head.bytes, 1, &any, NULL);

	assert_true(id > 0);
	f->id = (uint32_t)id;
}

static void delete(struct dpf *d, struct filter *f)
{
	assert_int_equal(dpf_delete(d, f->id), 0);
	f->id = 0;
}

/* What the last change generated is within the bounds of one change. */
static void was_small(const struct dpf *d, struct dpf_stats *before)
{
	struct dpf_stats now;

	dpf_stats(d, &now);
	assert_true(now.generated - before->generated <= TOUCHED_MAX);
	assert_true(now.emitted - before->emitted <= EMITTED_MAX);
	*before = now;
}

static void shapes_that_come_and_go_equal_a_linear_matcher(void **state)
{
	struct dpf_stats stats;
	struct dpf *d;
	size_t before = host_pages();

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, FILTERS, 4096, 1), 0);
	for (uint32_t i = 0; i < FILTERS; i++)
		make(&filters[i], i);
	dpf_stats(d, &stats);
	for (unsigned step = 0; step < STEPS; step++) {
		struct filter *f = &filters[roll(FILTERS)];
		bool filling = step / 1000 % 2 == 0;

		if (f->id && (!filling || roll(8) == 0))
			delete(d, f);
		else if (!f->id && (filling || roll(8) == 0))
			insert(d, f);
		was_small(d, &stats);
		check(d, FRAME - 2);
		check(d, roll(FRAME - 2));
		if (roll(3)) { /* sometimes the old code stays for a while */
			dpf_reclaim(d);
			dpf_stats(d, &stats);
			assert_true(stats.code_pages <= 2 + stats.shapes / BLOCK_FEW);
		}
	}
	for (unsigned i = 0; i < FILTERS; i++)
		if (filters[i].id)
			delete(d, &filters[i]);
	dpf_reclaim(d);
	dpf_stats(d, &stats);
	assert_int_equal(stats.shapes + stats.filters, 0);
	assert_true(stats.code_pages <= 2);
	dpf_destroy(d);
	assert_int_equal(host_pages(), before);
}

static uint32_t code_left; /* pages of code that may still be taken */

static bool scarce(void *ctx, struct dpf_code *code, size_t npages)
{
	*code = (struct dpf_code){ .npages = npages }; /* it owes nothing to who gets false */
	if (npages > code_left)
		return false;
	code_left -= (uint32_t)npages;
	return host_memory.code_alloc(ctx, code, npages);
}

/* Without a page of code for one of the blocks an insertion is refused, and a deletion takes
 * effect without code, which comes with the next reclaim. */
static void without_code_every_verdict_is_right(void **state)
{
	struct dpf_memory memory = host_memory;
	struct dpf *d;
	size_t before = host_pages();

	(void)state;
	memory.code_alloc = scarce;
	code_left = 1000000;
	assert_int_equal(dpf_create(&d, &memory, FILTERS, 4096, 1), 0);
	for (uint32_t i = 0; i < FILTERS; i++)
		make(&filters[i], i);
	for (unsigned step = 0; step < STEPS / 2; step++) {
		static const struct dpf_dominance any = { NULL, DPF_ALL };
		struct filter *f = &filters[roll(FILTERS)];

		code_left = roll(4);
		if (f->id) {
			delete(d, f);
		} else {
			int id = dpf_insert(d, f, f->head.bytes, 1, &any, NULL);

			assert_true(id > 0 || id == -E_NOMEM);
			f->id = id > 0 ? (uint32_t)id : 0;
		}
		check(d, FRAME - 2);
		code_left = roll(2) ? 8 : 0;
		dpf_reclaim(d);
		check(d, FRAME - 2);
	}
	for (uint32_t i = 0; i < FILTERS; i++)
		filters[i].id = 0;
	dpf_destroy(d);
	assert_int_equal(host_pages(), before);
}

/* The most bytes that one shape more made the classifier generate. */
static uint64_t most_for_one(struct dpf *d, uint32_t from, uint32_t to)
{
	struct dpf_stats before, now;
	uint64_t most = 0;

	dpf_stats(d, &before);
	for (uint32_t i = from; i < to; i++) {
		struct filter f = { 0 };

		add(&f, FILTER_IN, 2, 12, 0xffff, 0x0800, 0x0800);
		add(&f, FILTER_IN, 4, 14 + i, 0xffffffff, i, i);
		finish(&f, (uint16_t)(1 + i * 619 % 1031), false);
		insert(d, &f);
		dpf_reclaim(d);
		dpf_stats(d, &now);
		most = now.emitted - before.emitted > most ? now.emitted - before.emitted : most;
		before = now;
	}
	return most;
}

static void a_new_shape_generates_no_more_in_a_large_set(void **state)
{
	uint64_t small, large;
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, DPF_SHAPES_MAX, 8192, 1), 0);
	small = most_for_one(d, 0, 2 * GEN_SHAPES);
	large = most_for_one(d, 2 * GEN_SHAPES, DPF_SHAPES_MAX);
	assert_true(small > 0 && large <= small + small / 4); /* displacements of 4 bytes, not 1 */
	dpf_destroy(d);
}

/* It is the first block that keeps it, and was there already. */
static void the_last_block_knows_the_length_on_the_wire(void **state)
{
	uint8_t frame[FRAME] = { 0 };
	struct filter f = { 0 };
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, FILTERS, 4096, 1), 0);
	add(&f, FILTER_IN, 0, 0, 0xffff, 60, 70);
	finish(&f, 0, false);
	for (uint32_t i = 0; i < 4 * GEN_SHAPES; i++) {
		struct filter g = { 0 };

		add(&g, FILTER_IN, 4, i, 0xffffffff, 1, 1);
		finish(&g, (uint16_t)(i + 1), false);
		insert(d, &g);
	}
	insert(d, &f);
	assert_int_equal(dpf_classify(d, frame, FRAME, 59), 0);
	assert_int_equal(dpf_classify(d, frame, FRAME, 64), f.id);
	assert_int_equal(dpf_classify(d, frame, FRAME, 71), 0);
	dpf_destroy(d);
}

/* n shapes of one 4-byte comparison each, from this priority downwards. */
static void insert_run(struct dpf *d, uint32_t n, uint16_t priority, uint32_t value)
{
	for (uint32_t i = 0; i < n; i++) {
		struct filter f = { 0 };

		add(&f, FILTER_IN, 4, i, 0xffffffff, value, value);
		finish(&f, (uint16_t)(priority - i), false);
		insert(d, &f);
	}
}

/* A frame whose key is all zeros finds an empty slot, which says nothing about later blocks. The
 * table is the last of its block after some number of shapes. */
static void a_table_that_ends_a_block_is_not_the_end(void **state)
{
	(void)state;
	for (uint32_t above = 0; above < 2 * GEN_SHAPES; above++) {
		uint8_t frame[FRAME] = { 0 };
		struct filter f = { 0 };
		struct dpf *d;

		assert_int_equal(dpf_create(&d, &host_memory, FILTERS, 4096, 1), 0);
		insert_run(d, above, 1000, 1);
		insert_run(d, 2 * GEN_SHAPES, 400, 1);
		for (uint32_t i = 1; i < 10; i++) {
			make(&f, 16 * i + 9);
			insert(d, &f);
		}
		memset(&f, 0, sizeof f);
		add(&f, FILTER_IN, 4, 20, 0xffffffff, 0, 0);
		finish(&f, 1, false);
		insert(d, &f);
		assert_int_equal(dpf_classify(d, frame, FRAME, FRAME), f.id);
		dpf_destroy(d);
	}
}

/* IPv4 to this address, and this byte at `offset`. */
static struct filter to_address(uint32_t address, unsigned offset, uint32_t value)
{
	struct filter f = { 0 };

	add(&f, FILTER_IN, 2, 12, 0xffff, 0x0800, 0x0800);
	add(&f, FILTER_IN, 4, 30, 0xffffffff, address, address);
	add(&f, FILTER_IN, 1, offset, 0xff, value, value);
	finish(&f, 0, false);
	return f;
}

/* What all filters of a shape agree on excludes others, as long as they all do. */
static void an_overlap_is_seen_whatever_a_shape_agreed_on_before(void **state)
{
	enum { US = 0x0a000001, THEM = 0x0a000002 };
	struct filter ours = to_address(US, 23, 6), theirs = to_address(THEM, 23, 6);
	struct filter to_us = to_address(US, 40, 1), to_them = to_address(THEM, 40, 1);
	uint32_t conflict;
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, FILTERS, 4096, 1), 0);
	insert(d, &ours);
	assert_int_equal(dpf_insert(d, &to_us, to_us.head.bytes, 1, NULL, &conflict), -E_OVERLAP);
	assert_int_equal(conflict, ours.id);
	insert(d, &theirs);
	assert_int_equal(dpf_insert(d, &to_us, to_us.head.bytes, 1, NULL, &conflict), -E_OVERLAP);
	assert_int_equal(dpf_insert(d, &to_them, to_them.head.bytes, 1, NULL, &conflict), -E_OVERLAP);
	assert_int_equal(conflict, theirs.id);
	delete(d, &ours);
	assert_int_equal(dpf_insert(d, &to_them, to_them.head.bytes, 1, NULL, &conflict), -E_OVERLAP);
	assert_true(dpf_insert(d, &to_us, to_us.head.bytes, 1, NULL, &conflict) > 0);
	dpf_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes_that_come_and_go_equal_a_linear_matcher),
		cmocka_unit_test(without_code_every_verdict_is_right),
		cmocka_unit_test(the_last_block_knows_the_length_on_the_wire),
		cmocka_unit_test(a_table_that_ends_a_block_is_not_the_end),
		cmocka_unit_test(an_overlap_is_seen_whatever_a_shape_agreed_on_before),
		cmocka_unit_test(a_new_shape_generates_no_more_in_a_large_set),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
