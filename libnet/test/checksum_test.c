/* libnet/test/checksum_test.c - against RFC 1071's plain loop, on every kind of packet.
 * Layer: host test. SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "libnet/checksum.h"

/* RFC 1071, 4.1, on big-endian words; the result as it would lie in memory. */
static uint16_t plain(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;
	uint8_t out[2];
	uint16_t word;

	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	out[0] = (uint8_t)(sum >> 8);
	out[1] = (uint8_t)sum;
	memcpy(&word, out, 2);
	return word;
}

static void sums_as_rfc1071(void **state)
{
	uint8_t data[2100];

	(void)state;
	srand(7);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)rand();
	for (size_t n = 0; n < 2048; n++)
		for (size_t at = 0; at < 3; at++)
			assert_int_equal(checksum_sum(data + at, n), plain(data + at, n));
	memset(data, 0xff, sizeof data);
	assert_int_equal(checksum_sum(data, 2048), 0xffff);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Fill the transport checksum by way of an explicit pseudo header. */
static void seal(uint8_t *p, size_t n, size_t header, unsigned protocol, size_t field)
{
	uint8_t whole[2048] = { 0 };
	size_t addresses = header >= 40 && p[0] >> 4 == 6 ? 32 : 8, length = n - header;
	uint16_t sum;

	memcpy(whole, addresses == 32 ? p + 8 : p + 12, addresses);
	put16(whole + addresses, protocol);
	put16(whole + addresses + 2, (unsigned)length);
	memset(p + header + field, 0, 2);
	memcpy(whole + addresses + 4, p + header, length);
	sum = (uint16_t)~plain(whole, addresses + 4 + length);
	memcpy(p + header + field, &sum, 2);
}

static void seal_header(uint8_t *p, size_t header)
{
	uint16_t sum;

	memset(p + 10, 0, 2);
	sum = (uint16_t)~plain(p, header);
	memcpy(p + 10, &sum, 2);
}

/* A packet with random contents and right checksums; returns its length. */
static size_t packet(uint8_t *p, unsigned version, size_t options, unsigned protocol,
                     size_t payload)
{
	size_t header = version == 4 ? 20 + options : 40, n = header + 20 + payload;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rand();
	if (version == 4) {
		p[0] = (uint8_t)(0x40 | header / 4);
		put16(p + 2, (unsigned)n);
		put16(p + 6, 0x4000);
		p[9] = (uint8_t)protocol;
		seal_header(p, header);
	} else {
		p[0] = 0x60;
		put16(p + 4, (unsigned)(n - 40));
		p[6] = (uint8_t)protocol;
	}
	seal(p, n, header, protocol, protocol == 6 ? 16 : 6);
	return n;
}

static void accepts_right_checksums(void **state)
{
	uint8_t p[2048];

	(void)state;
	srand(3);
	for (size_t payload = 0; payload < 1200; payload += 7)
		for (unsigned protocol = 6; protocol <= 17; protocol += 11) {
			size_t n = packet(p, 4, payload % 11 * 4 % 44, protocol, payload);
			assert_true(checksum_holds(p, n, checksum_sum(p, n)));
			n = packet(p, 6, 0, protocol, payload);
			assert_true(checksum_holds(p, n, checksum_sum(p, n)));
		}
}

/* Any flipped bit shows; of the IPv6 header, those of protocol, length and addresses. */
static void refuses_every_flipped_bit(void **state)
{
	uint8_t p[2048];

	(void)state;
	for (unsigned version = 4; version <= 6; version += 2) {
		size_t n = packet(p, version, 0, 6, 100);
		for (size_t bit = (version == 4 ? 0 : 8) * 8; bit < n * 8; bit++) {
			p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(checksum_holds(p, n, checksum_sum(p, n)));
			p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_true(checksum_holds(p, n, checksum_sum(p, n)));
	}
}

static void cannot_tell(void **state)
{
	uint8_t p[2048] = { 0 };
	size_t n = packet(p, 4, 0, 17, 100);
	uint16_t sum = checksum_sum(p, n);

	(void)state;
	for (size_t cut = 0; cut < n; cut++)
		assert_false(checksum_holds(p, cut, checksum_sum(p, cut)));
	assert_true(checksum_holds(p, n, sum));
	p[6] = 0x20; /* more fragments */
	seal_header(p, 20);
	assert_false(checksum_holds(p, n, checksum_sum(p, n)));
	p[6] = 0, p[7] = 1; /* a later fragment */
	seal_header(p, 20);
	assert_false(checksum_holds(p, n, checksum_sum(p, n)));
	p[7] = 0, p[9] = 1; /* ICMP */
	seal_header(p, 20);
	assert_false(checksum_holds(p, n, checksum_sum(p, n)));
	p[9] = 17, p[0] = 0x44; /* a header of 16 bytes */
	seal_header(p, 16);
	assert_false(checksum_holds(p, n, checksum_sum(p, n)));
	p[0] = 0x45;
	seal_header(p, 20);
	memset(p + 26, 0, 2); /* no checksum */
	assert_false(checksum_holds(p, n, checksum_sum(p, n)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_as_rfc1071),
		cmocka_unit_test(accepts_right_checksums),
		cmocka_unit_test(refuses_every_flipped_bit),
		cmocka_unit_test(cannot_tell),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
