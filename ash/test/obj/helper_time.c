/* Loads, and a helper. SPDX-License-Identifier: ISC */
#include "handler.h"

ASH_HANDLER(helper_time)
{
	uint64_t length = ctx->length;

	if (length == 1)
		return ash_time() != 0 ? ASH_PASS : ASH_CONSUME;
	return length > 60 ? ASH_PASS : ASH_CONSUME;
}
