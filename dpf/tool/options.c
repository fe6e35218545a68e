/* dpf/tool/options.c - see options.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/options.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static void set(struct options *o, int letter)
{
	switch (letter) {
	case 'r': o->capture = optarg; break;
	case 'f': o->rules = optarg; break;
	case 'w': o->directory = optarg; break;
	case 'y': o->link = optarg; break;
	case 'd': o->dump++; break;
	case 'j': o->json = true; break;
	case 's': o->strict = true; break;
	case 'c': o->strict = false; break;
	case 'i': o->interpret = true; break;
	}
}

bool options_read(struct options *o, int argc, char **argv, const char *letters)
{
	static const struct option names[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "interp", no_argument, NULL, 'i' },
		{ "strict-meaning", no_argument, NULL, 's' },
		{ "libpcap-compat", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	char known[64];
	int c;

	*o = (struct options){ 0 };
	snprintf(known, sizeof known, "+%s", letters);
	while ((c = getopt_long(argc, argv, known, names, NULL)) != -1) {
		if (c == '?' || !strchr(letters, c))
			return false;
		set(o, c);
	}
	o->rest = argv + optind;
	o->nrest = argc - optind;
	return true;
}
