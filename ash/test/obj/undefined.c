/* Calls a function that is in no file. SPDX-License-Identifier: ISC */
#include "exo/ash.h"

uint32_t elsewhere(uint32_t x);

__attribute__((section("ash"), used)) uint32_t undefined(struct ash_ctx *c)
{
	uint32_t x = c->length;
	return elsewhere(x) + 1; /* line 9 */
}
