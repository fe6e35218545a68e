/* libnet/copysum.c - see copysum.h. SPDX-License-Identifier: ISC */
#include "libnet/copysum.h"
#include <string.h>
#include "libnet/checksum.h"

/* Below this the loop's entry takes longer than a second pass. */
enum { FUSED_MIN = 128 };

static dilp_entry *fused;

int copysum_build(uint8_t *code, size_t cap)
{
	static const struct dilp_pipe pipe[] = { { .kind = DILP_COPY }, { .kind = DILP_SUM } };

	return dilp_compile(pipe, sizeof pipe / sizeof *pipe, code, cap);
}

void copysum_use(dilp_entry *loop) { fused = loop; }

static uint16_t both(void *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	return checksum_sum(to, n);
}

/* 64 bits to 16, carries brought back. */
static uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

uint16_t copysum(void *to, const void *from, size_t n)
{
	struct dilp_state state = DILP_BEGIN;
	size_t whole = n & ~(size_t)7;

	if (!fused || n < FUSED_MIN)
		return both(to, from, n);
	fused(to, from, whole / 8, &state);
	/* An even number of bytes lies before the tail: the sums just add. */
	return fold((uint64_t)fold(state.sum) +
	            both((uint8_t *)to + whole, (const uint8_t *)from + whole, n - whole));
}
