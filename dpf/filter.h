/* dpf/filter.h - reading filters as they come from outside (exo/filter.h).
 *
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC
 */
#pragma once
#include "dpf/path.h"

/* A filter that passed every check. Points into the caller's bytes, which may have any
 * alignment; the readers below copy out. */
struct filter_view {
	uint16_t priority, flags;
	uint32_t npaths, ninsns;
	const uint8_t *paths; /* the first path */
	const uint8_t *insns;
};

/* Every check of exo/filter.h, and bpf_fault (dpf/bpf.h) on the program. Returns 0 or
 * -E_INVAL. */
int filter_decode(struct filter_view *f, const void *bytes, size_t length);

/* Read the path at `at` into canonical form. Returns where the next one begins. The path
 * is within its limits, because filter_decode saw it. */
const uint8_t *filter_path(struct path *p, const uint8_t *at, uint16_t priority);

/* The path that stands for the filter's program: it holds for every frame, and leaves the
 * rest to the program. */
void filter_program_path(struct path *p, uint16_t priority);

/* Instruction i of the program. */
struct exo_bpf_insn filter_insn(const struct filter_view *f, uint32_t i);
