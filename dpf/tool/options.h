/* dpf/tool/options.h - the command line, alike for every command.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>

enum { RULE_FILES_MAX = 64 };

struct options {
	const char *capture;   /* -r FILE */
	const char *rules[RULE_FILES_MAX]; /* -f RULES, each */
	int nrules;
	const char *directory; /* -w DIR */
	const char *link;      /* -y LINKTYPE, NULL: Ethernet */
	int dump;              /* how often -d */
	bool json, interpret, strict; /* strict: --strict-meaning */
	bool instructions, quick;
	char **rest;           /* what is no option, in order: rest[nrest] is NULL */
	int nrest;
};

/* Read options, wherever they stand before `--`; argv is put in order. letters: those that the
 * command knows, as getopt's; j stands for --json, i for --interp, n and q for --instructions and
 * --quick, s and c for --strict-meaning and --libpcap-compat. False after a message: another option, one that lacks its argument, or
 * one but -d and -f given twice. */
bool options_read(struct options *o, int argc, char **argv, const char *letters);
