/* kernel/panic.h - the end, with values and a backtrace, for broken kernel invariants.
 *
 * Never reached by anything an environment or a frame can do.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>

/* Print "panic: " and the message, as log_printf does, then a backtrace of raw
 * addresses, and end QEMU with a failing status (or stop the CPU). */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for the leaf libraries. */
_Noreturn void exo_panic(const char *why, const char *file, int line);

#define assert(x) ((x) ? (void)0 : exo_panic(#x, __FILE__, __LINE__))

/* Print the call chain that begins with frame pointer rbp. */
void backtrace(uint64_t rbp);
