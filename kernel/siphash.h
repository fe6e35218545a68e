/* kernel/siphash.h - a keyed hash, for capabilities and for what strangers may choose.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* SipHash-2-4 of n 64-bit words (little-endian), n <= 31, under a 128-bit key.
 * Source: Aumasson & Bernstein, "SipHash: a fast short-input PRF", 2012. */
uint64_t siphash_words(const uint64_t key[2], const uint64_t word[], size_t n);

/* Of one word. */
static inline uint64_t siphash_word(const uint64_t key[2], uint64_t word)
{
	return siphash_words(key, &word, 1);
}
