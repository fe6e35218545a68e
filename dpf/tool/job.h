/* dpf/tool/job.h - what most commands begin with: options, a capture or a link type, and
 * filters compiled for it. SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/tool/capture.h"
#include "dpf/tool/filters.h"

struct job {
	struct options o;
	struct filters f;
	pcap_t *in;
};

enum {
	JOB_CAPTURE = 1, /* a capture must be given */
	JOB_RULES = 2,   /* rules must be given; else rules or expressions, not both */
	JOB_WORDS = 4,   /* words may follow the rules */
	JOB_SHARE = 8,   /* make every filter a shared one */
	JOB_READ = 16,   /* read the filters, do not compile them */
	JOB_DIRECTORY = 64, /* -w must be given */
	JOB_SHARE_WORDS = 32, /* as JOB_SHARE, if they are several expressions */
};

/* Read options (as options_read) and filters, and compile. False, with nothing to close,
 * after a message. */
bool job_open(struct job *j, int argc, char **argv, const char *letters, int what);
void job_close(struct job *j);
