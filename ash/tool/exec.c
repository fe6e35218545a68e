/* ash/tool/exec.c - `ash exec`: a program given in hexadecimal, on either engine.
 * Layer: hosted tool. SPDX-License-Identifier: ISC
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ash/tool/tool.h"

enum { MEM_MAX = 1 << 20, TEXT_MAX = 1 << 22, PAGE = 4096 };

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/* Hexadecimal, white space allowed between bytes, to out[0, *n). NULL, or why not. */
static const char *read_hex(const char *text, size_t max, uint8_t *out, size_t *n)
{
	*n = 0;
	while (*text) {
		if (is_space(*text)) {
			text++;
			continue;
		}
		int high = digit(text[0]), low = digit(text[1]);
		if (high < 0)
			return "not a hexadecimal digit";
		if (low < 0)
			return text[1] && !is_space(text[1]) ? "not a hexadecimal digit"
			                                     : "half a byte: an odd number of digits";
		if (*n == max)
			return "too long";
		out[(*n)++] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return NULL;
}

/* Standard input to its end, malloced and terminated; null after a message. */
static char *read_input(void)
{
	char *text = malloc(TEXT_MAX + 1);
	size_t n = text ? fread(text, 1, TEXT_MAX, stdin) : 0;

	if (!text || ferror(stdin) || n == TEXT_MAX) {
		fputs("ash: cannot read standard input, or it is too long\n", stderr);
		free(text);
		return NULL;
	}
	text[n] = 0;
	return text;
}

/* The option's bytes, malloced; "-" reads standard input: an argument of a command cannot
 * have more than 128 KiB. NULL after a message. */
static uint8_t *option_bytes(const char *option, const char *text, size_t max, size_t *n)
{
	char *input = strcmp(text, "-") ? NULL : read_input();

	if (!input && !strcmp(text, "-"))
		return NULL;
	if (input)
		text = input;
	uint8_t *bytes = malloc(strlen(text) / 2 + 1);
	const char *why = bytes ? read_hex(text, max, bytes, n) : "out of memory";
	if (why) {
		fprintf(stderr, "ash: %s: %s\n", option, why);
		free(bytes);
		bytes = NULL;
	}
	free(input);
	return bytes;
}

struct job {
	bool interp;
	uint8_t *program, *mem;
	size_t program_size, mem_size;
};

/* The memory, at the end of its pages or at their beginning: one byte past it, or before it,
 * is not mapped. */
static int place_memory(const struct job *job, struct host *h, bool at_end)
{
	uint32_t size = (uint32_t)job->mem_size, pages = (size + PAGE - 1) & ~(uint32_t)(PAGE - 1);

	h->run.r1 = size ? ASH_DATA + (at_end ? pages - size : 0) : 0;
	h->run.r2 = size;
	int err = size ? host_map(h, ASH_DATA, pages) : 0;
	if (!err && size)
		memcpy(h->run.window + h->run.r1, job->mem, size);
	return err;
}

/* Returns 0, or a STATUS_ after a message. */
static int execute(const struct job *job, struct host *h, bool at_end)
{
	uint32_t n = (uint32_t)(job->program_size / sizeof(struct ash_insn));

	if (job->program_size % sizeof(struct ash_insn)) {
		fputs("ash: the program is not a whole number of 8-byte instructions\n", stderr);
		return STATUS_REFUSED;
	}
	int err = place_memory(job, h, at_end);
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
	uint32_t stop = job->interp ? host_interpret(h) : host_native(h);
	if (stop) {
		fprintf(stderr, "ash: stopped: %s\n", ash_stop_text(stop));
		return STATUS_STOPPED;
	}
	return 0;
}

static int run_once(const struct job *job, bool at_end, uint64_t *r0)
{
	struct host h;

	if (host_open(&h)) {
		fputs("ash: cannot reserve a window: raise the limit on address space\n", stderr);
		return STATUS_REFUSED;
	}
	int status = execute(job, &h, at_end);
	*r0 = h.run.r0;
	host_close(&h);
	return status;
}

/* Windows are mapped by pages. So that an access one byte outside of the memory is a fault on
 * both sides, the program runs twice, each time in a window of its own. */
static int run_job(const struct job *job)
{
	uint64_t r0;
	int status = job->mem_size % PAGE ? run_once(job, true, &r0) : 0;

	if (!status)
		status = run_once(job, false, &r0);
	if (!status)
		printf("%" PRIx64 "\n", r0);
	return status;
}

int command_exec(const struct options *o)
{
	struct job job = { .interp = o->interp };
	const char *mem = o->mem ? o->mem : "";

	if (!o->hex || (!strcmp(o->hex, "-") && !strcmp(mem, "-"))) {
		fputs("ash: exec needs --program; only one option can be standard input\n", stderr);
		return STATUS_USAGE;
	}
	/* One slot too many is the decoder's to refuse. */
	job.program = option_bytes("--program", o->hex, (size_t)ASH_INSN_MAX * 8 + 8,
	                           &job.program_size);
	job.mem = job.program ? option_bytes("--mem", mem, MEM_MAX, &job.mem_size) : NULL;
	int status = job.mem ? run_job(&job) : STATUS_USAGE;
	free(job.program);
	free(job.mem);
	return status;
}
