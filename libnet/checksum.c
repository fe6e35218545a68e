/* libnet/checksum.c - see checksum.h. RFC 1071; RFC 9293, 3.1; RFC 768; RFC 8200, 8.1.
 * SPDX-License-Identifier: ISC
 */
#include "libnet/checksum.h"
#include <string.h>

enum { PROTO_TCP = 6, PROTO_UDP = 17, IP4_HEADER = 20, IP6_HEADER = 40 };

/* Carries come back in at the other end, 32 bits at a time and then 16. */
static uint16_t fold(uint64_t sum)
{
	uint32_t high = (uint32_t)(sum >> 32), word = (uint32_t)sum + high;

	word += word < high;
	word = (word >> 16) + (word & 0xffff);
	return (uint16_t)(word + (word >> 16));
}

static uint64_t word32(const uint8_t *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

static uint64_t word16(const uint8_t *p)
{
	uint16_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

/* The carry comes back in at the other end. */
static uint64_t add(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

static uint64_t word64(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

uint16_t checksum_sum(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t sum = 0, rest = 0;

	for (; n >= 32; n -= 32, p += 32)
		sum = add(add(add(add(sum, word64(p)), word64(p + 8)), word64(p + 16)),
		          word64(p + 24));
	for (; n >= 8; n -= 8, p += 8)
		sum = add(sum, word64(p));
	if (n & 4) {
		rest = word32(p);
		p += 4;
	}
	if (n & 2) {
		rest += word16(p);
		p += 2;
	}
	return fold(add(sum, rest + (n & 1 ? *p : 0)));
}

/* A 16-bit number as a word in memory order. */
static uint64_t as_word(unsigned value) { return (value & 0xff) << 8 | value >> 8; }

static unsigned big16(const uint8_t *p) { return p[0] << 8 | p[1]; }

/* The payload's own sum is the whole less the header: adding the complement subtracts. */
static bool verify(uint64_t whole, uint16_t header, uint64_t pseudo)
{
	return fold(whole + (uint16_t)~header + pseudo) == 0xffff;
}

static bool holds4(const uint8_t *p, size_t n, uint16_t sum)
{
	size_t header = (p[0] & 15) * 4u;

	if (header < IP4_HEADER || big16(p + 2) != n || n < header + 8 ||
	    (big16(p + 6) & 0x3fff) != 0)
		return false;
	if (p[9] == PROTO_UDP ? big16(p + header + 6) == 0 : p[9] != PROTO_TCP)
		return false;
	uint16_t of_header = checksum_sum(p, header);
	if (of_header != 0xffff)
		return false;
	uint64_t pseudo = word32(p + 12) + word32(p + 16) + as_word(p[9]) +
	                  as_word((unsigned)(n - header));
	return verify(sum, of_header, pseudo);
}

static bool holds6(const uint8_t *p, size_t n, uint16_t sum)
{
	if (n < IP6_HEADER + 8 || big16(p + 4) != n - IP6_HEADER)
		return false;
	if (p[6] == PROTO_UDP ? big16(p + IP6_HEADER + 6) == 0 : p[6] != PROTO_TCP)
		return false;
	/* The addresses are in both sums: only the first 8 bytes have to go. */
	uint64_t pseudo = as_word(p[6]) + as_word((unsigned)(n - IP6_HEADER));
	return verify(sum, checksum_sum(p, 8), pseudo);
}

bool checksum_holds(const uint8_t *packet, size_t n, uint16_t sum)
{
	if (n < IP4_HEADER + 8)
		return false;
	if (packet[0] >> 4 == 4)
		return holds4(packet, n, sum);
	return packet[0] >> 4 == 6 && holds6(packet, n, sum);
}
