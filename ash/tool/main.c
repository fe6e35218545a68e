/* ash/tool/main.c - the command `ash`: handlers, seen from the host.
 *
 *   ash check OBJ               does it load, and what is in it
 *   ash run OBJ [-r FILE]       over the frames of a capture
 *   ash asm OBJ                 lines of C, instructions and machine code, side by side
 *   ash bench OBJ -r FILE       the engines' speeds on the same frames
 *   ash exec --program HEX      a bare program, on either engine
 *   ash load OBJ, list, unload NAME   handlers of a running appliance
 *
 * Status: 0 all went well; 1 refused, said on standard error; 2 the command line is wrong;
 * 3 (exec) the run was stopped. Layer: hosted tool. SPDX-License-Identifier: ISC
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "ash/tool/tool.h"

static const char words[] =
	"usage: ash check OBJ [-p PROGRAM] [--json]\n"
	"       ash run OBJ [-p PROGRAM] [-r FILE] [-w FILE] [-b BUDGET] [-q] [--interp] [--json]\n"
	"       ash asm OBJ [-p PROGRAM]\n"
	"       ash bench OBJ [-p PROGRAM] -r FILE [-n LIBRARY] [-d LIBRARY] [--json]\n"
	"       ash exec [--interp] --program HEX [--mem HEX] (-: standard input)\n"
	"       ash load OBJ -k KEYFILE [-a HOST[:PORT]] [-p PROGRAM] [-N NAME]\n"
	"                    [-f EXPRESSION [-o] [-s PAGES]]\n"
	"       ash list -k KEYFILE [-a HOST[:PORT]] [--json]\n"
	"       ash unload NAME -k KEYFILE [-a HOST[:PORT]]\n";

static const struct command {
	const char *name;
	int operands;
	const char *options; /* of getopt; long ones have the letters below */
	int (*run)(const struct options *o);
} commands[] = {
	{ "check", 1, "p:j", command_check },
	{ "run", 1, "p:r:w:b:qij", command_run },
	{ "asm", 1, "p:", command_asm },
	{ "bench", 1, "p:r:n:d:j", command_bench },
	{ "exec", 0, "iP:M:", command_exec },
	{ "load", 1, "p:k:a:N:f:os:", command_load },
	{ "list", 0, "k:a:j", command_list },
	{ "unload", 1, "k:a:", command_unload },
};

static int usage(void)
{
	fputs(words, stderr);
	return STATUS_USAGE;
}

static int help(void)
{
	fputs(words, stdout);
	return 0;
}

static bool set_option(struct options *o, int letter)
{
	char *end = NULL;

	switch (letter) {
	case 'p': o->program = optarg; return true;
	case 'r': o->capture = optarg; return true;
	case 'w': o->replies = optarg; return true;
	case 'n': o->native = optarg; return true;
	case 'd': o->peer = optarg; return true;
	case 'a': o->address = optarg; return true;
	case 'k': o->key = optarg; return true;
	case 'f': o->filter = optarg; return true;
	case 'N': o->name = optarg; return true;
	case 'P': o->hex = optarg; return true;
	case 'M': o->mem = optarg; return true;
	case 'o': o->over = true; return true;
	case 'q': o->quiet = true; return true;
	case 'i': o->interp = true; return true;
	case 'j': o->json = true; return true;
	case 'b':
		o->budget = strtoull(optarg, &end, 10);
		return *optarg >= '0' && *optarg <= '9' && !*end;
	case 's':
		o->shared = (uint32_t)strtoul(optarg, &end, 10);
		return *optarg >= '0' && *optarg <= '9' && !*end && strlen(optarg) <= 3 &&
		       o->shared <= ASH_SHARED_PAGES;
	default: return false;
	}
}

static int run_command(const struct command *c, int argc, char **argv)
{
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' },
		                               { "interp", no_argument, NULL, 'i' },
		                               { "program", required_argument, NULL, 'P' },
		                               { "mem", required_argument, NULL, 'M' },
		                               { "help", no_argument, NULL, 'h' },
		                               { 0 } };
	struct options o = { .budget = ASH_BUDGET };
	int letter;

	while ((letter = getopt_long(argc, argv, c->options, longs, NULL)) != -1)
		if (letter == 'h')
			return help();
		else if (!strchr(c->options, letter) || !set_option(&o, letter))
			return usage();
	if (optind + c->operands != argc)
		return usage();
	o.object = argv[optind];
	return c->run(&o);
}

static int run(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help"))
		return help();
	for (size_t k = 0; k < sizeof commands / sizeof *commands; k++)
		if (!strcmp(name, commands[k].name))
			return run_command(&commands[k], argc - 1, argv + 1);
	return usage();
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN); /* what cannot be written is a status */
	int status = run(argc, argv);
	if (fflush(stdout) || ferror(stdout)) {
		if (errno != EPIPE)
			fprintf(stderr, "ash: cannot write: %s\n", strerror(errno));
		return status ? status : STATUS_REFUSED;
	}
	return status;
}
