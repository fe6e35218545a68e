/* apps/uart/uart.h - a 16550 serial line, driven in ring 3 by its interrupts.
 *
 * The kernel checks each access to the ports and passes the interrupts on; everything else is
 * here. Not for two threads. Layer: apps. SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>

/* Claim the line and start it: 115200 baud, 8 bits, no parity.
 *   machine  slot of CAP_MACHINE with RIGHT_MAP
 *   base     first of its eight ports      irq  its interrupt line
 * Returns 0, or what sys_device_claim returns, with nothing claimed. */
long uart_open(uint32_t machine, uint16_t base, uint32_t irq);

/* To be called for UPCALL_IRQ: take what has come, send what waits. */
void uart_interrupt(void);

/* Take at most n bytes that have come; sleep until there is one. Returns how many. */
uint32_t uart_read(uint8_t *to, uint32_t n);

/* Queue n bytes; sleep while there is no room. */
void uart_write(const uint8_t *from, uint32_t n);
