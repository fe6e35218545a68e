/* apps/ipd/main.c - keeps the address for all programs: libnet/resident.h.
 * SPDX-License-Identifier: ISC */
#include <stdio.h>
#include "libnet/resident.h"

int main(void)
{
	long error = resident_start();

	if (error < 0) {
		printf("ipd: no interface: error %ld\n", -error);
		return 1;
	}
	for (;;)
		resident_turn();
}
