/* libnet/test/heap_test.c - the slab heap. Layer: host test. SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "libnet/heap.h"

enum { PAGES = 16 };

static _Alignas(HEAP_PAGE) uint8_t area[PAGES * HEAP_PAGE];
static uint32_t granted; /* pages that `grow` may still hand out */

static bool grow(void *context, uint8_t *base, uint32_t n)
{
	(void)context;
	assert_true(base >= area && base + (size_t)n * HEAP_PAGE <= area + sizeof area);
	if (n > granted)
		return false;
	granted -= n;
	return true;
}

static struct heap fresh(uint32_t pages)
{
	struct heap h;

	granted = pages;
	heap_init(&h, area, PAGES, 4, grow, NULL);
	return h;
}

static void blocks_are_aligned_and_disjoint(void **state)
{
	struct heap h = fresh(PAGES);
	uint8_t *block[200];

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		block[i] = heap_alloc(&h, 1 + i % 250);
		assert_non_null(block[i]);
		assert_int_equal((uintptr_t)block[i] % 64, 0);
		memset(block[i], (int)i, 1 + i % 250);
	}
	for (unsigned i = 0; i < 200; i++)
		for (unsigned j = 0; j < 1 + i % 250; j++)
			assert_int_equal(block[i][j], i);
	for (unsigned i = 0; i < 200; i++)
		heap_free(&h, block[i]);
	assert_int_equal(heap_used(&h), 0);
}

static void refuses_zero_and_too_large(void **state)
{
	struct heap h = fresh(PAGES);

	(void)state;
	assert_null(heap_alloc(&h, 0));
	assert_null(heap_alloc(&h, HEAP_BLOCK_MAX + 1));
	assert_non_null(heap_alloc(&h, HEAP_BLOCK_MAX));
}

static void one_size_takes_at_most_half(void **state)
{
	struct heap h = fresh(PAGES);
	unsigned n = 0;

	(void)state;
	while (heap_alloc(&h, 1500))
		n++;
	assert_int_equal(n, PAGES / 2 * 2);
	assert_int_equal(h.refused, 1);
	assert_non_null(heap_alloc(&h, 100));
}

static void refuses_when_no_page_is_granted(void **state)
{
	struct heap h = fresh(0);

	(void)state;
	assert_null(heap_alloc(&h, 64));
	assert_int_equal(h.refused, 1);
	granted = 4;
	assert_non_null(heap_alloc(&h, 64));
}

static void an_emptied_page_serves_another_size(void **state)
{
	struct heap h = fresh(4);
	void *block[8];

	(void)state;
	for (int round = 0; round < 100; round++) {
		size_t size = round & 1 ? 4000 : 900;
		for (int i = 0; i < 4; i++)
			assert_non_null(block[i] = heap_alloc(&h, size));
		for (int i = 0; i < 4; i++)
			heap_free(&h, block[i]);
		assert_int_equal(heap_used(&h), 0);
	}
	heap_free(&h, NULL);
}

static void random_use_keeps_contents(void **state)
{
	struct heap h = fresh(PAGES);
	struct { uint8_t *p; size_t n; uint8_t fill; } live[64] = { 0 };

	(void)state;
	srand(1);
	for (int i = 0; i < 20000; i++) {
		unsigned k = (unsigned)rand() % 64;
		for (size_t j = 0; live[k].p && j < live[k].n; j++)
			assert_int_equal(live[k].p[j], live[k].fill);
		heap_free(&h, live[k].p);
		live[k].n = 1 + (size_t)rand() % 2000;
		live[k].fill = (uint8_t)i;
		live[k].p = heap_alloc(&h, live[k].n);
		if (live[k].p)
			memset(live[k].p, live[k].fill, live[k].n);
	}
	for (int k = 0; k < 64; k++)
		heap_free(&h, live[k].p);
	assert_int_equal(heap_used(&h), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_aligned_and_disjoint),
		cmocka_unit_test(refuses_zero_and_too_large),
		cmocka_unit_test(one_size_takes_at_most_half),
		cmocka_unit_test(refuses_when_no_page_is_granted),
		cmocka_unit_test(an_emptied_page_serves_another_size),
		cmocka_unit_test(random_use_keeps_contents),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
