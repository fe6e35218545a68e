/* libnet/exos/random.c - see random.h. SPDX-License-Identifier: ISC */
#include "libnet/exos/random.h"

enum { ECX_RDRAND = 1u << 30, TRIES = 10 };

static bool has_rdrand(void)
{
	uint32_t a = 1, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c & ECX_RDRAND;
}

static bool draw(uint64_t *value)
{
	for (int i = 0; i < TRIES; i++) {
		bool ok;

		__asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(ok) : : "cc");
		if (ok)
			return true;
	}
	return false;
}

bool random_key(uint64_t key[2])
{
	if (has_rdrand() && draw(&key[0]) && draw(&key[1]))
		return true;
	key[0] = __builtin_ia32_rdtsc();
	key[1] = key[0] * 0x9e3779b97f4a7c15;
	return false;
}
