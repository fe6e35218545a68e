/* mix.c - straight code over the context alone, in 64 bits: the one kind of program that every engine takes,
 * DPDK's too, which knows no loops, no 32-bit jumps and no frames behind numbers. For the bench: some
 * thousand instructions. SPDX-License-Identifier: ISC */
#include "handler.h"

static inline uint64_t stir(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 29;
}

ASH_HANDLER(mix)
{
	uint64_t hash = 1;

#pragma clang loop unroll(full)
	for (int k = 0; k < 160; k++)
		hash = stir(hash, ctx->rx_queue_index + (uint64_t)k);
	return (hash & 1) + ASH_CONSUME;
}
