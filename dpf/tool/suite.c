/* dpf/tool/suite.c - the program dpf-bench: DPF and its peers on the same frames, in one run.
 *   dpf-bench [-j FILE] [CAPTURE...]      prints a table, writes FILE as JSON
 *
 * Every verdict of every engine is compared before anything is timed. Engines take turns;
 * a figure is the median of their rounds. Engines that are not there are named.
 * SPDX-License-Identifier: ISC */
#include "dpf/build.h"
#include "dpf/interp.h"
#include "dpf/tool/host.h"
#include "dpf/tool/linux.h"
#include "dpf/tool/roll.h"
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 7, ROUND_NS = 8000000, HOT = 8192, FRAME_BYTES = 128, SESSIONS_MAX = 10000,
       TRACE_MAX = 200000, LIBPCAP_MAX = 1000 };

struct frame {
	const uint8_t *data;
	uint32_t caplen, wirelen;
};

struct session {
	uint32_t source, dest;
	uint16_t sport, dport;
};

static struct frame hot[HOT];

/* What is being timed. */
struct work {
	const char *name, *text; /* text: the expression, or NULL for sessions */
	struct frame *frames;
	uint32_t nframes, nfilters;
	struct dpf *d;
	struct bpf_program *program; /* [nfilters] */
	struct filter_view *view;    /* [nfilters] */
	uint32_t (*hand)(const uint8_t *f, uint32_t n);
	bool wants_id;               /* the winner, not just yes or no */
	uint32_t *verdict;           /* of each frame */
};

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint32_t roll(uint32_t n) { return roll_from(&seed, n); }

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The engines: each fills in the verdict of every frame. */
static void by_dpf(struct work *w)
{
	for (uint32_t i = 0; i < w->nframes; i++)
		w->verdict[i] = dpf_classify(w->d, w->frames[i].data, w->frames[i].caplen,
		                             w->frames[i].wirelen);
}

static void by_burst(struct work *w)
{
	const uint8_t *data[DPF_BURST_MAX];
	uint32_t lens[DPF_BURST_MAX];

	for (uint32_t i = 0; i < w->nframes; i += DPF_BURST_MAX) {
		uint32_t n = w->nframes - i < DPF_BURST_MAX ? w->nframes - i : DPF_BURST_MAX;

		for (uint32_t k = 0; k < n; k++) {
			data[k] = w->frames[i + k].data;
			lens[k] = w->frames[i + k].caplen;
		}
		dpf_classify_burst(w->d, data, lens, n, w->verdict + i);
	}
}

static void by_interpreter(struct work *w)
{
	static struct path scratch;
	uint64_t rank;

	for (uint32_t i = 0; i < w->nframes; i++) {
		uint32_t k = 0;

		while (k < w->nfilters &&
		       !interp_filter(&w->view[k], &scratch, w->frames[i].data, w->frames[i].caplen,
		                      w->frames[i].wirelen, &rank))
			k++;
		w->verdict[i] = k < w->nfilters ? k + 1 : 0;
	}
}

static void by_libpcap(struct work *w)
{
	for (uint32_t i = 0; i < w->nframes; i++) {
		uint32_t k = 0;

		while (k < w->nfilters &&
		       !bpf_filter(w->program[k].bf_insns, w->frames[i].data, w->frames[i].wirelen,
		                   w->frames[i].caplen))
			k++;
		w->verdict[i] = k < w->nfilters ? k + 1 : 0;
	}
}

static void by_hand(struct work *w)
{
	for (uint32_t i = 0; i < w->nframes; i++)
		w->verdict[i] = w->hand(w->frames[i].data, w->frames[i].caplen);
}

static const struct engine {
	const char *name;
	void (*run)(struct work *w);
} engines[] = { { "libpcap", by_libpcap }, { "dpf", by_dpf }, { "dpf-burst", by_burst },
	        { "dpf-interp", by_interpreter }, { "hand", by_hand } };
enum { ENGINES = sizeof engines / sizeof *engines };

static const char *const missing[] = { "linux-hashmap", "rte_bpf", "rte_acl" };

