/* dpf/tool/tool.h - what the commands of the host tool share. Layer: host tool.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/tool/options.h"

/* Exit statuses, as grep's. */
enum { TOOL_MATCHED, TOOL_NONE, TOOL_ERROR };

/* A command: argv[0] is its name, options and the rest follow. Returns an exit status. */
typedef int command_fn(int argc, char **argv);

command_fn command_match, command_demux, command_exec, command_ir, command_asm, command_dot,
	command_svg, command_explain, command_lint, command_stats, command_replay, command_bench;

/* Say on standard error what is wrong with a command line (as printf), and how the command is used.
 * Returns TOOL_ERROR. */
int usage(const char *name, const char *why, ...) __attribute__((format(printf, 2, 3)));

/* Flush standard output. Returns the status, or TOOL_ERROR after a message when not all of
 * the output could be written. */
int finish(int status);
