/* apps/console/main.c - the console on the serial line. SPDX-License-Identifier: ISC */
#include <stdio.h>
#include "apps/console/command.h"
#include "apps/console/line.h"
#include "exo/err.h"
#include "exo/stub.h"
#include "libnet/exos/args.h"
#include "libnet/exos/console.h"
#include "libnet/exos/context.h"
#include "libnet/exos/exposed.h"
#include "libnet/share.h"

enum { EXIT_KILLED = 137 };

static uint32_t index_of(const struct exo_cap *cap) { return (uint32_t)cap->name & 0xfffffff; }

/* Whoever started us gave us a capability for each environment that may be ended. */
static long end_environment(uint32_t id)
{
	const struct exos_args *args = exos_args();

	for (uint32_t i = 0; i < args->envs; i++) {
		if (index_of(&args->env[i]) != id % EXO_ENV_MAX)
			continue;
		long slot = sys_cap_bind((uint64_t)&args->env[i]);
		if (slot < 0)
			return slot;
		long error = sys_env_destroy((uint32_t)slot, EXIT_KILLED);
		sys_cap_drop((uint32_t)slot, 1);
		return error;
	}
	return -E_PERM;
}

static long power(uint32_t how) { return sys_power(console_slot(), how, 0); }

static void echo(const char *text)
{
	fputs(text, stdout);
	fflush(stdout);
}

static void prompt(void) { echo("> "); }

static void sleep_for_input(uint32_t seen)
{
	const struct exo_wait_term term = { .address = (uint64_t)&exo_info()->console_in,
		                            .value = seen, .op = WAIT_NE };

	context_wait(&term, 1, WAIT_FOREVER);
}

int main(void)
{
	static struct line line;
	const struct command_powers powers = { end_environment, power,
		                               (const struct share *)EXOS_SHARE };

	prompt();
	for (;;) {
		uint32_t seen = exo_info()->console_in;

		for (long c; (c = sys_console_read(console_slot())) >= 0;) {
			if (!line_input(&line, (char)c, echo))
				continue;
			command_run(line.text, &powers);
			line.length = 0;
			prompt();
		}
		sleep_for_input(seen);
	}
}
