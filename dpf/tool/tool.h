/* dpf/tool/tool.h - what the commands of the host tool share. Layer: host tool.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <pcap/pcap.h>
#include <stdbool.h>
#include "dpf/dpf.h"

/* Exit statuses, as grep's. */
enum { TOOL_MATCHED, TOOL_NONE, TOOL_ERROR };

/* A command: argv[0] is its name, options and the rest follow. Returns an exit status. */
typedef int command_fn(int argc, char **argv);

command_fn command_match, command_exec, command_asm, command_bench;

/* Say on standard error how a command is used. Returns TOOL_ERROR. */
int usage(const char *name);

/* The words for -E_X. */
const char *reason(int error);

/* An expression, compiled by libpcap for a link type. */
struct expression {
	const char *text;
	struct bpf_program program; /* libpcap's */
	uint8_t *filter;            /* the same as exo/filter.h has it */
	size_t length;
	uint32_t id;                /* in the classifier */
};

/* Compile n expressions for in's link type, optimised. The empty one takes every frame.
 * NULL after a message on standard error. flags: of struct exo_filter. */
struct expression *expressions_compile(pcap_t *in, char **texts, int n, uint16_t flags);
void expressions_free(struct expression *e, int n);

/* A classifier that holds them, from mem. NULL after a message. */
struct dpf *expressions_merge(struct expression *e, int n, const struct dpf_memory *mem);

/* Open a capture: pcap, pcap with nanoseconds, pcapng. NULL after a message. */
pcap_t *capture_open(const char *path);
