/* kernel/sys.c - the calls that need no file of their own.
 * SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "kernel/cap.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/log.h"
#include "kernel/power.h"
#include "kernel/sys.h"
#include "kernel/user.h"

/* What transfer.S returns. */
extern const int64_t syscall_invalid, syscall_again;
const int64_t syscall_invalid = -E_INVAL;
const int64_t syscall_again = -E_AGAIN;

enum { CONSOLE_WRITE_MAX = 4096 };

long sys_none(void);

/* Every number that is none. */
long sys_none(void) { return -E_NOSYS; }

/* sys_null - do nothing. Returns 0. */
long sys_null(void) { return 0; }

/* sys_console_write - write bytes to the console.
 *   machine  slot of CAP_MACHINE with RIGHT_WRITE
 * Returns length, or
 *   -E_PERM   no such right      -E_LIMIT  more than 4096 bytes
 *   -E_FAULT  not readable (a first part may have been written) */
long sys_console_write(uint32_t machine, uint64_t va, uint32_t length)
{
	struct env *env = cpu()->env;
	char text[128];

	if (!slot_get(env, machine, CAP_MACHINE, RIGHT_WRITE))
		return -E_PERM;
	if (length > CONSOLE_WRITE_MAX)
		return -E_LIMIT;
	for (uint32_t done = 0, n; done < length; done += n) {
		n = length - done < sizeof text ? length - done : sizeof text;
		if (!copyin(env, text, uptr(va + done), n))
			return -E_FAULT;
		console_write(text, n);
	}
	return length;
}

/* sys_console_read - take one character from the console.
 *   machine  slot of CAP_MACHINE with RIGHT_READ
 * Returns the character (0..255), or
 *   -E_PERM   no such right      -E_AGAIN  none has come: wait on info.console_in */
long sys_console_read(uint32_t machine)
{
	if (!slot_get(cpu()->env, machine, CAP_MACHINE, RIGHT_READ))
		return -E_PERM;
	return console_read();
}

/* sys_power - end or restart the machine.
 *   machine  slot of CAP_MACHINE with RIGHT_RUN
 *   how      enum exo_power; POWER_OFF ends QEMU with status << 1 | 1
 * Returns only on error: -E_PERM no such right, -E_INVAL how or status above 127. */
long sys_power(uint32_t machine, uint32_t how, uint32_t status)
{
	if (!slot_get(cpu()->env, machine, CAP_MACHINE, RIGHT_RUN))
		return -E_PERM;
	if (how > POWER_OFF || status > 127)
		return -E_INVAL;
	if (how == POWER_RESET)
		power_reset();
	power_off((uint8_t)status);
}
