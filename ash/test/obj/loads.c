/* The worst case for a sandbox: a loop that does nothing but load through pointers that
 * change, each the result of the load before. SPDX-License-Identifier: ISC */
#include "handler.h"

ASH_HANDLER(loads)
{
	const uint8_t *frame = frame_begin(ctx);
	uint32_t at = 14;

	for (uint32_t k = 0; k < 1000; k++)
		at = (at + frame[at] + 7) & 1023;
	return at == 77 ? ASH_CONSUME : ASH_PASS;
}
