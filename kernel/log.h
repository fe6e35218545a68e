/* kernel/log.h - the kernel's log: to the serial console and to EXO_LOG.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct exo_log;

void log_init(void);

/* Format and log. Knows %s %c %d %u %x %lx %lu %p %%, with 0 and width for numbers. */
void log_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

void log_vprintf(const char *format, va_list *args);

/* Raw bytes to the console, not to the log. */
void console_write(const char *text, size_t length);

/* One received character, or -E_AGAIN. */
int console_read(void);

/* Interrupt: take what the UART has received. */
void console_interrupt(void);

/* The page-aligned structure to expose. */
struct exo_log *log_exposed(void);
