/* dpf/tool/steps.c - see steps.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/steps.h"
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEPS_MAX = 200000 };

/* Steps of the child from its first stop to its second. */
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

uint64_t steps_of(void (*run)(void *arg), void *arg)
{
	pid_t child = fork();

	if (child == 0) {
		run(arg);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		run(arg);
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
