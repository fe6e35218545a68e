/* dpf/tool/bench/headers.h - where headers are, as C finds them by hand.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>
#include <string.h>

enum { IP = 0x0008 }; /* the type of a frame of IPv4, as loaded */

static inline uint16_t get2(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }

/* The header above IPv4, first or only fragment, when `need` bytes of it are there; else 0. */
static inline uint32_t above_ip(const uint8_t *f, uint32_t n, uint32_t need)
{
	if (n < 34 || get2(f + 20) & 0xff1f)
		return 0;
	uint32_t at = 14 + (f[14] & 15) * 4u;

	return at + need <= n ? at : 0;
}

static inline uint32_t tcp(const uint8_t *f, uint32_t n, uint32_t need)
{
	return n >= 34 && get2(f + 12) == IP && f[23] == 6 ? above_ip(f, n, need) : 0;
}
