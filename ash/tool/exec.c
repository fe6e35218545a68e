/* ash/tool/exec.c - `ash exec`: a program given in hexadecimal, on either engine.
 * Layer: hosted tool. SPDX-License-Identifier: ISC
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ash/tool/tool.h"

enum { MEM_MAX = 1 << 20 };

static int usage(void)
{
	fputs("usage: ash exec [--interp] --program HEX [--mem HEX]\n", stderr);
	return STATUS_USAGE;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hexadecimal, spaces allowed between bytes, to malloced bytes. False: not that, or more
 * than max bytes. */
static bool read_hex(const char *text, size_t max, uint8_t **out, size_t *n)
{
	*n = 0;
	*out = malloc(strlen(text) / 2 + 1);
	if (!*out)
		return false;
	while (*text) {
		if (*text == ' ' || *text == '\n' || *text == '\t' || *text == '\r') {
			text++;
			continue;
		}
		int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);
		if (low < 0 || *n == max)
			return false;
		(*out)[(*n)++] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return true;
}

struct job {
	bool interp;
	uint8_t *program, *mem;
	size_t program_size, mem_size;
};

static int execute(const struct job *job, struct host *h)
{
	uint32_t n = (uint32_t)(job->program_size / sizeof(struct ash_insn));
	uint32_t pages = (uint32_t)(job->mem_size + 4095) & ~4095u;

	if (job->program_size % sizeof(struct ash_insn)) {
		fputs("ash: the program is not a whole number of 8-byte instructions\n", stderr);
		return STATUS_REFUSED;
	}
	int err = pages ? host_map(h, ASH_DATA, pages) : 0;
	if (!err)
		err = host_load(h, (const struct ash_insn *)(const void *)job->program, n, NULL, 0);
	if (err && h->program.bad) {
		fprintf(stderr, "ash: refused: instruction %" PRIu32 ": %s\n", h->program.at,
		        ash_bad_text(h->program.bad));
		return STATUS_REFUSED;
	}
	if (err) {
		fputs("ash: out of memory\n", stderr);
		return STATUS_REFUSED;
	}
	if (job->mem_size)
		memcpy(h->run.window + ASH_DATA, job->mem, job->mem_size);
	h->run.r1 = job->mem_size ? ASH_DATA : 0;
	h->run.r2 = job->mem_size;
	uint32_t stop = job->interp ? host_interpret(h) : host_native(h);
	if (stop) {
		fprintf(stderr, "ash: stopped: %s\n", ash_stop_text(stop));
		return STATUS_STOPPED;
	}
	printf("%" PRIx64 "\n", h->run.r0);
	return 0;
}

int command_exec(int argc, char **argv)
{
	struct job job = { 0 };
	struct host h;

	for (int k = 0; k < argc; k++) {
		bool value = k + 1 < argc;
		if (!strcmp(argv[k], "--interp")) {
			job.interp = true;
		} else if (!strcmp(argv[k], "--program") && value && !job.program) {
			if (!read_hex(argv[++k], (size_t)ASH_INSN_MAX * 8 + 8, &job.program,
			              &job.program_size))
				return usage();
		} else if (!strcmp(argv[k], "--mem") && value && !job.mem) {
			if (!read_hex(argv[++k], MEM_MAX, &job.mem, &job.mem_size))
				return usage();
		} else {
			return usage();
		}
	}
	if (!job.program)
		return usage();
	if (host_open(&h)) {
		fputs("ash: cannot reserve a window: raise the limit on address space\n", stderr);
		return STATUS_REFUSED;
	}
	int status = execute(&job, &h);
	host_close(&h);
	free(job.program);
	free(job.mem);
	return status;
}
