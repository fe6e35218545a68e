/* kernel/string.c - memory functions; eight bytes at a time where it matters.
 * SPDX-License-Identifier: ISC */
#include <stdint.h>
#include "kernel/string.h"

void *(memcpy)(void *restrict to, const void *restrict from, size_t n)
{
	void *start = to;
	size_t words = n / 8;

	n %= 8;
	__asm__ volatile("rep movsq\n\t"
	                 "mov %3, %0\n\t"
	                 "rep movsb"
	                 : "+c"(words), "+D"(to), "+S"(from)
	                 : "r"(n)
	                 : "memory");
	return start;
}

void *(memmove)(void *to, const void *from, size_t n)
{
	uint8_t *d = to;
	const uint8_t *s = from;

	if ((uintptr_t)to - (uintptr_t)from >= n)
		return (memcpy)(to, from, n);
	while (n--)
		d[n] = s[n];
	return to;
}

void *(memset)(void *to, int c, size_t n)
{
	void *start = to;
	uint64_t fill = (uint8_t)c * 0x0101010101010101ull;
	size_t words = n / 8;

	n %= 8;
	__asm__ volatile("rep stosq\n\t"
	                 "mov %2, %0\n\t"
	                 "rep stosb"
	                 : "+c"(words), "+D"(to)
	                 : "r"(n), "a"(fill)
	                 : "memory");
	return start;
}

int (memcmp)(const void *a, const void *b, size_t n)
{
	const uint8_t *p = a, *q = b;

	for (size_t i = 0; i < n; i++)
		if (p[i] != q[i])
			return p[i] - q[i];
	return 0;
}
