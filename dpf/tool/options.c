/* dpf/tool/options.c - see options.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/options.h"
#include "dpf/tool/tool.h"
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static bool set_once(const char **what)
{
	bool first = !*what;

	*what = optarg;
	return first;
}

static bool set(struct options *o, int letter)
{
	switch (letter) {
	case 'r': return set_once(&o->capture);
	case 'w': return set_once(&o->directory);
	case 'y': return set_once(&o->link);
	case 'f':
		if (o->nrules == RULE_FILES_MAX)
			return false;
		o->rules[o->nrules++] = optarg;
		return true;
	case 'd': o->dump++; break;
	case 'j': o->json = true; break;
	case 's': o->strict = true; break;
	case 'c': o->strict = false; break;
	case 'i': o->interpret = true; break;
	case 'n': o->instructions = true; break;
	case 'q': o->quick = true; break;
	}
	return true;
}

bool options_read(struct options *o, int argc, char **argv, const char *letters)
{
	static const struct option names[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "interp", no_argument, NULL, 'i' },
		{ "instructions", no_argument, NULL, 'n' },
		{ "quick", no_argument, NULL, 'q' },
		{ "strict-meaning", no_argument, NULL, 's' },
		{ "libpcap-compat", no_argument, NULL, 'c' },
		{ 0 },
	};
	const char *why = NULL, *word = "";
	char known[64];
	int c;

	*o = (struct options){ 0 };
	opterr = 0;
	optind = 0; /* from the beginning, whoever has read them before */
	snprintf(known, sizeof known, ":%s", letters);
	while (!why && (c = getopt_long(argc, argv, known, names, NULL)) != -1) {
		word = argv[optind - 1];
		if (c == ':')
			why = "lacks its argument";
		else if (c == '?' || !strchr(letters, c))
			why = "is no option of this command";
		else if (!set(o, c))
			why = c == 'f' ? "is the 65th file of rules" : "comes with an option that was given before";
	}
	o->rest = argv + optind;
	o->nrest = argc - optind;
	if (why)
		usage(argv[0], "`%s' %s", word, why);
	return !why;
}
_Static_assert(RULE_FILES_MAX == 64, "as the message says");
