/* The Internet checksum of a frame, in a loop that Linux's verifier accepts too: to compare
 * speeds on something that takes long enough. SPDX-License-Identifier: ISC */
#include "handler.h"

ASH_HANDLER(checksum)
{
	const uint8_t *at = frame_begin(ctx), *end = frame_end(ctx);
	uint64_t sum = 0;

	for (uint32_t k = 0; k < 750; k++, at += 2) {
		if (at + 2 > end)
			break;
		sum += *(const be16 *)at;
	}
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)(sum + (sum >> 16)) == 0x1234 ? ASH_CONSUME : ASH_PASS;
}
