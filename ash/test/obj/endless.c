/* Never ends. SPDX-License-Identifier: ISC */
#include "exo/ash.h"

__attribute__((section("ash"), used)) uint32_t endless(struct ash_ctx *c)
{
	for (;;)
		c->shared++;
}
