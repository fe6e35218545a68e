/* dpf/tool/tool.h - what the commands of the host tool share. Layer: host tool.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <pcap/pcap.h>
#include <stdbool.h>
#include "dpf/dpf.h"

/* Exit statuses, as grep's. */
enum { TOOL_MATCHED, TOOL_NONE, TOOL_ERROR };

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

/* The commands: what follows the options. They return an exit status. */
int command_match(const char *path, char **texts, int n);
int command_asm(char **texts, int n);
int command_bench(const char *path, char **texts, int n);
