/* Two programs in one object; the second one's function is not at the section's start.
 * SPDX-License-Identifier: ISC */
#include "exo/ash.h"

__attribute__((section("ash/a"), used)) uint32_t first(struct ash_ctx *c)
{
	return c->length ? ASH_ABORTED : ASH_CONSUME;
}

__attribute__((section("ash/a"), used)) uint32_t second(struct ash_ctx *c)
{
	return c->length ? ASH_ABORTED : ASH_PASS;
}
