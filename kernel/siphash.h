/* kernel/siphash.h - a keyed hash for capabilities. SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>

/* SipHash-2-4 of one 64-bit word (little-endian), under a 128-bit key.
 * Source: Aumasson & Bernstein, "SipHash: a fast short-input PRF", 2012. */
uint64_t siphash_word(const uint64_t key[2], uint64_t word);
