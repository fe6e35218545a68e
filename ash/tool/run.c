/* ash/tool/run.c - `ash run`: a handler over the frames of a capture, in order; its data
 * live on from frame to frame. SPDX-License-Identifier: ISC
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include "ash/tool/tool.h"

static const char *const verdicts[] = { "aborted", "consume", "pass", "reply" };
enum { VERDICTS = sizeof verdicts / sizeof *verdicts };

struct job {
	const struct options *options;
	struct object *object;
	struct capture capture;
	pcap_dumper_t *replies;
	uint32_t count[VERDICTS], wakes;
	uint64_t spent, counters[ASH_COUNTERS];
};

struct result {
	enum ash_verdict verdict;
	uint32_t first, length, stop;
	uint64_t spent;
};

static struct result run_one(struct job *j, const struct capture_frame *f)
{
	struct host *h = &j->object->host;
	struct ash_frame frame = slot_fill(h, f);
	struct result r;

	ash_frame_begin(&h->run, &frame);
	h->run.budget = j->options->budget;
	r.stop = j->options->interp ? host_interpret(h) : host_native(h);
	r.spent = j->options->budget - h->run.budget;
	r.verdict = ash_frame_end(&h->run, &frame, &r.first, &r.length);
	return r;
}

/* Why a run was cut short, and where if native code faulted. */
static void print_stop(const struct job *j, const struct result *r)
{
	const struct host *h = &j->object->host;
	bool placed = r->stop == ASH_STOP_FAULT && !j->options->interp;
	const char *where = placed ? object_where(j->object, host_instruction(h, h->fault_at)) : "";

	if (j->options->json) {
		printf(",\"stop\":\"%s\",\"where\":", ash_stop_text(r->stop));
		json_string(stdout, where);
	} else if (placed) {
		printf(" (%s: %s, at 0x%" PRIx64 ")", where, ash_stop_text(r->stop),
		       h->run.fault & 0xffffffff);
	} else {
		printf(" (%s)", ash_stop_text(r->stop));
	}
}

static void print_one(const struct job *j, uint32_t k, const struct result *r)
{
	if (j->options->json)
		printf("{\"frame\":%" PRIu32 ",\"verdict\":\"%s\",\"length\":%" PRIu32
		       ",\"charged\":%" PRIu64, k + 1, verdicts[r->verdict], r->length, r->spent);
	else
		printf("%" PRIu32 " %s %" PRIu32, k + 1, verdicts[r->verdict], r->length);
	if (r->stop)
		print_stop(j, r);
	puts(j->options->json ? "}" : "");
}

static void print_summary(const struct job *j)
{
	if (j->options->json)
		printf("{\"frames\":%" PRIu32, j->capture.n);
	else
		printf("%" PRIu32 " frames:", j->capture.n);
	for (int v = 0; v < VERDICTS; v++)
		printf(j->options->json ? ",\"%s\":%" PRIu32 : " %s %" PRIu32, verdicts[v],
		       j->count[v]);
	printf(j->options->json ? ",\"charged\":%" PRIu64 ",\"wakes\":%" PRIu32
	                        : ", charged %" PRIu64 ", wakes %" PRIu32,
	       j->spent, j->wakes);
	for (int k = 0; k < ASH_COUNTERS; k++)
		if (j->counters[k])
			printf(j->options->json ? ",\"counter%d\":%" PRIu64 : ", counter %d: %" PRIu64,
			       k, j->counters[k]);
	puts(j->options->json ? "}" : "");
}

static void save(const struct job *j, const struct capture_frame *f, const struct result *r)
{
	struct pcap_pkthdr h = { .caplen = r->length, .len = r->length };

	h.ts.tv_sec = (time_t)(f->time / 1000000000u);
	h.ts.tv_usec = (suseconds_t)(f->time % 1000000000u);
	pcap_dump((uint8_t *)j->replies, &h, j->object->host.run.window + r->first);
}

static void add_effects(struct job *j, const struct ash_effects *e)
{
	j->wakes += e->wake;
	for (int k = 0; k < ASH_COUNTERS; k++)
		j->counters[k] += e->count[k];
}

static void run_all(struct job *j)
{
	for (uint32_t k = 0; k < j->capture.n; k++) {
		struct result r = run_one(j, &j->capture.frame[k]);
		j->count[r.verdict]++;
		j->spent += r.spent;
		add_effects(j, &j->object->host.run.effects);
		if (!j->options->quiet)
			print_one(j, k, &r);
		if (j->replies && r.verdict == ASH_REPLY)
			save(j, &j->capture.frame[k], &r);
	}
	print_summary(j);
}

/* One frame of no bytes, when there is no capture. */
static bool load_frames(struct job *j)
{
	static struct capture_frame nothing;

	if (j->options->capture)
		return capture_read(&j->capture, j->options->capture);
	j->capture = (struct capture){ &nothing, 1 };
	return true;
}

static int run_object(struct job *j)
{
	pcap_t *link = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, SLOT_MAX,
	                                                    PCAP_TSTAMP_PRECISION_NANO);
	int status = 0;

	if (j->options->replies && !(j->replies = pcap_dump_open(link, j->options->replies))) {
		fprintf(stderr, "ash: %s\n", pcap_geterr(link));
		status = STATUS_REFUSED;
	} else {
		run_all(j);
	}
	if (j->replies)
		pcap_dump_close(j->replies);
	pcap_close(link);
	return status;
}

int command_run(const struct options *options)
{
	struct job j = { .options = options };
	int status = object_open(&j.object, options->object, options->program);

	if (!status && slot_map(&j.object->host)) {
		fputs("ash: out of memory\n", stderr);
		status = STATUS_REFUSED;
	}
	if (!status && !load_frames(&j))
		status = STATUS_REFUSED;
	if (!status)
		status = run_object(&j);
	if (options->capture)
		capture_free(&j.capture);
	object_close(j.object);
	return status;
}