static bool applies(const struct work *w, int k)
{
	if (engines[k].run == by_hand)
		return w->hand;
	if (engines[k].run == by_libpcap || engines[k].run == by_interpreter)
		return w->nfilters <= LIBPCAP_MAX;
	if (engines[k].run == by_burst) /* takes frames that were captured whole */
		for (uint32_t i = 0; i < w->nframes; i++)
			if (w->frames[i].caplen != w->frames[i].wirelen)
				return false;
	return true;
}

/* Hand-written C, as good as it gets without knowing more than the filters do. */
static inline uint32_t get4(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static inline uint16_t get2(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }

static __attribute__((noinline)) uint32_t hand_ip(const uint8_t *f, uint32_t n)
{
	return n >= 14 && get2(f + 12) == 0x0008;
}

/* TCP over IPv4, first or only fragment: where its header is, else 0. */
static inline uint32_t tcp_at(const uint8_t *f, uint32_t n)
{
	uint32_t at;

	if (n < 34 || get2(f + 12) != 0x0008 || f[23] != 6 || get2(f + 20) & 0xff1f)
		return 0;
	at = 14 + (f[14] & 15) * 4u;
	return at + 4 <= n ? at : 0;
}

static __attribute__((noinline)) uint32_t hand_port(const uint8_t *f, uint32_t n)
{
	uint32_t at = tcp_at(f, n);

	if (at)
		return get2(f + at) == 0x5000 || get2(f + at + 2) == 0x5000;
	return n >= 58 && get2(f + 12) == 0xdd86 && f[20] == 6 &&
	       (get2(f + 54) == 0x5000 || get2(f + 56) == 0x5000);
}

static __attribute__((noinline)) uint32_t hand_host(const uint8_t *f, uint32_t n)
{
	uint32_t at = tcp_at(f, n), us = get4((const uint8_t[]){ 10, 0, 0, 1 });

	return at && (get4(f + 26) == us || get4(f + 30) == us) &&
	       (get2(f + at) == 0x5000 || get2(f + at + 2) == 0x5000);
}

/* N sessions: open addressing, a quarter full. */
static struct { uint64_t addresses; uint32_t ports, id; } *hand_slot;
static uint32_t hand_mask;

static inline uint32_t hand_hash(uint64_t addresses, uint32_t ports)
{
	return (uint32_t)((addresses ^ (uint64_t)ports * 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9 >> 32);
}

static __attribute__((noinline)) uint32_t hand_sessions(const uint8_t *f, uint32_t n)
{
	uint32_t at = tcp_at(f, n);
	uint64_t addresses;

	if (!at)
		return 0;
	memcpy(&addresses, f + 26, 8);
	uint32_t ports = get4(f + at);
	for (uint32_t i = hand_hash(addresses, ports) & hand_mask; hand_slot[i].id;
	     i = (i + 1) & hand_mask)
		if (hand_slot[i].addresses == addresses && hand_slot[i].ports == ports)
			return hand_slot[i].id;
	return 0;
}

static void hand_add(const struct session *s, uint32_t id)
{
	uint64_t addresses = (uint64_t)__builtin_bswap32(s->dest) << 32 | __builtin_bswap32(s->source);
	uint32_t ports = (uint32_t)__builtin_bswap16(s->dport) << 16 | __builtin_bswap16(s->sport);
	uint32_t i = hand_hash(addresses, ports) & hand_mask;

	while (hand_slot[i].id)
		i = (i + 1) & hand_mask;
	hand_slot[i].addresses = addresses;
	hand_slot[i].ports = ports;
	hand_slot[i].id = id;
}

static FILE *json;
static int written;

static void report(const struct work *w, const char *engine, double ns)
{
	printf("%-14s %6u  %-11s %10.2f ns  %s\n", w->name, w->nfilters, engine, ns,
	       w->text ? w->text : "");
	if (json)
		fprintf(json, "%s\n  {\"workload\": \"%s\", \"filters\": %u, \"engine\": \"%s\", "
		              "\"ns_per_packet\": %.3f, \"verdicts_equal\": true, \"expression\": \"%s\"}",
		        written++ ? "," : "[", w->name, w->nfilters, engine, ns, w->text ? w->text : "");
}

static void compare(struct work *w)
{
	uint32_t *want = malloc(w->nframes * sizeof *want);
	const char *first = NULL;

	for (int k = 0; want && k < ENGINES; k++) {
		if (!applies(w, k))
			continue;
		engines[k].run(w);
		for (uint32_t i = 0; first && i < w->nframes; i++) {
			if (w->wants_id ? want[i] == w->verdict[i] : !want[i] == !w->verdict[i])
				continue;
			fprintf(stderr, "dpf-bench: %s: %s and %s differ on frame %u: %u, %u\n",
			        w->text ? w->text : w->name, first, engines[k].name, i, want[i],
			        w->verdict[i]);
			exit(2);
		}
		if (!first)
			memcpy(want, w->verdict, w->nframes * sizeof *want);
		first = engines[k].name;
	}
	free(want);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double time_round(struct work *w, int k)
{
	double begin = now_ns(), end;
	uint64_t n = 0;

	do {
		engines[k].run(w);
		n += w->nframes;
		end = now_ns();
	} while (end - begin < ROUND_NS);
	return (end - begin) / (double)n;
}

/* The Linux kernel runs each program on one frame many times: what an empty program takes
 * there is taken off. Kind to Linux: nothing is mispredicted, nothing misses the cache. */
enum { LINUX_FRAMES = 64, LINUX_REPEAT = 2000, LINUX_MAX = 100 };

static uint32_t linux_frame(const struct work *w, const int *fd, const struct frame *f,
                            uint32_t empty, double *ns)
{
	for (uint32_t k = 0; k < w->nfilters; k++) {
		uint32_t verdict = 0, took = 0;

		if (!linux_run(fd[k], f->data, f->caplen, LINUX_REPEAT, &verdict, &took))
			return UINT32_MAX;
		*ns += took > empty ? took - empty : 0;
		if (verdict)
			return k + 1;
	}
	return 0;
}

static bool linux_time(struct work *w, const int *fd, double *ns)
{
	struct bpf_insn none = { .code = BPF_RET, .k = 0 };
	struct bpf_program nothing = { 1, &none };
	int empty_fd = linux_load(&nothing);
	uint32_t empty = 0, verdict;

	if (empty_fd < 0 ||
	    !linux_run(empty_fd, w->frames[0].data, w->frames[0].caplen, 1000000, &verdict, &empty))
		return false;
	close(empty_fd);
	by_dpf(w);
	for (uint32_t i = 0; i < LINUX_FRAMES; i++) {
		uint32_t at = i * (w->nframes / LINUX_FRAMES);
		uint32_t got = linux_frame(w, fd, &w->frames[at], empty, ns);

		if (w->wants_id ? got != w->verdict[at] : !got != !w->verdict[at]) {
			fprintf(stderr, "dpf-bench: linux-jit and dpf differ on frame %u\n", at);
			exit(2);
		}
	}
	*ns /= LINUX_FRAMES;
	return true;
}

static void measure_linux(struct work *w)
{
	int fd[LINUX_MAX];
	uint32_t n = 0;
	double ns = 0;

	if (w->nfilters > LINUX_MAX || w->frames != hot)
		return;
	while (n < w->nfilters && (fd[n] = linux_load(&w->program[n])) >= 0)
		n++;
	if (n == w->nfilters && linux_time(w, fd, &ns))
		report(w, "linux-jit", ns);
	else
		printf("skipped: linux-jit, %s (the kernel refuses it)\n", w->text ? w->text : w->name);
	while (n)
		close(fd[--n]);
}

static void measure(struct work *w)
{
	double t[ENGINES][ROUNDS];

	w->verdict = calloc(w->nframes, sizeof *w->verdict);
	compare(w);
	for (int r = 0; r < ROUNDS; r++)
		for (int k = 0; k < ENGINES; k++)
			t[k][r] = applies(w, k) ? time_round(w, k) : 0;
	for (int k = 0; k < ENGINES; k++) {
		qsort(t[k], ROUNDS, sizeof t[k][0], by_size);
		if (applies(w, k))
			report(w, engines[k].name, t[k][ROUNDS / 2]);
	}
	measure_linux(w);
	free(w->verdict);
}

static void put(uint8_t *at, uint32_t v, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		at[i] = (uint8_t)(v >> 8 * (width - 1 - i));
}

static void tcp_frame(uint8_t f[FRAME_BYTES], const struct session *s)
{
	memset(f, 0, FRAME_BYTES);
	f[12] = 8;
	f[14] = 0x45;
	f[23] = 6;
	put(f + 26, s->source, 4);
	put(f + 30, s->dest, 4);
	put(f + 34, s->sport, 2);
	put(f + 36, s->dport, 2);
	f[46] = 0x50;
}

static uint8_t hot_bytes[HOT][FRAME_BYTES];

static void hot_frame(uint32_t i)
{
	hot[i] = (struct frame){ hot_bytes[i], FRAME_BYTES, FRAME_BYTES };
}

/* The filter that a program is, in bytes that stay. */
static struct filter_view view_of(const struct bpf_program *p)
{
	struct exo_filter head = { .ninsns = p->bf_len };
	struct filter_view v;

	head.bytes = (uint32_t)(sizeof head + p->bf_len * sizeof(struct bpf_insn));
	uint8_t *bytes = malloc(head.bytes);
	memcpy(bytes, &head, sizeof head);
	memcpy(bytes + sizeof head, p->bf_insns, p->bf_len * sizeof(struct bpf_insn));
	if (filter_decode(&v, bytes, head.bytes) < 0)
		exit(2);
	return v;
}

static void single(const char *name, struct frame *frames, uint32_t n, const char *text,
                   uint32_t (*hand)(const uint8_t *, uint32_t))
{
	struct bpf_program p;
	pcap_t *link = pcap_open_dead(DLT_EN10MB, 65535);
	struct work w = { .name = name, .text = text, .frames = frames, .nframes = n,
		          .nfilters = 1, .program = &p, .hand = hand };

	if (pcap_compile(link, &p, text, 1, PCAP_NETMASK_UNKNOWN) < 0 ||
	    dpf_create(&w.d, &host_memory, 1, 4096, 1) < 0)
		exit(2);
	struct filter_view v = view_of(&p);
	const uint8_t *bytes = v.insns - sizeof(struct exo_filter);
	if (dpf_insert(w.d, bytes, sizeof(struct exo_filter) + p.bf_len * sizeof *p.bf_insns, 1,
	               NULL, NULL) != 1)
		exit(2);
	w.view = &v;
	measure(&w);
	dpf_destroy(w.d);
	pcap_freecode(&p);
	pcap_close(link);
}

static const struct { const char *text; uint32_t (*hand)(const uint8_t *, uint32_t); } rows[] = {
	{ "ip", hand_ip },
	{ "tcp port 80", hand_port },
	{ "host 10.0.0.1 and tcp port 80", hand_host },
	{ "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not net 10", NULL },
	{ "portrange 0-6000", NULL },
	{ "ip or arp or udp port 53 or icmp6", NULL },
	{ "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)", NULL },
};

static void singles(const char *name, struct frame *frames, uint32_t n)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		single(name, frames, n, rows[i].text, rows[i].hand);
}

static void random_hot(void)
{
	for (uint32_t i = 0; i < HOT; i++) {
		struct session s = { 0x0a000000 + roll(4), 0x0a000000 + roll(4),
			             (uint16_t)(roll(2) ? 80 : roll(65536)), (uint16_t)(roll(2) ? 80 : 443) };

		tcp_frame(hot_bytes[i], &s);
		if (i % 8 == 7)
			hot_bytes[i][23] = 17;
		hot_frame(i);
	}
}

/* Sessions: program, filter and hand-written table say the same. */
static struct session session[2 * SESSIONS_MAX];

static void put_insn(struct bpf_insn *p, uint32_t *n, uint16_t code, uint32_t k, uint32_t *miss)
{
	p[*n] = (struct bpf_insn){ .code = code, .k = k };
	if (code == 0x15 || code == 0x45)
		miss[(*n)] = 1;
	++*n;
}

static struct bpf_program session_program(const struct session *s)
{
	struct bpf_insn p[24];
	uint32_t n = 0, miss[24] = { 0 };

	put_insn(p, &n, 0x28, 12, miss);
	put_insn(p, &n, 0x15, 0x0800, miss);
	put_insn(p, &n, 0x30, 23, miss);
	put_insn(p, &n, 0x15, 6, miss);
	put_insn(p, &n, 0x28, 20, miss);
	put_insn(p, &n, 0x45, 0x1fff, miss);
	put_insn(p, &n, 0x20, 26, miss);
	put_insn(p, &n, 0x15, s->source, miss);
	put_insn(p, &n, 0x20, 30, miss);
	put_insn(p, &n, 0x15, s->dest, miss);
	put_insn(p, &n, 0xb1, 14, miss);
	put_insn(p, &n, 0x48, 14, miss);
	put_insn(p, &n, 0x15, s->sport, miss);
	put_insn(p, &n, 0x48, 16, miss);
	put_insn(p, &n, 0x15, s->dport, miss);
	put_insn(p, &n, 0x06, 1, miss);
	put_insn(p, &n, 0x06, 0, miss);
	for (uint32_t i = 0; i < n; i++) {
		if (p[i].code == 0x15)
			p[i].jf = (uint8_t)(n - 2 - i);
		if (p[i].code == 0x45)
			p[i].jt = (uint8_t)(n - 2 - i);
	}
	struct bpf_program out = { .bf_len = n, .bf_insns = malloc(sizeof p) };
	memcpy(out.bf_insns, p, sizeof p);
	return out;
}

static void make_sessions(void)
{
	for (uint32_t i = 0; i < 2 * SESSIONS_MAX; i++)
		session[i] = (struct session){ 0xac100000 + i * 2654435761u % 0xfffff, 0x0a000000 + roll(64),
			                       (uint16_t)(1024 + roll(60000)), (uint16_t)(1 + i % 7) };
}

static void churn(struct work *w)
{
	enum { TIMES = 1000 };
	static double t_in[TIMES], t_out[TIMES];
	uint8_t atoms[FILTER_BUILD_MAX];

	for (int i = 0; i < TIMES; i++) {
		const struct session *s = &session[w->nfilters + (uint32_t)i];
		const uint8_t a[4] = { (uint8_t)(s->dest >> 24), (uint8_t)(s->dest >> 16),
			               (uint8_t)(s->dest >> 8), (uint8_t)s->dest };
		const uint8_t b[4] = { (uint8_t)(s->source >> 24), (uint8_t)(s->source >> 16),
			               (uint8_t)(s->source >> 8), (uint8_t)s->source };
		struct exo_filter head = { .npaths = 1 };
		/* the builder's first path is the session, its others the errors about it */
		long n = filter_tcp_session(atoms, sizeof atoms, 4, a, s->dport, b, s->sport);
		struct exo_path path;

		memcpy(&path, atoms + sizeof head, sizeof path);
		n = (long)(sizeof head + sizeof path + path.natoms * sizeof(struct exo_atom));
		head.bytes = (uint32_t)n;
		memcpy(atoms, &head, sizeof head);
		double begin = now_ns();
		int id = dpf_insert(w->d, atoms, (size_t)n, 1, NULL, NULL);
		double middle = now_ns();
		if (id > 0)
			dpf_delete(w->d, (uint32_t)id);
		t_out[i] = now_ns() - middle;
		t_in[i] = middle - begin;
		if (id <= 0) {
			fprintf(stderr, "dpf-bench: insert: %d\n", id);
			exit(2);
		}
		dpf_reclaim(w->d);
	}
	qsort(t_in, TIMES, sizeof *t_in, by_size);
	qsort(t_out, TIMES, sizeof *t_out, by_size);
	printf("%-14s %6u  insert %.2f us (90%%: %.2f, worst %.1f)  delete %.2f us (90%%: %.2f)  "
	       "%u bytes a filter\n",
	       "change", w->nfilters, t_in[TIMES / 2] / 1e3, t_in[TIMES * 9 / 10] / 1e3,
	       t_in[TIMES - 1] / 1e3, t_out[TIMES / 2] / 1e3, t_out[TIMES * 9 / 10] / 1e3,
	       dpf_charge(w->d, 1));
}

static void sessions(uint32_t n)
{
	struct work w = { .name = "sessions", .frames = hot, .nframes = HOT, .nfilters = n,
		          .hand = hand_sessions, .wants_id = true };

	w.program = calloc(n + 1, sizeof *w.program);
	w.view = calloc(n + 1, sizeof *w.view);
	hand_mask = 15;
	while (hand_mask < 4 * n)
		hand_mask = 2 * hand_mask + 1;
	hand_slot = calloc(hand_mask + 1, sizeof *hand_slot);
	if (dpf_create(&w.d, &host_memory, 2 * SESSIONS_MAX, 65536, 1) < 0)
		exit(2);
	for (uint32_t i = 0; i <= n; i++) {
		w.program[i] = session_program(&session[i]);
		w.view[i] = view_of(&w.program[i]);
		if (i == n)
			break;
		hand_add(&session[i], i + 1);
		if (dpf_insert(w.d, w.view[i].insns - sizeof(struct exo_filter),
		               sizeof(struct exo_filter) + w.program[i].bf_len * 8, 1, NULL,
		               NULL) != (int)i + 1)
			exit(2);
		dpf_reclaim(w.d);
	}
	for (uint32_t i = 0; i < HOT; i++) {
		tcp_frame(hot_bytes[i], &session[roll(n)]);
		hot_frame(i);
	}
	measure(&w);
	w.name = "sessions-miss";
	for (uint32_t i = 0; i < HOT; i++)
		tcp_frame(hot_bytes[i], &session[SESSIONS_MAX + roll(SESSIONS_MAX)]);
	measure(&w);
	churn(&w);
	dpf_destroy(w.d);
	for (uint32_t i = 0; i <= n; i++) {
		free((void *)(uintptr_t)(w.view[i].insns - sizeof(struct exo_filter)));
		pcap_freecode(&w.program[i]);
	}
	free(w.view);
	free(w.program);
	free(hand_slot);
}

static struct frame trace[TRACE_MAX];
static uint32_t ntrace;

static void load(const char *path)
{
	char why[PCAP_ERRBUF_SIZE], command[4096];
	bool packed = strlen(path) > 3 && strcmp(path + strlen(path) - 3, ".gz") == 0;
	FILE *pipe = NULL;

	snprintf(command, sizeof command, "gzip -dc '%s'", path);
	if (packed)
		pipe = popen(command, "r");
	pcap_t *in = pipe ? pcap_fopen_offline(pipe, why) : pcap_open_offline(path, why);
	struct pcap_pkthdr *h;
	const uint8_t *data;

	while (in && pcap_datalink(in) == DLT_EN10MB && ntrace < TRACE_MAX &&
	       pcap_next_ex(in, &h, &data) == 1) {
		uint8_t *copy = malloc(h->caplen + 1);

		if (!copy)
			exit(2);
		memcpy(copy, data, h->caplen);
		trace[ntrace++] = (struct frame){ copy, h->caplen, h->len };
	}
	if (in)
		pcap_close(in);
}

int main(int argc, char **argv)
{
	int first = 1;

	if (argc > 2 && strcmp(argv[1], "-j") == 0) {
		json = fopen(argv[2], "w");
		first = 3;
	}
	random_hot();
	singles("single", hot, HOT);
	make_sessions();
	for (uint32_t n = 1; n <= SESSIONS_MAX; n *= 10)
		sessions(n);
	for (int i = first; i < argc; i++)
		load(argv[i]);
	if (ntrace) {
		printf("trace: %u frames of %d captures\n", ntrace, argc - first);
		singles("trace", trace, ntrace);
	}
	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
		printf("skipped: %s (not built in)\n", missing[i]);
	if (json)
		fprintf(json, "\n]\n"), fclose(json);
	return 0;
}
