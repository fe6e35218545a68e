/* libnet/test/share_test.c - next hops, group addresses, and reading while ipd writes.
 * Layer: host test. SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include "libnet/share.h"

static struct share_ip ip(const char *text)
{
	struct share_ip out;
	uint8_t v4[4];

	if (inet_pton(AF_INET, text, v4) == 1)
		return share_ip4(v4);
	assert_int_equal(inet_pton(AF_INET6, text, out.byte), 1);
	return out;
}

static struct share_lease home(void)
{
	struct share_lease l = {
		.address4 = { 10, 0, 2, 15 }, .mask4 = { 255, 255, 255, 0 },
		.gateway4 = { 10, 0, 2, 2 },
	};

	l.address6[0] = ip("fe80::5054:ff:fe12:3456");
	l.address6[1] = ip("fec0::5054:ff:fe12:3456");
	l.router6 = ip("fe80::2");
	return l;
}

static void next_hop_is_the_neighbour_or_the_router(void **state)
{
	static const struct { const char *dst, *hop; } row[] = {
		{ "10.0.2.2", "10.0.2.2" },     { "10.0.2.77", "10.0.2.77" },
		{ "10.0.3.2", "10.0.2.2" },     { "192.0.2.1", "10.0.2.2" },
		{ "fe80::1", "fe80::1" },       { "febf::1", "febf::1" },
		{ "fec0::9", "fec0::9" },       { "fec0:0:0:1::9", "fe80::2" },
		{ "2001:db8::1", "fe80::2" },
	};
	struct share_lease l = home();

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct share_ip dst = ip(row[i].dst), want = ip(row[i].hop), hop;
		assert_true(share_next_hop(&l, &dst, &hop));
		assert_memory_equal(&hop, &want, sizeof hop);
	}
}

static void no_hop_without_lease_gateway_or_router(void **state)
{
	struct share_lease l = home();
	struct share_ip near4 = ip("10.0.2.2"), far4 = ip("192.0.2.1"), hop;
	struct share_ip far6 = ip("2001:db8::1");

	(void)state;
	memset(l.gateway4, 0, 4);
	memset(&l.router6, 0, sizeof l.router6);
	assert_true(share_next_hop(&l, &near4, &hop));
	assert_false(share_next_hop(&l, &far4, &hop));
	assert_false(share_next_hop(&l, &far6, &hop));
	memset(l.address4, 0, 4);
	assert_false(share_next_hop(&l, &near4, &hop));
	/* An empty slot is no prefix ::/64. */
	struct share_ip low = ip("::5");
	assert_false(share_next_hop(&l, &low, &hop));
}

static void groups_have_group_addresses(void **state)
{
	static const struct { const char *dst; uint8_t mac[6]; } row[] = {
		{ "255.255.255.255", { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
		{ "10.0.2.255", { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
		{ "224.0.0.251", { 0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb } },
		{ "239.129.2.3", { 0x01, 0x00, 0x5e, 0x01, 0x02, 0x03 } },
		{ "ff02::1:ff12:3456", { 0x33, 0x33, 0xff, 0x12, 0x34, 0x56 } },
	};
	static const char *const alone[] = {
		"10.0.2.254", "10.0.3.255", "192.0.2.255", "fe80::ff", "223.255.255.255",
	};
	struct share_lease l = home();
	uint8_t mac[6];

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct share_ip dst = ip(row[i].dst);
		assert_true(share_group_mac(&l, &dst, mac));
		assert_memory_equal(mac, row[i].mac, 6);
	}
	for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) {
		struct share_ip dst = ip(alone[i]);
		assert_false(share_group_mac(&l, &dst, mac));
	}
}

static void a_host_route_has_no_broadcast(void **state)
{
	struct share_lease l = home();
	struct share_ip self = ip("10.0.2.15");
	uint8_t mac[6];

	(void)state;
	memset(l.mask4, 255, 4);
	assert_false(share_group_mac(&l, &self, mac));
}

static void nothing_is_read_while_it_is_written(void **state)
{
	static struct share s;
	struct share_lease l = home(), out = { 0 };
	struct share_ip hop = ip("10.0.2.2");
	uint8_t mac[6];
	uint32_t version = 0;

	(void)state;
	assert_false(share_read_lease(&s, &out, &version));
	share_write_begin(&s);
	s.lease = l;
	s.neighbour[5] = (struct share_neighbour){ .ip = hop, .mac = { 2 }, .known = 1 };
	assert_false(share_read_lease(&s, &out, &version));
	assert_false(share_neighbour_mac(&s, &hop, mac));
	/* A writer that died here leaves the page to its successor. */
	share_write_begin(&s);
	share_write_end(&s);
	assert_true(share_read_lease(&s, &out, &version));
	assert_memory_equal(&out, &l, sizeof l);
	assert_int_equal(version, 2);
	assert_true(share_neighbour_mac(&s, &hop, mac));
	assert_int_equal(mac[0], 2);
}

static void only_known_neighbours_answer(void **state)
{
	static struct share s;
	struct share_ip zero = { { 0 } }, hop = ip("10.0.2.3");
	uint8_t mac[6];

	(void)state;
	assert_false(share_neighbour_mac(&s, &zero, mac));
	s.neighbour[0] = (struct share_neighbour){ .ip = ip("10.0.2.2"), .known = 1 };
	assert_false(share_neighbour_mac(&s, &hop, mac));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_hop_is_the_neighbour_or_the_router),
		cmocka_unit_test(no_hop_without_lease_gateway_or_router),
		cmocka_unit_test(groups_have_group_addresses),
		cmocka_unit_test(a_host_route_has_no_broadcast),
		cmocka_unit_test(nothing_is_read_while_it_is_written),
		cmocka_unit_test(only_known_neighbours_answer),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
