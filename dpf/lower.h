/* dpf/lower.h - a classic BPF program as accepting paths.
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/filter.h"

enum {
	LOWER_WORK = 1 << 16, /* instructions looked at, over all ways through the program */
	LOWER_RELATE = 4096,  /* paths compared while simplifying */
	LOWER_FORKS = 128,    /* undecided jumps on one way */
};

/* Room that lowering needs. */
struct lower_scratch {
	struct path path[FILTER_PATHS_MAX], a, b;
	uint8_t fork[LOWER_FORKS];
	uint8_t may_accept[FILTER_INSNS_MAX]; /* does a way from this instruction on? */
	uint8_t out[sizeof(struct exo_filter) +
	            FILTER_PATHS_MAX * (sizeof(struct exo_path) +
	                                FILTER_ATOMS_MAX * sizeof(struct exo_atom))];
};

/* Write in scratch->out a filter without a program that accepts the same frames as f's
 * program does; f has no paths. Returns its length; 0: the program asks what atoms cannot,
 * or in too many ways. */
long lower_program(const struct filter_view *f, struct lower_scratch *scratch);

/* What every frame satisfies that f's program accepts: the tests at its beginning whose failure
 * always leads to rejection, as a path in *p, not finished. Returns from which instruction on the
 * program, as a program of its own, decides the rest; 0: all of it. */
uint32_t lower_prefix(const struct filter_view *f, struct lower_scratch *scratch, struct path *p);
