/* dpf/tool/job.c - see job.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/job.h"
#include "dpf/tool/tool.h"
#include <string.h>

/* What a command line lacks, or has too much; NULL: nothing. */
static const char *misses(const struct options *o, int what)
{
	int at_stdin = o->capture && strcmp(o->capture, "-") == 0;

	for (int i = 0; i < o->nrules; i++)
		at_stdin += strcmp(o->rules[i], "-") == 0;
	if (at_stdin > 1)
		return "standard input can be one file only";
	if (what & JOB_CAPTURE && !o->capture)
		return "-r FILE is missing";
	if (what & JOB_RULES && !o->nrules)
		return "-f RULES is missing";
	if (what & JOB_DIRECTORY && !o->directory)
		return "-w DIR is missing";
	if (o->capture && o->link)
		return "-y is for expressions without a capture";
	if (o->nrules && o->nrest > 0 && !(what & JOB_WORDS))
		return what & JOB_RULES ? "something follows the options" : "either -f RULES or expressions";
	return o->nrules || o->nrest > 0 ? NULL : "an expression is missing";
}

bool job_open(struct job *j, int argc, char **argv, const char *letters, int what)
{
	*j = (struct job){ 0 };
	if (!options_read(&j->o, argc, argv, letters))
		return false;
	const char *why = misses(&j->o, what);
	if (why) {
		usage(argv[0], "%s", why);
		return false;
	}
	bool good = filters_read(&j->f, &j->o) && (j->in = capture_or_link(&j->o)) != NULL;
	if (good && (what & JOB_SHARE || (what & JOB_SHARE_WORDS && !j->o.nrules && j->o.nrest > 1)))
		filters_share(&j->f);
	if (good && (what & JOB_READ || filters_compile(&j->f, j->in)))
		return true;
	job_close(j);
	return false;
}

void job_close(struct job *j)
{
	filters_free(&j->f);
	if (j->in)
		pcap_close(j->in);
}
