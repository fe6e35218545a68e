/* Asks for effects, and then works for a while. SPDX-License-Identifier: ISC */
#include "handler.h"

ASH_HANDLER(effects)
{
	ash_wake();
	ash_count(3, 40);
	for (volatile uint32_t k = 0; k < 10; k++)
		;
	return ASH_PASS;
}
