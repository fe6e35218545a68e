/* libnet/siphash.c - see siphash.h; the names are the paper's. SPDX-License-Identifier: ISC */
#include "libnet/siphash.h"
#include <string.h>

static uint64_t rotl(uint64_t x, int b) { return x << b | x >> (64 - b); }

static void rounds(uint64_t v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1], v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0], v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1], v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2], v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

uint64_t siphash(const uint64_t key[2], const void *message, size_t n)
{
	/* "somepseudorandomlygeneratedbytes" */
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573,
	};
	const uint8_t *p = message;
	uint64_t last = (uint64_t)n << 56, word;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&word, p, 8);
		absorb(v, word);
	}
	word = 0;
	memcpy(&word, p, n);
	absorb(v, last | word);
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
