/* dpf/tool/options.h - the command line, alike for every command.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>

struct options {
	const char *capture;   /* -r FILE */
	const char *rules;     /* -f RULES */
	const char *directory; /* -w DIR */
	const char *link;      /* -y LINKTYPE, NULL: Ethernet */
	int dump;              /* how often -d */
	bool json, interpret, strict; /* strict: --strict-meaning */
	char **rest;           /* what follows the options: rest[nrest] is NULL */
	int nrest;
};

/* Read options until the first word that is none, or `--`. letters: those that the command
 * knows, as getopt's; j stands for --json, i for --interp, s and c for --strict-meaning and
 * --libpcap-compat. False on any other. */
bool options_read(struct options *o, int argc, char **argv, const char *letters);
