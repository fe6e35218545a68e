/* dpf/tool/explain.c - who gets a frame, who else wanted it, and why they lost it.
 *
 * A frame is bytes in hexadecimal, or with a capture its number there, from 1; all of the
 * capture without any. SPDX-License-Identifier: ISC */
#include "dpf/tool/complain.h"
#include "dpf/tool/hex.h"
#include "dpf/tool/host.h"
#include "dpf/tool/job.h"
#include "dpf/tool/json.h"
#include "dpf/tool/tool.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct explain {
	struct job j;
	struct dpf *d;
	uint32_t *ids;
	bool any, given; /* some filter accepted a frame; something was printed */
};

static const char *why(const struct expression *e, const struct expression *winner)
{
	if (e == winner)
		return "gets it";
	if (e->flags & FILTER_SHARED)
		return "gets a copy";
	return e->priority < winner->priority ? "loses it: lower priority"
	                                      : "loses it: less specific";
}

static void say_json(struct explain *x, uint64_t number, uint32_t n,
                     const struct expression *winner)
{
	printf("%s{\"frame\":%llu,\"owner\":", x->given ? ",\n " : "[", (unsigned long long)number);
	if (winner)
		json_string(stdout, winner->owner);
	else
		printf("null");
	printf(",\"accepted_by\":[");
	for (uint32_t i = 0; i < n; i++) {
		const struct expression *e = filters_by_id(&x->j.f, x->ids[i]);

		printf("%s{\"owner\":", i ? "," : "");
		json_string(stdout, e->owner);
		printf(",\"expression\":");
		json_string(stdout, e->text);
		printf(",\"outcome\":\"%s\"}", why(e, winner));
	}
	printf("]}");
}

static void say(const struct explain *x, uint64_t number, uint32_t n,
                const struct expression *winner)
{
	printf("frame %llu: %s\n", (unsigned long long)number, winner ? winner->owner : "unclaimed");
	for (uint32_t i = 0; i < n; i++) {
		const struct expression *e = filters_by_id(&x->j.f, x->ids[i]);

		printf("  %s %s (%s)\n", e->owner, why(e, winner), e->text);
	}
}

static int by_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void explain(struct explain *x, uint64_t number, const uint8_t *frame, uint32_t caplen,
                    uint32_t wirelen)
{
	uint32_t max = (uint32_t)x->j.f.n;
	uint32_t n = dpf_match_set(x->d, frame, caplen, wirelen, x->ids, max);
	uint32_t id = dpf_classify(x->d, frame, caplen, wirelen);
	const struct expression *winner = filters_by_id(&x->j.f, id);

	qsort(x->ids, n, sizeof *x->ids, by_id);
	if (x->j.o.json)
		say_json(x, number, n, winner);
	else
		say(x, number, n, winner);
	x->any |= n > 0;
	x->given = true;
}

static bool wanted(const struct options *o, uint64_t number)
{
	for (int i = 0; i < o->nrest; i++)
		if (strtoull(o->rest[i], NULL, 10) == number)
			return true;
	return o->nrest == 0;
}

static bool numbers_are_good(const struct options *o, uint64_t frames)
{
	for (int i = 0; i < o->nrest; i++) {
		uint64_t v = strtoull(o->rest[i], NULL, 10);

		if (o->rest[i][strspn(o->rest[i], "0123456789")] == 0 && v >= 1 && v <= frames)
			continue;
		complain("%s: %s is not the number of a frame (1 to %llu)", o->capture, o->rest[i],
		         (unsigned long long)frames);
		return false;
	}
	return true;
}

static bool explain_capture(struct explain *x)
{
	struct pcap_pkthdr *h;
	const uint8_t *frame;
	uint64_t number = 0;
	int more;

	while ((more = capture_next(x->j.in, x->j.o.capture, &h, &frame)) == 1)
		if (wanted(&x->j.o, ++number))
			explain(x, number, frame, h->caplen, h->len);
	return more == 0 && numbers_are_good(&x->j.o, number);
}

static bool explain_words(struct explain *x)
{
	for (int i = 0; i < x->j.o.nrest; i++) {
		char *word = x->j.o.rest[i];
		uint8_t *bytes = malloc(strlen(word) + 1);
		long n = bytes ? unhex(word, bytes) : -1;

		if (n >= 0)
			explain(x, (uint64_t)i + 1, bytes, (uint32_t)n, (uint32_t)n);
		else
			complain("%s: not a frame in hexadecimal", word);
		free(bytes);
		if (n < 0)
			return false;
	}
	return true;
}

int command_explain(int argc, char **argv)
{
	struct explain x = { .d = NULL };
	bool good = false;

	if (!job_open(&x.j, argc, argv, "scf:r:y:j", JOB_RULES | JOB_WORDS))
		return TOOL_ERROR;
	if (!x.j.o.capture && x.j.o.nrest == 0) {
		job_close(&x.j);
		return usage(argv[0], "a frame is missing: -r FILE, or in hexadecimal");
	}
	x.d = filters_merge(&x.j.f, &host_memory);
	x.ids = calloc((size_t)x.j.f.n, sizeof *x.ids);
	if (x.d && x.ids) {
		good = x.j.o.capture ? explain_capture(&x) : explain_words(&x);
		if (x.j.o.json)
			puts(x.given ? "]" : "[]");
	}
	if (x.d)
		dpf_destroy(x.d);
	free(x.ids);
	job_close(&x.j);
	return finish(!good ? TOOL_ERROR : x.any ? TOOL_MATCHED : TOOL_NONE);
}
