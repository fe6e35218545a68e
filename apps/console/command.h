/* apps/console/command.h - the console's commands.
 *
 * All but kill, reboot and off only read what the kernel and ipd expose to everybody.
 * Layer: apps. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct share;

/* What the commands act on; set by main. */
struct command_powers {
	/* End environment `id`. Returns 0, or -E_PERM: not one we may end. */
	long (*kill)(uint32_t id);
	/* enum exo_power; returns only an error. */
	long (*power)(uint32_t how);
	const struct share *share; /* what ipd publishes; NULL: nothing */
};

/* Run one line of input; prints to standard output. */
void command_run(char *line, const struct command_powers *powers);
