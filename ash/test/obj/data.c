/* More data than an image may have. SPDX-License-Identifier: ISC */
#include "exo/ash.h"

static volatile uint8_t much[ASH_DATA_MAX + 1];

__attribute__((section("ash"), used)) uint32_t data(struct ash_ctx *c)
{
	return much[c->length & 255];
}
