/* siphash.h - SipHash-2-4 (Aumasson & Bernstein, INDOCRYPT 2012) of whole words, for handlers.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>

static inline uint64_t siphash_turn(uint64_t v, int n) { return v << n | v >> (64 - n); }

static inline void siphash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = siphash_turn(v[1], 13) ^ v[0];
	v[3] = siphash_turn(v[3], 16) ^ v[2];
	v[0] = siphash_turn(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = siphash_turn(v[3], 21) ^ v[0];
	v[1] = siphash_turn(v[1], 17) ^ v[2];
	v[2] = siphash_turn(v[2], 32);
}

/* Of word[0, n) under key. */
static inline uint64_t siphash(const uint64_t key[2], const uint64_t *word, uint32_t n)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		          key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };

	for (uint32_t k = 0; k <= n; k++) {
		uint64_t m = k < n ? word[k] : (uint64_t)n << 59; /* the length in bytes */
		v[3] ^= m;
		siphash_round(v);
		siphash_round(v);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	for (int k = 0; k < 4; k++)
		siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
