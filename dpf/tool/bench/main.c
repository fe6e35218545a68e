/* dpf/tool/bench/main.c - the program dpf-bench: DPF and its peers on the same frames, in one
 * run.   dpf-bench [-i | -q] [-d DIRECTORY] [-e EXPRESSION]... [CAPTURE...]
 *
 * -e: only these expressions, on the captures' frames. -i: count instructions instead. -q: few
 * sessions, one short round: a test of the bench itself. Prints a table; writes DIRECTORY/dpf.json,
 * dpf-change.json (of sessions) and dpf.svg. Status 2 when an engine of ours has a wrong verdict, an
 * expression is none, there are no frames for those of -e, or a file cannot be written.
 * SPDX-License-Identifier: ISC */
#include "dpf/dpf.h"
#include "dpf/tool/bench/bench.h"
#include "dpf/tool/host.h"
#include "dpf/tool/roll.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRACE_MAX = 200000, PAGES_MAX = 65536, EXPRESSIONS_MAX = 64 };

static struct frame hot[HOT];
static uint8_t hot_bytes[HOT][FRAME_BYTES];

static void die(const char *what)
{
	fprintf(stderr, "dpf-bench: %s\n", what);
	exit(2);
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

static void single(const char *name, struct frame *frames, uint32_t n, const char *text,
                   hand_fn *hand)
{
	struct bpf_program p;
	struct filter_view v;
	pcap_t *link = pcap_open_dead(DLT_EN10MB, 65535);
	struct work w = { .name = name, .text = text, .frames = frames, .nframes = n, .nfilters = 1,
		          .program = &p, .view = &v, .hand = hand };

	if (!link || pcap_compile(link, &p, text, 1, PCAP_NETMASK_UNKNOWN) < 0)
		die(link ? pcap_geterr(link) : "out of memory");
	if (dpf_create(&w.d, &host_memory, 1, 4096, 1) < 0)
		die("out of memory");
	insert(&w, 0);
	measure(&w);
	dpf_destroy(w.d);
	unview(&v);
	pcap_freecode(&p);
	pcap_close(link);
}

static void singles(const char *name, struct frame *frames, uint32_t n)
{
	static const struct { const char *text; hand_fn *hand; } rows[] = {
		{ "ip", hand_ip },
		{ "tcp port 80", hand_port },
		{ "host 10.0.0.1 and tcp port 80", hand_host },
		{ "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not net 10", hand_flags },
		{ "portrange 0-6000", hand_range },
		{ "ip or arp or udp port 53 or icmp6", hand_four },
		{ "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)",
		  hand_payload },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		single(name, frames, n, rows[i].text, rows[i].hand);
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
	if (change)
		fputs("\n]\n", change), fclose(change);
}

static struct frame trace[TRACE_MAX];
static uint32_t ntrace;

static pcap_t *open_capture(const char *path)
{
	char why[PCAP_ERRBUF_SIZE], command[4096];
	size_t n = strlen(path);

	if (n < 4 || strcmp(path + n - 3, ".gz") != 0)
		return pcap_open_offline(path, why);
	snprintf(command, sizeof command, "gzip -dc '%s'", path);
	FILE *unpacked = popen(command, "r");
	return unpacked ? pcap_fopen_offline(unpacked, why) : NULL;
}

static void load(const char *path)
{
	pcap_t *in = open_capture(path);
	struct pcap_pkthdr *h;
	const uint8_t *data;

	while (in && pcap_datalink(in) == DLT_EN10MB && ntrace < TRACE_MAX &&
	       pcap_next_ex(in, &h, &data) == 1) {
		uint8_t *copy = malloc(h->caplen + 1);

		if (!copy)
			die("out of memory");
		memcpy(copy, data, h->caplen);
		trace[ntrace++] = (struct frame){ copy, h->caplen, h->len };
	}
	if (in)
		pcap_close(in);
}

static void write_all(const char *directory)
{
	if (!directory)
		return;
	if (!results_json(in_directory(directory, "dpf.json")) ||
	    !results_plot(in_directory(directory, "dpf.svg")))
		die("the results cannot be written");
}

/* The frames again and again: beside a pass over few, reading the clock counts. */
static void repeat_trace(void)
{
	uint32_t n = ntrace;

	for (; ntrace < HOT; ntrace++)
		trace[ntrace] = trace[ntrace - n];
}

/* What is asked for when nobody says what. */
static void all(uint32_t most, const char *directory)
{
	random_hot();
	singles("single", hot, HOT);
	all_sessions(most, directory);
	if (ntrace)
		singles("trace", trace, ntrace);
}

int main(int argc, char **argv)
{
	const char *directory = NULL, *expression[EXPRESSIONS_MAX];
	uint32_t most = SESSIONS_MAX, n = 0;
	int option;

	while ((option = getopt(argc, argv, "d:e:iq")) != -1) {
		if (option == 'd') {
			directory = optarg;
		} else if (option == 'e' && n < EXPRESSIONS_MAX) {
			expression[n++] = optarg;
		} else if (option == 'i') {
			measure_instructions();
			most = 100; /* what is beyond differs in its cache misses only */
		} else if (option == 'q') {
			measure_quickly();
			most = 10;
		} else {
			return 2;
		}
	}
	setlinebuf(stdout);
	for (int i = optind; i < argc; i++)
		load(argv[i]);
	printf("trace: %u frames of %d captures\n", ntrace, argc - optind);
	if (n && !ntrace)
		die("no Ethernet frames for the expressions");
	if (n)
		repeat_trace();
	for (uint32_t i = 0; i < n; i++)
		single("trace", trace, ntrace, expression[i], NULL);
	if (n == 0)
		all(most, directory);
	write_all(directory);
	return 0;
}
