/* dpf/tool/unique.c - see unique.h. RFC 1071: the sum is one of 16-bit words, and 32 bits are
 * two of them. SPDX-License-Identifier: ISC */
#include "dpf/tool/unique.h"

enum { TYPE_AT = 12, VLAN_BYTES = 4 };

static uint32_t get4(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put4(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void change(uint8_t *source, uint8_t *dest, uint32_t by)
{
	uint8_t *greater = get4(dest) > get4(source) ? dest : source;
	uint8_t *smaller = greater == dest ? source : dest;

	if (get4(greater) < by || get4(smaller) > UINT32_MAX - by)
		return;
	put4(greater, get4(greater) - by);
	put4(smaller, get4(smaller) + by);
}

void unique_addresses(uint8_t *frame, uint32_t n, uint32_t by)
{
	uint32_t at = TYPE_AT;

	while (at + 2 + VLAN_BYTES <= n && ((frame[at] == 0x81 && frame[at + 1] == 0x00) ||
	                                    (frame[at] == 0x88 && frame[at + 1] == 0xa8)))
		at += VLAN_BYTES;
	if (at + 2 + 20 <= n && frame[at] == 0x08 && frame[at + 1] == 0x00)
		change(frame + at + 2 + 12, frame + at + 2 + 16, by);
	else if (at + 2 + 40 <= n && frame[at] == 0x86 && frame[at + 1] == 0xdd)
		change(frame + at + 2 + 20, frame + at + 2 + 36, by);
}
