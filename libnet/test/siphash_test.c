/* libnet/test/siphash_test.c - the paper's test vectors (appendix A and its reference
 * code): key 00..0f, message 00..n-1. Layer: host test. SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "libnet/siphash.h"

static void matches_the_published_vectors(void **state)
{
	static const struct { size_t n; uint64_t hash; } row[] = {
		{ 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd },
		{ 7, 0xab0200f58b01d137 }, { 8, 0x93f5f5799a932462 },
		{ 15, 0xa129ca6149be45e5 },
	};
	static const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	uint8_t message[16];

	(void)state;
	for (int i = 0; i < 16; i++)
		message[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		assert_true(siphash(key, message, row[i].n) == row[i].hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(matches_the_published_vectors) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
