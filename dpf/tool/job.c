/* dpf/tool/job.c - see job.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/job.h"
#include "dpf/tool/tool.h"

static bool complete(const struct options *o, int what)
{
	if ((what & JOB_CAPTURE && !o->capture) || (what & JOB_RULES && !o->rules))
		return false;
	return o->rules ? what & JOB_WORDS || o->nrest == 0 : o->nrest > 0;
}

bool job_open(struct job *j, int argc, char **argv, const char *letters, int what)
{
	*j = (struct job){ 0 };
	if (!options_read(&j->o, argc, argv, letters) || !complete(&j->o, what)) {
		usage(argv[0]);
		return false;
	}
	bool good = filters_read(&j->f, &j->o) && (j->in = capture_or_link(&j->o)) != NULL;
	if (good && (what & JOB_SHARE || (what & JOB_SHARE_WORDS && !j->o.rules && j->o.nrest > 1)))
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
