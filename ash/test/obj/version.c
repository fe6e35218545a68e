/* Two versions of one service, to put in place of each other: a datagram to port 2001 comes back
 * with the version as one more byte. SPDX-License-Identifier: ISC */
#include "handler.h"

static uint32_t answer(struct ash_ctx *ctx, uint8_t version)
{
	struct udp_frame f;

	if (!udp_open(ctx, 2001, &f) || f.payload + f.length >= frame_limit(ctx))
		return ASH_PASS;
	f.payload[f.length] = version;
	return udp_reply(ctx, &f, f.length + 1);
}

ASH_HANDLER(one) { return answer(ctx, '1'); }

ASH_HANDLER(two) { return answer(ctx, '2'); }
