/* ash/tool/host.h - a window, executable memory and a fault handler on Linux.
 * Layer: hosted tool and tests. SPDX-License-Identifier: ISC
 */
#pragma once
#include "ash/dilp.h"

typedef int ash_compiler(const struct ash_program *p, struct ash_workspace *w, uint8_t *code,
                         size_t cap, struct ash_code *out, uint32_t *where);

/* A window with its guards, and a compiled program. Zero before host_open. */
struct host {
	struct ash_run run;
	struct ash_program program;
	struct ash_code code;
	uint8_t *reserved; /* the window and both guards */
	uint8_t *image;    /* machine code; never writable and executable at once */
	size_t image_size;
	uint32_t *where;   /* [ninsn] offsets of instructions in image */
	uint32_t fault_at; /* out: after ASH_STOP_FAULT of native code, its offset in image */
	ash_compiler *compiler; /* in, of host_load: ash_compile, or the bench's own */
	uint32_t start;    /* in, of host_load: index of the instruction that runs first */
	struct dilp dilp[ASH_PIPELINES]; /* host_pipes */
	struct dilp_pipe pipe[ASH_PIPES];
	uint8_t *pipe_code;
};

/* Reserve a window, with context and stack mapped. Returns 0, or -E_NOMEM. */
int host_open(struct host *h);
/* The same, with the window at address 0 and no guard: offsets are addresses. For the
 * bench, once in a process, and without the sanitizers. */
int host_open_low(struct host *h);
/* Map whole pages at `first`; extents are added in ascending order. Returns 0, -E_NOMEM,
 * or -E_NOSPC (ASH_EXTENTS are in use). */
int host_map(struct host *h, uint32_t first, uint32_t length);
/* Decode and compile a copy of insn[0, n). Returns 0, -E_NOMEM, or what ash_decode does,
 * with h->program.bad and .at set. Replaces a program loaded before. */
int host_load(struct host *h, const struct ash_insn *insn, uint32_t n,
              const uint32_t *entry, uint32_t nentry);
/* Give it these pipelines, for helper dilp; the pipes stay the caller's, and must live on.
 * Returns 0, -E_NOMEM, or what dilp_gather does. Replaces those before. */
int host_pipes(struct host *h, const struct ash_pipe *pipe, uint32_t n);
/* Run it natively, or in the interpreter; h->run.r1, r2 and budget are the caller's to
 * set. Returns enum ash_stop. */
uint32_t host_native(struct host *h);
uint32_t host_interpret(struct host *h);
/* Index of the instruction whose machine code is at that offset of the body. */
uint32_t host_instruction(const struct host *h, uint32_t offset);
void host_close(struct host *h);
