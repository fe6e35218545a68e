/* dpf/tool/roll.h - random numbers of a fixed seed, for tests and benches: xorshift64*.
 * Source: Vigna, ACM TOMS 42(4), 2016. Layer: host tool. SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>

/* 0..n-1 from *seed, which is not 0 and moves on. */
static inline uint32_t roll_from(uint64_t *seed, uint32_t n)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (uint32_t)(*seed * 0x2545f4914f6cdd1d >> 33) % n;
}
