/* dpf/tool/bench/count.c - instructions that an engine executes for a packet: a child runs it, and
 * we step through (ptrace(2)). Exact, and independent of what else the machine does.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/bench.h"
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FRAMES = 32, STEPS_MAX = 200000 };

/* Steps of the child from its first stop to its second; 0: it ended, or may not be traced, or
 * they are more than STEPS_MAX. */
static uint64_t steps_between_stops(pid_t child)
{
	uint64_t steps = 0;
	int status;

	if (waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status))
		return 0;
	ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL);
	for (; steps <= STEPS_MAX; steps++) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) < 0 || waitpid(child, &status, 0) < 0 ||
		    !WIFSTOPPED(status))
			return 0;
		if (WSTOPSIG(status) == SIGUSR1)
			return steps;
	}
	return 0;
}

static uint64_t steps_of(struct work *w, const struct engine *e, uint32_t frames)
{
	pid_t child = fork();

	if (child == 0) {
		w->nframes = frames;
		e->run(w); /* once before, so that what is bound at the first call is bound */
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		e->run(w);
		raise(SIGUSR1);
		_exit(0);
	}
	uint64_t steps = child > 0 ? steps_between_stops(child) : 0;
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return steps;
}

double count_instructions(struct work *w, const struct engine *e)
{
	uint32_t many = w->nframes < 2 * FRAMES ? w->nframes : 2 * FRAMES, few = many / 2;
	uint64_t a = steps_of(w, e, few), b = steps_of(w, e, many);

	/* what is not of the frames is in both */
	return a && b > a ? (double)(b - a) / (many - few) : 0;
}
