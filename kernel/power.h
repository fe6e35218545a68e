/* kernel/power.h - end or restart the machine. SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>

/* Under QEMU with isa-debug-exit: exit status (status << 1) | 1. Elsewhere: stop. */
_Noreturn void power_off(uint8_t status);

_Noreturn void power_reset(void);
