/* Reads far behind the frame. SPDX-License-Identifier: ISC */
#include "handler.h"

static __attribute__((noinline)) uint8_t at(const uint8_t *p, uint32_t k)
{
	return p[k]; /* line 6 */
}

ASH_HANDLER(wild)
{
	return at(frame_begin(ctx), 0x20000000) ? ASH_PASS : ASH_CONSUME;
}
