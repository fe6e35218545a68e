/* dpf/tool/hex.c - see hex.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/hex.h"
#include <stdint.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

long unhex(const char *s, void *out)
{
	uint8_t *o = out;

	for (; *s; s += 2) {
		int high = digit(s[0]), low = high < 0 ? -1 : digit(s[1]);

		if (low < 0)
			return -1;
		*o++ = (uint8_t)(high << 4 | low);
	}
	return o - (uint8_t *)out;
}
