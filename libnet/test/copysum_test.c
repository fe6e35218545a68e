/* libnet/test/copysum_test.c - one pass against two: lengths, alignments, and nothing beyond.
 * SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "libnet/checksum.h"
#include "libnet/copysum.h"

enum { LONGEST = 1600, EDGE = 16, CODE = 4096 };

static uint8_t from[LONGEST + 2 * EDGE], to[LONGEST + 2 * EDGE];

static void one(size_t to_at, size_t from_at, size_t n)
{
	memset(to, 0xa5, sizeof to);
	uint16_t sum = copysum(to + to_at, from + from_at, n);

	assert_int_equal(sum, checksum_sum(from + from_at, n));
	assert_memory_equal(to + to_at, from + from_at, n);
	for (size_t i = 0; i < to_at; i++)
		assert_int_equal(to[i], 0xa5);
	for (size_t i = to_at + n; i < sizeof to; i++)
		assert_int_equal(to[i], 0xa5);
}

static void all(void)
{
	for (size_t n = 0; n < LONGEST; n += n < 300 ? 1 : 37)
		for (size_t at = 0; at < 64; at++)
			one(at % 8, at / 8, n);
	memset(from, 0xff, sizeof from); /* every addition carries */
	one(0, 0, LONGEST);
	one(1, 3, LONGEST - 1);
}

static void fill(void)
{
	srand(5);
	for (size_t i = 0; i < sizeof from; i++)
		from[i] = (uint8_t)rand();
}

static void two_passes_copy_and_add(void **state)
{
	(void)state;
	fill();
	copysum_use(NULL);
	all();
}

static void one_pass_does_the_same(void **state)
{
	uint8_t *code = mmap(NULL, CODE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	dilp_entry *loop;

	(void)state;
	fill();
	assert_true(code != MAP_FAILED && copysum_build(code, CODE) > 0);
	assert_int_equal(mprotect(code, CODE, PROT_READ | PROT_EXEC), 0);
	memcpy(&loop, &code, sizeof loop);
	copysum_use(loop);
	all();
	copysum_use(NULL);
	munmap(code, CODE);
}

static void a_loop_that_does_not_fit_is_refused(void **state)
{
	uint8_t code[8];

	(void)state;
	assert_true(copysum_build(code, sizeof code) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_passes_copy_and_add),
		cmocka_unit_test(one_pass_does_the_same),
		cmocka_unit_test(a_loop_that_does_not_fit_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
