/* dpf/tool/bench/measure.c - verdicts compared, then times taken. Engines take turns, so that
 * what disturbs the machine disturbs all; a figure is the median of their rounds.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/bench.h"
#include "dpf/tool/complain.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 7, NOTHING_DIFFERS = -1 };

static int rounds = ROUNDS;
static double round_ns = 8e6;
static bool counting;

/* libpcap first, when it takes part: it says what is right. */
static const struct engine *engines[] = {
	&engine_libpcap, &engine_dpf, &engine_burst, &engine_interpreter, &engine_hand,
	&engine_linux_jit, &engine_linux_hashmap, NULL, NULL,
};
enum { ENGINES = sizeof engines / sizeof *engines };

void measure_how(bool quick, bool instructions)
{
	if (quick) {
		rounds = 1;
		round_ns = 1;
	}
	counting = instructions;
	engines[ENGINES - 2] = engine_dpdk("rte_bpf");
	engines[ENGINES - 1] = engine_dpdk("rte_acl");
}

bool measure_is_of_time(void) { return !counting; }

/* The first frame on which the engine's verdict is another than `want`. One filter
 * accepts or not; of several the winner counts. */
static int64_t differs(struct work *w, const struct engine *e, const uint32_t *want)
{
	memset(w->verdict, 0xff, w->nframes * sizeof *w->verdict);
	e->run(w);
	for (uint32_t i = 0; i < w->nframes; i++)
		if (w->nfilters > 1 ? want[i] != w->verdict[i] : !want[i] != !w->verdict[i])
			return i;
	return NOTHING_DIFFERS;
}

/* A foreign engine is compared in a child of ours: it may crash. Why it is skipped, or NULL. */
static const char *distrusted(struct work *w, const struct engine *e, const uint32_t *want)
{
	static char why[80];
	int64_t at = NOTHING_DIFFERS;
	int status = 0, answer[2];

	fflush(NULL);
	if (pipe(answer) < 0)
		return "no pipe";
	pid_t child = fork();
	if (child == 0) {
		at = differs(w, e, want);
		_exit(write(answer[1], &at, sizeof at) != sizeof at);
	}
	close(answer[1]);
	bool answered = read(answer[0], &at, sizeof at) == sizeof at;
	close(answer[0]);
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return "no process";
	if (!answered)
		snprintf(why, sizeof why, "it crashes, signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	else
		snprintf(why, sizeof why, "wrong verdict on frame %lld", (long long)at);
	return answered && at == NOTHING_DIFFERS ? NULL : why;
}

static const char *own_must_agree(struct work *w, const struct engine *e, const uint32_t *want)
{
	int64_t at = differs(w, e, want);

	if (at == NOTHING_DIFFERS)
		return NULL;
	complain("bench: %s: %s differs on frame %lld: %u, not %u", w->text ? w->text : w->name, e->name,
	         (long long)at, w->verdict[at], want[at]);
	exit(2);
}

/* Opens every engine; in_it[k] says whether it takes part. */
static void compare(struct work *w, bool in_it[ENGINES])
{
	uint32_t *want = malloc(w->nframes * sizeof *want);
	bool first = true;

	if (!want)
		exit(2);
	for (int k = 0; k < ENGINES; k++) {
		const struct engine *e = engines[k];
		const char *why = e->open(w);

		if (!why && first) {
			e->run(w);
			memcpy(want, w->verdict, w->nframes * sizeof *want);
			first = false;
		} else if (!why) {
			why = e->foreign ? distrusted(w, e, want) : own_must_agree(w, e, want);
		}
		if (why)
			result_skip(w, e->name, why);
		in_it[k] = !why;
	}
	free(want);
}

static double time_round(struct work *w, const struct engine *e)
{
	double begin = used_ns(), end;
	uint64_t n = 0;

	do {
		e->run(w);
		n += w->nframes;
		end = used_ns();
	} while (end - begin < round_ns);
	double ns = (end - begin) / (double)n - (e->overhead ? *e->overhead : 0);
	return ns > 0 ? ns : 0;
}

static void count(struct work *w, const bool in_it[ENGINES])
{
	for (int k = 0; k < ENGINES; k++) {
		double n = in_it[k] && !engines[k]->overhead ? count_instructions(w, engines[k]) : 0;

		if (n > 0)
			result_add(w, engines[k]->name, n);
		else if (in_it[k])
			result_skip(w, engines[k]->name, "its instructions cannot be counted, or are too many");
	}
}

static void take_turns(struct work *w, const bool in_it[ENGINES])
{
	double t[ENGINES][ROUNDS];

	for (int r = -1; r < rounds; r++) /* one round to warm up */
		for (int k = 0; k < ENGINES; k++)
			if (in_it[k])
				t[k][r < 0 ? 0 : r] = time_round(w, engines[k]);
	for (int k = 0; k < ENGINES; k++)
		if (in_it[k]) {
			times_sort(t[k], (size_t)rounds);
			result_add(w, engines[k]->name, t[k][rounds / 2]);
		}
}

void measure(struct work *w)
{
	bool in_it[ENGINES];

	w->verdict = calloc(w->nframes, sizeof *w->verdict);
	if (!w->verdict)
		exit(2);
	compare(w, in_it);
	if (counting)
		count(w, in_it);
	else
		take_turns(w, in_it);
	for (int k = 0; k < ENGINES; k++)
		if (engines[k]->close)
			engines[k]->close();
	free(w->verdict);
}
