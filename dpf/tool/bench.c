/* dpf/tool/bench.c - DPF and its peers on the same frames, in one run.
 *
 * The engines are in dpf/tool/bench. With expressions of one's own, what is timed is the answer to
 * "which of them is the first that takes this frame"; without, it is the workloads of docs/dpf.md.
 * SPDX-License-Identifier: ISC */
#include "dpf/dpf.h"
#include "dpf/tool/bench/bench.h"
#include "dpf/tool/complain.h"
#include "dpf/tool/host.h"
#include "dpf/tool/job.h"
#include "dpf/tool/roll.h"
#include "dpf/tool/tool.h"
#include <stdlib.h>
#include <string.h>

enum { TRACE_MAX = 200000, PAGES_MAX = 65536, EXPRESSIONS_MAX = 1000 };

static struct frame hot[HOT];
static uint8_t hot_bytes[HOT][FRAME_BYTES];

static void die(const char *what)
{
	complain("bench: %s", what);
	exit(TOOL_ERROR);
}

/* The filter that a program is, in bytes that stay until unview. */
static struct filter_view view_of(const struct bpf_program *p)
{
	struct exo_filter head = { .ninsns = p->bf_len };
	struct filter_view v;

	head.bytes = (uint32_t)(sizeof head + p->bf_len * sizeof(struct bpf_insn));
	uint8_t *bytes = malloc(head.bytes);
	if (!bytes)
		die("out of memory");
	memcpy(bytes, &head, sizeof head);
	memcpy(bytes + sizeof head, p->bf_insns, p->bf_len * sizeof(struct bpf_insn));
	if (filter_decode(&v, bytes, head.bytes) < 0)
		die("a program is not valid");
	return v;
}

static const uint8_t *bytes_of(const struct filter_view *v)
{
	return v->insns - sizeof(struct exo_filter);
}

static void unview(struct filter_view *v) { free((void *)(uintptr_t)bytes_of(v)); }

static void insert(struct work *w, uint32_t i)
{
	size_t n = sizeof(struct exo_filter) + w->program[i].bf_len * sizeof(struct bpf_insn);

	w->view[i] = view_of(&w->program[i]);
	if (dpf_insert(w->d, bytes_of(&w->view[i]), n, 1, NULL, NULL) != (int)i + 1)
		die("a filter is refused");
	dpf_reclaim(w->d);
}

/* Time f's filters on the frames. The earlier expression is above the later ones. */
static void expressions(const char *name, struct frame *frames, uint32_t n, struct filters *f,
                        hand_fn *hand)
{
	struct work w = { .name = name, .text = f->n == 1 ? f->e[0].text : NULL, .frames = frames,
		          .nframes = n, .nfilters = (uint32_t)f->n, .hand = hand };

	w.program = calloc(w.nfilters, sizeof *w.program);
	w.view = calloc(w.nfilters, sizeof *w.view);
	w.d = filters_merge(f, &host_memory);
	if (!w.program || !w.view || !w.d)
		exit(TOOL_ERROR);
	for (uint32_t i = 0; i < w.nfilters; i++) {
		w.program[i] = f->e[i].program;
		filter_decode(&w.view[i], f->e[i].filter, f->e[i].length);
	}
	measure(&w);
	dpf_destroy(w.d);
	free(w.view);
	free(w.program);
}

static void single(const char *name, struct frame *frames, uint32_t n, char *text, hand_fn *hand)
{
	struct options o = { .rest = &text, .nrest = 1 };
	pcap_t *link = capture_or_link(&o);
	struct filters f;

	if (!link || !filters_read(&f, &o) || !filters_compile(&f, link))
		exit(TOOL_ERROR);
	expressions(name, frames, n, &f, hand);
	filters_free(&f);
	pcap_close(link);
}

/* Expressions that somebody has written in C, too. */
static const struct written { char *text; hand_fn *hand; } written[] = {
	{ "ip", hand_ip },
	{ "tcp port 80", hand_port },
	{ "host 10.0.0.1 and tcp port 80", hand_host },
	{ "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not net 10", hand_flags },
	{ "portrange 0-6000", hand_range },
	{ "ip or arp or udp port 53 or icmp6", hand_four },
	{ "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)", hand_payload },
};
enum { WRITTEN = sizeof written / sizeof *written };

static void singles(const char *name, struct frame *frames, uint32_t n)
{
	for (int i = 0; i < WRITTEN; i++)
		single(name, frames, n, written[i].text, written[i].hand);
}

static hand_fn *hand_of(const struct filters *f)
{
	for (int i = 0; i < WRITTEN; i++)
		if (f->n == 1 && !f->strict && strcmp(f->e[0].text, written[i].text) == 0)
			return written[i].hand;
	return NULL;
}

/* A few addresses, half of the ports 80, an eighth UDP, in an order without a pattern. */
static void random_hot(void)
{
	uint64_t seed = 0x243f6a8885a308d3;

	for (uint32_t i = 0; i < HOT; i++) {
		struct session s = {
			0x0a000000 + roll_from(&seed, 4), 0x0a000000 + roll_from(&seed, 4),
			(uint16_t)(roll_from(&seed, 2) ? 80 : roll_from(&seed, 65536)),
			(uint16_t)(roll_from(&seed, 2) ? 80 : 443),
		};

		session_frame(hot_bytes[i], &s);
		if (i % 8 == 7)
			hot_bytes[i][23] = 17;
		hot[i] = (struct frame){ hot_bytes[i], FRAME_BYTES, FRAME_BYTES };
	}
}

