/* Calls a helper that does not exist. SPDX-License-Identifier: ISC */
#include "exo/ash.h"

static uint64_t (*const no_such)(uint64_t) = (uint64_t(*)(uint64_t))999;

__attribute__((section("ash"), used)) uint32_t helper(struct ash_ctx *c)
{
	uint32_t x = c->length;
	return (uint32_t)no_such(x) + 1; /* line 9 */
}
