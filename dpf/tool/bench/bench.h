/* dpf/tool/bench/bench.h - what the parts of `dpf bench` share: a workload, the
 * engines that answer it, the results. Layer: host tool. SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/interp.h"
#include "dpf/tool/times.h"
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { HOT = 8192, FRAME_BYTES = 128, SESSIONS_MAX = 10000 };

struct frame {
	const uint8_t *data;
	uint32_t caplen, wirelen;
};

/* A TCP connection over IPv4; host byte order. */
struct session {
	uint32_t source, dest;
	uint16_t sport, dport;
};

/* What is being timed: whose is each frame? */
struct work {
	const char *name;                /* as in the JSON: "single", "sessions", ... */
	const char *text;                /* the expression, or NULL: several, or sessions */
	const struct session *session;   /* [nfilters], or NULL: expressions */
	struct frame *frames;
	uint32_t nframes, nfilters;
	struct dpf *d;
	struct bpf_program *program;     /* [nfilters] */
	struct filter_view *view;        /* [nfilters] */
	uint32_t (*hand)(const uint8_t *f, uint32_t n); /* NULL: there is none */
	uint32_t *verdict;               /* [nframes]: the winner's number, from 1; 0: nobody's */
};

/* An engine. Between open and close it may keep state of one work. */
struct engine {
	const char *name;
	/* NULL: ready. Else why it takes no part in this work, in a few words. */
	const char *(*open)(const struct work *w);
	void (*run)(struct work *w); /* fills in every verdict */
	void (*close)(void);         /* after open, whatever it said; may be NULL */
	double *overhead;            /* ns a frame that are not the engine's; may be NULL */
	bool foreign;                /* not libpcap's or ours: may be wrong, may crash */
};

extern const struct engine engine_libpcap, engine_dpf, engine_burst, engine_interpreter,
	engine_hand, engine_linux_jit, engine_linux_hashmap;

/* DPDK's engines, rte_bpf and rte_acl. They are in a library of their own, dpf-dpdk.so beside the
 * command, so that nothing else needs DPDK; where it cannot be loaded, the engine's open says why. */
const struct engine *engine_dpdk(const char *name);

/* Compare all engines' verdicts on the work with libpcap's (the first engine that takes
 * part), then time them in turns. A foreign engine that is wrong is skipped by name; one of
 * ours ends the program with status 2. */
void measure(struct work *w);

/* quick: one short round is enough, it is a test of the bench itself. instructions: they are counted
 * in place of time, where an engine runs in this process. */
void measure_how(bool quick, bool instructions);
bool measure_is_of_time(void);

/* Instructions for a frame, the loop over frames included: the difference of a run over 64
 * frames and one over 32; 0: they cannot be counted, or are too many. */
double count_instructions(struct work *w, const struct engine *e);

/* What an engine took. */
struct result {
	const char *workload, *engine, *text; /* text: the expression, or "" */
	uint32_t filters;
	double cost; /* nanoseconds or instructions for a packet */
};

/* Print it, and keep it. Ends the program when there are more than RESULTS_MAX. */
enum { RESULTS_MAX = 1024 };
void result_add(const struct work *w, const char *engine, double cost);
void result_skip(const struct work *w, const char *engine, const char *why);

/* Nothing more comes. Returns 0. */
int results_end(void);

/* All that were added, in order. */
const struct result *results(uint32_t *n);

/* Write them. False: the file cannot be written. */
bool results_json(const char *path);
bool results_plot(const char *path);

/* Sessions: all different, the same in every run. [0, SESSIONS_MAX) are for filters, the
 * rest for misses. */
extern struct session session[2 * SESSIONS_MAX];
void sessions_make(void);

/* A frame of FRAME_BYTES bytes, and the program that accepts a session. The program is
 * freed by pcap_freecode. */
void session_frame(uint8_t f[FRAME_BYTES], const struct session *s);
struct bpf_program session_program(const struct session *s);

/* Hand-written C: the function for an expression of the bench, and a table of sessions. */
typedef uint32_t hand_fn(const uint8_t *f, uint32_t n);
hand_fn hand_ip, hand_port, hand_host, hand_flags, hand_range, hand_four, hand_payload,
	hand_session;
void hand_table(const struct session *s, uint32_t n);
void hand_table_free(void);

/* Insertion and deletion beside w's filters: printed, and written to f when not NULL. */
void change_measure(struct work *w, FILE *f);

/* The same beside n filters of different shapes, all of TCP over IPv4, printed; and what a frame costs
 * that none of them takes. */
void change_shapes(uint32_t n);
