/* dpf/tool/demux.c - a capture, divided among the owners of a rule file: DIR/OWNER.pcap for
 * each, and DIR/unclaimed.pcap for the frames that nobody gets. SPDX-License-Identifier: ISC */
#include "dpf/tool/complain.h"
#include "dpf/tool/host.h"
#include "dpf/tool/job.h"
#include "dpf/tool/json.h"
#include "dpf/tool/tool.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const nobody = "unclaimed";

/* Where an owner's frames go. All rules of one name are one owner's. */
struct share {
	const char *owner;
	pcap_dumper_t *out;
	uint64_t frames;
	uint32_t last; /* number of the last frame written */
};

struct demux {
	struct job j;
	struct dpf *d;
	struct share *shares; /* [0]: nobody's; then owners, in order of appearance */
	int nshares;
	int *share_of;        /* by filter id */
	uint32_t *ids;
};

static int find_share(struct demux *x, const char *owner)
{
	int i = 1;

	while (i < x->nshares && strcmp(x->shares[i].owner, owner) != 0)
		i++;
	if (i == x->nshares)
		x->shares[x->nshares++].owner = owner;
	return i;
}

static bool open_share(struct demux *x, struct share *s)
{
	char path[4096];

	if (snprintf(path, sizeof path, "%s/%s.pcap", x->j.o.directory, s->owner) >=
	    (int)sizeof path) {
		complain("%s: %s", x->j.o.directory, strerror(ENAMETOOLONG));
		return false;
	}
	s->out = pcap_dump_open(x->j.in, path);
	if (!s->out)
		complain("%s", pcap_geterr(x->j.in));
	return s->out;
}

/* Two owners of one name in different case would be one file on some systems, and the
 * unclaimed frames have a file of their own. */
static bool names_are_distinct(const struct demux *x)
{
	for (int i = 0; i < x->nshares; i++)
		for (int k = 0; k < i; k++)
			if (strcasecmp(x->shares[i].owner, x->shares[k].owner) == 0) {
				complain("owner `%s' would write the same file as `%s'",
				         x->shares[i].owner, x->shares[k].owner);
				return false;
			}
	return true;
}

static bool prepare(struct demux *x)
{
	struct filters *f = &x->j.f;

	x->d = filters_merge(f, &host_memory);
	x->shares = calloc((size_t)f->n + 1, sizeof *x->shares);
	x->share_of = calloc((size_t)f->n + 1, sizeof *x->share_of);
	x->ids = calloc((size_t)f->n, sizeof *x->ids);
	if (!x->d || !x->shares || !x->share_of || !x->ids)
		return false;
	x->shares[x->nshares++].owner = nobody;
	for (int i = 0; i < f->n; i++)
		x->share_of[f->e[i].id] = find_share(x, f->e[i].owner);
	if (!names_are_distinct(x))
		return false;
	if (mkdir(x->j.o.directory, 0777) != 0 && errno != EEXIST) {
		complain("%s: %s", x->j.o.directory, strerror(errno));
		return false;
	}
	for (int i = 0; i < x->nshares; i++)
		if (!open_share(x, &x->shares[i]))
			return false;
	return true;
}

static void give(struct demux *x, int share, uint32_t number, const struct pcap_pkthdr *h,
                 const uint8_t *frame)
{
	struct share *s = &x->shares[share];

	if (s->last == number)
		return; /* the owner has it, by another rule */
	s->last = number;
	s->frames++;
	pcap_dump((u_char *)s->out, h, frame);
}

/* Returns false, after a message, when the capture is cut off or damaged. */
static bool divide(struct demux *x)
{
	struct pcap_pkthdr *h;
	const uint8_t *frame;
	uint32_t number = 0;
	int more;

	while ((more = capture_next(x->j.in, x->j.o.capture, &h, &frame)) == 1) {
		uint32_t max = (uint32_t)x->j.f.n;
		uint32_t winner = dpf_classify(x->d, frame, h->caplen, h->len);
		uint32_t n = dpf_match_shared(x->d, frame, h->caplen, h->len, x->ids, max);

		number++;
		give(x, x->share_of[winner], number, h, frame); /* [0] is nobody's */
		for (uint32_t i = 0; i < n; i++)
			give(x, x->share_of[x->ids[i]], number, h, frame);
	}
	return more == 0;
}

static bool close_all(struct demux *x)
{
	bool good = true;

	for (int i = 0; i < x->nshares; i++) {
		pcap_dumper_t *out = x->shares[i].out;

		if (!out)
			continue;
		if (pcap_dump_flush(out) != 0 || ferror(pcap_dump_file(out))) {
			complain("%s/%s.pcap: %s", x->j.o.directory, x->shares[i].owner,
			         strerror(errno));
			good = false;
		}
		pcap_dump_close(out);
	}
	return good;
}

/* The owners in order, and what is left. */
static bool report(const struct demux *x)
{
	uint64_t claimed = 0;

	for (int k = 1; k <= x->nshares; k++) {
		const struct share *s = &x->shares[k % x->nshares];

		claimed += k < x->nshares ? s->frames : 0;
		if (!x->j.o.json) {
			printf("%llu\t%s\n", (unsigned long long)s->frames, s->owner);
			continue;
		}
		printf("%s{\"owner\":", k > 1 ? ",\n " : "[");
		if (s->owner == nobody)
			printf("null");
		else
			json_string(stdout, s->owner);
		printf(",\"frames\":%llu}", (unsigned long long)s->frames);
	}
	if (x->j.o.json)
		puts("]");
	return claimed > 0;
}

int command_demux(int argc, char **argv)
{
	struct demux x = { .d = NULL };
	int status = TOOL_ERROR;

	if (!job_open(&x.j, argc, argv, "scf:r:w:j", JOB_CAPTURE | JOB_RULES | JOB_DIRECTORY))
		return TOOL_ERROR;
	bool good = prepare(&x);
	bool whole = good && divide(&x);
	if (close_all(&x) && good)
		status = report(&x) ? TOOL_MATCHED : TOOL_NONE;
	if (x.d)
		dpf_destroy(x.d);
	free(x.shares);
	free(x.share_of);
	free(x.ids);
	job_close(&x.j);
	return finish(whole ? status : TOOL_ERROR);
}
