/* kernel/pipes.h - a handler's DILP pipelines (ash/dilp.h), compiled to code of their own.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>
#include "ash/dilp.h"

/* All zero: none. */
struct pipes {
	struct dilp dilp[ASH_PIPELINES];
	uint32_t n;
	uint32_t data, data_pages; /* the kernel's copy of the pipes: first page, how many */
	uint8_t *code;
	uint32_t code_pages;
};

/* Copy, check and compile n pipes. Returns 0, or what dilp_gather returns, or -E_NOSYS (this CPU
 * has no crc32 instruction), or -E_NOMEM; pipes_drop undoes it, however far it came. */
int pipes_make(struct pipes *p, const struct ash_pipe *pipe, uint32_t n);
void pipes_drop(struct pipes *p);
