/* exo/syscall.h - system call numbers, from the one table.
 *
 * The syscall instruction: al number (the rest of rax is ignored); rdi, rsi, rdx, r10, r8, r9
 * arguments; rax result (>= 0, or -E_X of exo/err.h). rcx, r11 and the argument registers come back
 * changed, all others as they were.
 *
 * Layer: ABI. SPDX-License-Identifier: ISC
 */
#pragma once

enum exo_syscall {
#define S(n, name, text, ...) SYS_##name,
#include "exo/syscalls.def"
#undef S
	SYS_COUNT
};

/* sys_power */
enum exo_power { POWER_RESET, POWER_OFF };
