/* dpf/test/adversary_test.c - sets of filters made to be hard: the bounds on code, memory and
 * new tables hold, and every verdict is right. SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "dpf/dpf.h"
#include "dpf/tool/host.h"

enum {
	MANY = 10000, FRAME = 64, FIELDS = 7,
	CODE_MAX = 2048,   /* bytes for one shape */
	REKEYED_MAX = 20,  /* log2(MANY) tables that double, and a few without luck */
	CHARGE_MAX = 192,  /* bytes of a filter of this size, in a table that has just doubled */
};

/* A filter of 4-byte comparisons, one path. */
static struct filter {
	struct exo_filter head;
	struct exo_path path;
	struct exo_atom atom[FIELDS];
} filter;

static uint8_t frame[FRAME];

static void clear(void)
{
	memset(&filter, 0, sizeof filter);
	memset(frame, 0, sizeof frame);
}

/* One comparison more, and a frame for which it holds. */
static void want(uint16_t offset, uint32_t v)
{
	filter.atom[filter.path.natoms++] = (struct exo_atom){ FILTER_IN, 4, offset, UINT32_MAX, v, v };
	for (int i = 0; i < 4; i++)
		frame[offset + i] = (uint8_t)(v >> 8 * (3 - i));
}

static int insert(struct dpf *d)
{
	filter.head.npaths = 1;
	filter.head.bytes = (uint32_t)(offsetof(struct filter, atom) +
	                               filter.path.natoms * sizeof *filter.atom);
	int id = dpf_insert(d, &filter, filter.head.bytes, 1, NULL, NULL);
	dpf_reclaim(d);
	return id;
}

static uint32_t classify(const struct dpf *d) { return dpf_classify(d, frame, FRAME, FRAME); }

/* Insert n filters that `make` makes, then ask for each: the bounds of one shape hold. */
static void one_shape(uint32_t n, void (*make)(uint32_t i))
{
	struct dpf_stats s;
	struct dpf *d;
	uint64_t charged = 0;

	assert_int_equal(dpf_create(&d, &host_memory, MANY, 8192, 1), 0);
	for (uint32_t i = 0; i < n; i++) {
		clear();
		make(i);
		assert_int_equal(insert(d), i + 1);
	}
	for (uint32_t i = 0; i < n; i++) {
		clear();
		make(i);
		assert_int_equal(classify(d), i + 1);
		charged += dpf_charge(d, i + 1);
		frame[filter.atom[filter.path.natoms - 1].offset] ^= 0x80;
		assert_int_equal(classify(d), 0);
	}
	dpf_stats(d, &s);
	assert_int_equal(s.shapes, 1);
	assert_int_equal(s.residual, 0);
	assert_true(s.code_bytes <= CODE_MAX);
	assert_true(s.rekeyed <= REKEYED_MAX);
	assert_true(charged / n <= CHARGE_MAX);
	dpf_destroy(d);
}

static uint32_t scatter(uint32_t i, uint32_t k) { return (i + 1) * (2654435761u + 2 * k) & 0x7fffffff; }

static void without_a_common_prefix(uint32_t i)
{
	for (uint16_t k = 0; k < 4; k++)
		want((uint16_t)(4 * k), scatter(i, k));
}

static void equal_but_the_last(uint32_t i)
{
	for (uint16_t k = 0; k < FIELDS - 1; k++)
		want((uint16_t)(4 * k), 0x01020304u * (k + 1u));
	want(4 * (FIELDS - 1), i);
}

/* Differ in their top bits only, where a hash that keeps low bits sees nothing. */
static void equal_low_bits(uint32_t i) { want(26, i << 17); }

/* w0 * A + w1 * B is the same for all, for the usual multipliers A and B (words as
 * the code loads them: little-endian). */
static void sum_is_constant(uint32_t i)
{
	const uint64_t a = 0x9e3779b97f4a7c15, b = 0xbf58476d1ce4e5b9;
	uint64_t inverse = a; /* Newton's iteration, modulo 2^64 */

	for (int k = 0; k < 6; k++)
		inverse *= 2 - a * inverse;
	uint64_t w1 = i, w0 = inverse * (0 - w1 * b);
	want(26, __builtin_bswap32((uint32_t)w0));
	want(30, __builtin_bswap32((uint32_t)(w0 >> 32)));
	want(40, __builtin_bswap32((uint32_t)w1));
}

static void many_without_a_common_prefix_keep_the_bounds(void **state)
{
	(void)state;
	one_shape(MANY, without_a_common_prefix);
}

static void many_equal_but_the_last_atom_keep_the_bounds(void **state)
{
	(void)state;
	one_shape(MANY, equal_but_the_last);
}

static void keys_that_collide_without_a_secret_keep_the_bounds(void **state)
{
	(void)state;
	one_shape(MANY, equal_low_bits);
	one_shape(MANY, sum_is_constant);
}

/* A shape for each filter: no two have one mask. Where several hold, priority decides. */
static void shapes_are_bounded(void **state)
{
	static const struct dpf_dominance any = { NULL, DPF_ALL };
	struct dpf_stats s;
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, MANY, 8192, 1), 0);
	for (uint32_t i = 1; i <= DPF_SHAPES_MAX + 1; i++) {
		clear();
		want(12, i);
		filter.atom[0].mask = i;
		filter.head.npaths = 1;
		filter.head.priority = (uint16_t)i;
		filter.head.bytes = offsetof(struct filter, atom) + sizeof *filter.atom;
		int id = dpf_insert(d, &filter, filter.head.bytes, 1, &any, NULL);
		dpf_reclaim(d);
		assert_int_equal(id, i <= DPF_SHAPES_MAX ? (int)i : -E_LIMIT);
		if (i % 64 == 0)
			assert_int_equal(classify(d), i);
	}
	dpf_stats(d, &s);
	assert_int_equal(s.shapes, DPF_SHAPES_MAX);
	assert_true(s.code_bytes / DPF_SHAPES_MAX <= 64);
	memset(frame, 0xff, sizeof frame);
	for (uint32_t i = DPF_SHAPES_MAX; i > 0; i--) {
		assert_int_equal(classify(d), i);
		assert_int_equal(dpf_delete(d, i), 0);
		dpf_reclaim(d);
	}
	dpf_stats(d, &s);
	assert_int_equal(s.shapes + s.filters, 0);
	dpf_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_without_a_common_prefix_keep_the_bounds),
		cmocka_unit_test(many_equal_but_the_last_atom_keep_the_bounds),
		cmocka_unit_test(keys_that_collide_without_a_secret_keep_the_bounds),
		cmocka_unit_test(shapes_are_bounded),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
