/* apps/uart/main.c - echoes what comes in on the second serial line, which it drives itself.
 * SPDX-License-Identifier: ISC */
#include <stdio.h>
#include "apps/uart/uart.h"
#include "exo/env.h"
#include "libnet/exos/console.h"
#include "libnet/exos/context.h"

enum { COM2 = 0x2f8, COM2_IRQ = 3 };

static void on_upcall(uint32_t reasons)
{
	if (reasons & UPCALL_IRQ)
		uart_interrupt();
}

int main(void)
{
	static uint8_t bytes[512];

	context_on_upcall(on_upcall);
	long error = uart_open(console_slot(), COM2, COM2_IRQ);
	if (error < 0) {
		printf("uart: the second serial line is not to be had: error %ld\n", -error);
		return 1;
	}
	printf("uart: echo on the second serial line\n");
	for (;;)
		uart_write(bytes, uart_read(bytes, sizeof bytes));
}
