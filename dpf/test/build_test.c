/* dpf/test/build_test.c - what the builders' filters accept, by the reference interpreter.
 * SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "dpf/build.h"
#include "dpf/interp.h"

enum { FRAME = 64 };
static const uint8_t four[] = { 10, 0, 2, 15 }, six[16] = { 0xfd, 0, [15] = 1 };
static uint8_t filter[FILTER_BUILD_MAX] __attribute__((aligned(8)));

/* A datagram to `port` of our address, by group or not, of 4 or 6. */
static void datagram(uint8_t f[FRAME], int family, bool group, uint16_t port)
{
	memset(f, 0, FRAME);
	f[0] = group ? 0xff : 0x52;
	f[12] = family == 4 ? 0x08 : 0x86;
	f[13] = family == 4 ? 0x00 : 0xdd;
	f[family == 4 ? 23 : 20] = 17;
	if (family == 4) {
		f[14] = 0x45;
		memcpy(f + 30, four, sizeof four);
	} else {
		memcpy(f + 38, six, sizeof six);
	}
	f[(family == 4 ? 34 : 54) + 2] = (uint8_t)(port >> 8);
	f[(family == 4 ? 34 : 54) + 3] = (uint8_t)port;
}

static bool accepts(const uint8_t f[FRAME])
{
	static struct path scratch;
	const struct exo_filter *head = (const struct exo_filter *)(const void *)filter;
	struct filter_view v;
	uint64_t rank;

	assert_int_equal(filter_decode(&v, filter, head->bytes), 0);
	return interp_filter(&v, &scratch, f, FRAME, FRAME, &rank);
}

static bool takes(int family, bool group, uint16_t port)
{
	uint8_t f[FRAME];

	datagram(f, family, group, port);
	return accepts(f);
}

static void a_missing_family_is_left_out(void **state)
{
	const struct filter_local only4 = { .ip4 = four }, only6 = { .ip6 = six }, none = { 0 };

	(void)state;
	assert_true(filter_udp_port(filter, sizeof filter, &only4, 7) > 0);
	assert_true(takes(4, false, 7) && !takes(6, false, 7));
	assert_true(filter_udp_port(filter, sizeof filter, &only6, 7) > 0);
	assert_true(!takes(4, false, 7) && takes(6, false, 7));
	assert_true(filter_udp_port(filter, sizeof filter, NULL, 7) > 0);
	assert_true(takes(4, false, 7) && takes(6, false, 7) && !takes(6, false, 8));
	assert_true(filter_address(filter, sizeof filter, &only6) > 0);
	assert_true(!takes(4, false, 7) && takes(6, false, 7));
	assert_int_equal(filter_udp_port(filter, sizeof filter, &none, 7), -E_INVAL);
	assert_int_equal(filter_tcp_listen(filter, sizeof filter, &none, 7), -E_INVAL);
	assert_int_equal(filter_ip_proto(filter, sizeof filter, &none, 1), -E_INVAL);
	assert_int_equal(filter_address(filter, sizeof filter, &none), -E_INVAL);
}

static void a_keeper_takes_arp_and_ip(void **state)
{
	uint8_t f[FRAME] = { 0 };

	(void)state;
	assert_true(filter_keeper(filter, sizeof filter) > 0);
	assert_true(takes(4, false, 1) && takes(6, true, 1));
	f[12] = 0x08;
	f[13] = 0x06;
	assert_true(accepts(f));
	f[13] = 0x35;
	assert_false(accepts(f));
}

static void a_group_subscriber_takes_its_port_only(void **state)
{
	(void)state;
	assert_true(filter_udp_group(filter, sizeof filter, 5353) > 0);
	assert_int_equal(((struct exo_filter *)(void *)filter)->flags, FILTER_SHARED);
	assert_true(takes(4, true, 5353) && takes(6, true, 5353));
	assert_true(!takes(4, false, 5353) && !takes(6, false, 5353));
	assert_true(!takes(4, true, 5354) && !takes(6, true, 5354));
}

static void a_small_buffer_is_refused(void **state)
{
	long length = filter_udp_port(filter, sizeof filter, NULL, 7);

	(void)state;
	assert_int_equal(filter_udp_port(filter, (size_t)length, NULL, 7), length);
	assert_int_equal(filter_udp_port(filter, (size_t)length - 1, NULL, 7), -E_NOSPC);
	assert_int_equal(filter_vlan(filter, sizeof filter, 4096), -E_INVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_family_is_left_out),
		cmocka_unit_test(a_keeper_takes_arp_and_ip),
		cmocka_unit_test(a_group_subscriber_takes_its_port_only),
		cmocka_unit_test(a_small_buffer_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