/* HOT frames of the sessions [first, first + n), at random. */
static void session_frames(struct work *w, const char *name, uint32_t first, uint32_t n)
{
	uint64_t seed = 0x13198a2e03707344;

	for (uint32_t i = 0; i < HOT; i++)
		session_frame(hot_bytes[i], &session[first + roll_from(&seed, n)]);
	w->name = name;
	measure(w);
}

static void sessions(uint32_t n, FILE *change)
{
	struct work w = { .frames = hot, .nframes = HOT, .nfilters = n, .hand = hand_session,
		          .session = session };

	w.program = calloc(n, sizeof *w.program);
	w.view = calloc(n, sizeof *w.view);
	if (!w.program || !w.view ||
	    dpf_create(&w.d, &host_memory, 2 * SESSIONS_MAX, PAGES_MAX, 1) < 0)
		die("out of memory");
	hand_table(session, n);
	for (uint32_t i = 0; i < n; i++) {
		w.program[i] = session_program(&session[i]);
		insert(&w, i);
	}
	session_frames(&w, "sessions", 0, n);
	session_frames(&w, "sessions-last", n - 1, 1);
	session_frames(&w, "sessions-miss", SESSIONS_MAX, SESSIONS_MAX);
	change_measure(&w, change);
	dpf_destroy(w.d);
	hand_table_free();
	for (uint32_t i = 0; i < n; i++) {
		unview(&w.view[i]);
		pcap_freecode(&w.program[i]);
	}
	free(w.view);
	free(w.program);
}

/* FILE in the directory, or NULL when there is none. */
static const char *in_directory(const char *directory, const char *file)
{
	static char path[4096];

	snprintf(path, sizeof path, "%s/%s", directory ? directory : "", file);
	return directory ? path : NULL;
}

static void all_sessions(uint32_t most, const char *directory)
{
	FILE *change = directory ? fopen(in_directory(directory, "dpf-change.json"), "w") : NULL;

	if (directory && !change)
		die("the directory cannot be written");
	sessions_make();
	if (change)
		fputs("[", change);
	for (uint32_t n = 1; n <= most; n *= 10)
		sessions(n, change);
	for (uint32_t n = 1; n <= most && n <= 1000; n *= 10)
		change_shapes(n);
	if (change)
		fputs("\n]\n", change), fclose(change);
}

static struct frame trace[TRACE_MAX];
static uint32_t ntrace;

/* The first TRACE_MAX frames of all captures. False after a message. */
static bool load(pcap_t *in, const char *path)
{
	struct pcap_pkthdr *h;
	const uint8_t *data;
	int more = 0;

	while (ntrace < TRACE_MAX && (more = capture_next(in, path, &h, &data)) == 1) {
		uint8_t *copy = malloc(h->caplen + 1);

		if (!copy)
			die("out of memory");
		memcpy(copy, data, h->caplen);
		trace[ntrace++] = (struct frame){ copy, h->caplen, h->len };
	}
	return more >= 0;
}

static bool load_ethernet(const char *path)
{
	pcap_t *in = capture_open(path);
	bool good = in && pcap_datalink(in) == DLT_EN10MB;

	if (in && !good)
		complain("%s: not of Ethernet", path);
	good = good && load(in, path);
	if (in)
		pcap_close(in);
	return good;
}

static void write_all(const char *directory)
{
	if (!directory)
		return;
	if (!results_json(in_directory(directory, "dpf.json")) ||
	    (measure_is_of_time() && !results_plot(in_directory(directory, "dpf.svg"))))
		die("the results cannot be written");
}

/* The frames again and again: beside a pass over few, reading the clock counts. */
static void repeat_trace(void)
{
	uint32_t n = ntrace;

	for (; ntrace < HOT; ntrace++)
		trace[ntrace] = trace[ntrace - n];
}

/* What is asked for when nobody says what: few sessions when it is to be quick; where
 * instructions are counted, those beyond 100 differ in their cache misses only. */
static int standard(const struct options *o)
{
	for (int i = 0; i < o->nrest; i++)
		if (!load_ethernet(o->rest[i]))
			return TOOL_ERROR;
	random_hot();
	singles("single", hot, HOT);
	all_sessions(o->quick ? 10 : o->instructions ? 100 : SESSIONS_MAX, o->directory);
	if (ntrace)
		singles("trace", trace, ntrace);
	write_all(o->directory);
	return results_end();
}

static int own(struct job *j)
{
	if (j->f.n > EXPRESSIONS_MAX)
		return usage("bench", "there are more than %d expressions", EXPRESSIONS_MAX);
	for (int i = 0; i < j->f.n; i++)
		j->f.e[i].priority = (uint16_t)(j->f.n - i);
	if (!filters_compile(&j->f, j->in) || !load(j->in, j->o.capture))
		return TOOL_ERROR;
	if (ntrace == 0) {
		complain("%s: no frames", j->o.capture);
		return TOOL_ERROR;
	}
	repeat_trace();
	expressions("trace", trace, ntrace, &j->f,
	            pcap_datalink(j->in) == DLT_EN10MB ? hand_of(&j->f) : NULL);
	write_all(j->o.directory);
	return results_end();
}

int command_bench(int argc, char **argv)
{
	static const char letters[] = "scr:w:jnq";
	struct options o;
	struct job j;

	if (!options_read(&o, argc, argv, letters))
		return TOOL_ERROR;
	measure_how(o.quick, o.instructions);
	setlinebuf(stdout);
	if (!o.capture)
		return finish(standard(&o));
	if (!job_open(&j, argc, argv, letters, JOB_CAPTURE | JOB_READ))
		return TOOL_ERROR;
	int status = own(&j);
	job_close(&j);
	return finish(status);
}
