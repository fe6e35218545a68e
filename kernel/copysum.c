/* kernel/copysum.c - copy and checksum in one pass: 32 bytes in 13 instructions.
 * SPDX-License-Identifier: ISC */
#include "kernel/copysum.h"
#include "kernel/string.h"

static uint64_t add(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b); /* end-around carry */
}

/* Move n <= 8 bytes, a constant; their value. */
static inline uint64_t move(uint8_t *d, const uint8_t *s, size_t n)
{
	uint64_t word = 0;

	memcpy(&word, s, n);
	memcpy(d, &word, n);
	return word;
}

static uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint16_t copysum(void *to, const void *from, uint32_t n)
{
	uint64_t sum = 0, blocks = n / 32, scratch;
	uint8_t *d = to;
	const uint8_t *s = from;

	if (blocks) {
		__asm__ volatile("clc\n"
		                 "1:\tmov (%1), %4\n\t"
		                 "mov %4, (%0)\n\t"
		                 "adc %4, %3\n\t"
		                 "mov 8(%1), %4\n\t"
		                 "mov %4, 8(%0)\n\t"
		                 "adc %4, %3\n\t"
		                 "mov 16(%1), %4\n\t"
		                 "mov %4, 16(%0)\n\t"
		                 "adc %4, %3\n\t"
		                 "mov 24(%1), %4\n\t"
		                 "mov %4, 24(%0)\n\t"
		                 "adc %4, %3\n\t"
		                 "lea 32(%1), %1\n\t"
		                 "lea 32(%0), %0\n\t"
		                 "dec %2\n\t" /* dec and lea leave the carry alone */
		                 "jnz 1b\n\t"
		                 "adc $0, %3"
		                 : "+r"(d), "+r"(s), "+r"(blocks), "+r"(sum), "=&r"(scratch)
		                 :
		                 : "memory", "cc");
	}
	for (n %= 32; n >= 8; n -= 8, d += 8, s += 8)
		sum = add(sum, move(d, s, 8));
	if (n & 4) {
		sum = add(sum, move(d, s, 4));
		d += 4;
		s += 4;
	}
	if (n & 2) {
		sum = add(sum, move(d, s, 2));
		d += 2;
		s += 2;
	}
	return fold(n & 1 ? add(sum, move(d, s, 1)) : sum);
}
