/* dpf/gen.h - machine code for a set of shapes. Layer: leaf library, private to dpf/.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/shape.h"

/* What the code does with a path that holds. */
enum gen_mode {
	GEN_BEST,    /* uint32_t f(frame, caplen, wirelen): the filter of the first path, in
	                the order of the shapes, or 0 */
	GEN_COLLECT, /* uint32_t f(frame, caplen, wirelen, refs, max): how many hold; writes
	                the first max of them, as references to members */
};

/* A question asked of order[at, run) whose answers are being generated. */
struct gen_level {
	uint32_t at, run, end; /* of what is left at this level: its run, and its end */
	uint32_t group;        /* end of the group of the run that is being generated */
	uint32_t known[PATH_BASES], run_known[PATH_BASES]; /* captured bytes checked */
	uint8_t nbases, run_nbases;
	struct x86_label next; /* behind the run */
};

/* No path asks more questions than this. */
enum { GEN_LEVELS = PATH_BYTES + PATH_TESTS + PATH_BASES + 2 };

struct gen_scratch {
	struct gen_level level[GEN_LEVELS];
	uint32_t start[DPF_SHAPES_MAX]; /* groups of a dispatch */
};

/* Emit the function for order[0, n). In GEN_BEST the order is that in which they win.
 * The order may be changed. Check a->full afterwards. In GEN_BEST the function begins at
 * GEN_FUNCTION, so that one pointer says both, and at 0 there is
 *   void f(frames, lens, n, ids): the filter of each of n >= 1 frames, captured whole */
enum { GEN_FUNCTION = 80 };
void gen_shapes(struct x86 *a, const struct store *store, struct shape **order, uint32_t n,
                enum gen_mode mode, struct gen_scratch *scratch);
