/* dpf/tool/filters.h - the filters that a command is about: expressions of its command line,
 * or the rules of files.
 *
 * A rule is a line `OWNER [PRIORITY] [shared]: EXPRESSION`; `#` begins a comment line.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <pcap/pcap.h>
#include "dpf/dpf.h"
#include "dpf/tool/options.h"

/* An expression, compiled by libpcap for a link type. */
struct expression {
	const char *owner;          /* of a rule; else the text */
	const char *text;
	const char *path;           /* of the rule file; NULL: command line */
	unsigned line;              /* in it, from 1 */
	unsigned column;            /* where the text begins in it, from 0 */
	uint16_t priority, flags;   /* of struct exo_filter */
	struct bpf_program program; /* libpcap's */
	uint8_t *filter;            /* the same as exo/filter.h has it */
	size_t length;
	uint32_t id;                /* in the classifier */
};

struct filters {
	struct expression *e;
	int n;
	bool rules;       /* they have owners, else they are the command line's */
	char *text[RULE_FILES_MAX]; /* the files' */
	bool strict;      /* expressions have their strict meaning, else libpcap's */
};

/* Read o's rules or else its expressions, at least one. False after a message. */
bool filters_read(struct filters *f, const struct options *o);

/* Compile all for in's link type, optimised (not the strict ones). The empty one takes every frame. False after a
 * message. */
bool filters_compile(struct filters *f, pcap_t *in);

/* Every expression is shared, so that each has what it takes, whoever else does. */
void filters_share(struct filters *f);

/* A classifier that holds them, from mem: what lies above may take from what lies below.
 * NULL after a message. */
struct dpf *filters_merge(struct filters *f, const struct dpf_memory *mem);

/* An empty classifier for them. NULL after a message. */
struct dpf *filters_room(const struct filters *f, const struct dpf_memory *mem);

/* The expression of this id in the classifier. */
const struct expression *filters_by_id(const struct filters *f, uint32_t id);

void filters_free(struct filters *f);

/* The words for -E_X. */
const char *reason(int error);
