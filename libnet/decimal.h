/* libnet/decimal.h - numbers as text, where printf is not, or costs too much.
 * Layer: libnet, pure. SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>

enum { DECIMAL_MAX = 21 }; /* 2^64 - 1, and the end */

/* Write v at the end of text. Returns its first digit; a '\0' ends it. */
static inline const char *decimal(char text[DECIMAL_MAX], uint64_t v)
{
	char *at = text + DECIMAL_MAX - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + v % 10);
	} while (v /= 10);
	return at;
}
