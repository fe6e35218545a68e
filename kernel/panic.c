/* kernel/panic.c - the end. SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include "kernel/cpu.h"
#include "kernel/kmap.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/power.h"

enum { BACKTRACE_MAX = 32, PANIC_STATUS = 7 };

void backtrace(uint64_t rbp)
{
	for (int depth = 0; depth < BACKTRACE_MAX && kmap_is_data(rbp) && rbp % 8 == 0; depth++) {
		const uint64_t *frame = (const uint64_t *)rbp;

		log_printf("  at %p\n", (const void *)frame[1]);
		if (frame[0] <= rbp)
			break;
		rbp = frame[0];
	}
}

_Noreturn void panic(const char *format, ...)
{
	va_list args;

	log_printf("\npanic: ");
	va_start(args, format);
	log_vprintf(format, &args);
	va_end(args);
	log_printf("\n");
	backtrace((uint64_t)__builtin_frame_address(0));
	power_off(PANIC_STATUS);
}

_Noreturn void exo_panic(const char *why, const char *file, int line)
{
	panic("%s:%d: %s", file, line, why);
}
