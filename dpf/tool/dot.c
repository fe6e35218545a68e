/* dpf/tool/dot.c - flow graphs, in Graphviz's language or drawn by its program `dot`.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/graph.h"
#include "dpf/tool/job.h"
#include "dpf/tool/tool.h"
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int command_dot(int argc, char **argv)
{
	struct job j;

	if (!job_open(&j, argc, argv, "scf:r:y:j", 0))
		return TOOL_ERROR;
	if (j.o.json)
		graph_write_json(stdout, &j.f);
	else
		graph_write(stdout, &j.f);
	job_close(&j);
	return finish(0);
}

/* Run `dot -Tsvg`, whose standard input is the pipe. Returns an error number. */
static int start(int pipe[2], pid_t *child)
{
	char name[] = "dot", how[] = "-Tsvg", *const words[] = { name, how, NULL };
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return error;
	posix_spawn_file_actions_adddup2(&actions, pipe[0], STDIN_FILENO);
	posix_spawn_file_actions_addclose(&actions, pipe[0]);
	posix_spawn_file_actions_addclose(&actions, pipe[1]);
	error = posix_spawnp(child, words[0], &actions, NULL, words, environ);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* Feed the child; its output goes where ours does. */
static int draw(const struct filters *f, int to, pid_t child)
{
	FILE *out = fdopen(to, "w");
	bool fed = out != NULL;
	int status;

	signal(SIGPIPE, SIG_IGN); /* it may end early: its status tells */
	if (out) {
		graph_write(out, f);
		fed = fclose(out) == 0;
	} else {
		close(to);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return TOOL_ERROR;
	if (fed && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fprintf(stderr, "dpf: svg: the program `dot' failed\n");
	return TOOL_ERROR;
}

static int svg(const struct filters *f)
{
	int ends[2], error;
	pid_t child;

	if (pipe(ends) != 0) {
		fprintf(stderr, "dpf: svg: %s\n", strerror(errno));
		return TOOL_ERROR;
	}
	error = start(ends, &child);
	close(ends[0]);
	if (!error)
		return draw(f, ends[1], child);
	close(ends[1]);
	fprintf(stderr, "dpf: svg: cannot run Graphviz's program `dot' (package graphviz): %s\n",
	        strerror(error));
	return TOOL_ERROR;
}

int command_svg(int argc, char **argv)
{
	struct job j;

	if (!job_open(&j, argc, argv, "scf:r:y:", 0))
		return TOOL_ERROR;
	int status = svg(&j.f);
	job_close(&j);
	return finish(status);
}
