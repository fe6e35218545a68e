/* Sixty thousand instructions, and nothing comes of it: no verdict. An object of its own, as all of
 * an object is compiled, whichever program is chosen. SPDX-License-Identifier: ISC */
#include "handler.h"

ASH_HANDLER(huge)
{
	__asm__ volatile(".rept 60000; r1 += 1; .endr" ::: "r1");
	return 77;
}
