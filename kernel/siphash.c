/* kernel/siphash.c - SipHash-2-4, for messages of whole words.
 * SPDX-License-Identifier: ISC */
#include "kernel/siphash.h"

static uint64_t rotl(uint64_t x, int n) { return x << n | x >> (64 - n); }

static void round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	round(v);
	round(v);
	v[0] ^= word;
}

uint64_t siphash_words(const uint64_t key[2], const uint64_t word[], size_t n)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		          key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };

	for (size_t i = 0; i < n; i++)
		absorb(v, word[i]);
	absorb(v, 8 * (uint64_t)n << 56); /* the last block: the length, and no bytes */
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
