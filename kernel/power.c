/* kernel/power.c - end or restart the machine.
 *
 * Source: QEMU's isa-debug-exit device; PC reset through port 0xcf9, then the keyboard
 * controller. SPDX-License-Identifier: ISC */
#include "kernel/cpu.h"
#include "kernel/power.h"

enum { DEBUG_EXIT = 0xf4, RESET_CONTROL = 0xcf9, KEYBOARD = 0x64 };

static _Noreturn void stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

_Noreturn void power_off(uint8_t status)
{
	outb(DEBUG_EXIT, status);
	stop();
}

_Noreturn void power_reset(void)
{
	outb(RESET_CONTROL, 2);
	outb(RESET_CONTROL, 6);
	outb(KEYBOARD, 0xfe);
	stop();
}
