/* libnet/exos/console.h - standard input and output: the serial console.
 * Layer: libnet/exos. SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>

/* Standard output and error go to the console by this slot of CAP_MACHINE, a line at a
 * time; 0: nowhere. Called once, before anything is printed. */
void console_use(uint32_t machine);

/* The slot. */
uint32_t console_slot(void);
