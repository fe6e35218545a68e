/* dpf/gen.h - machine code for a set of shapes. Layer: leaf library, private to dpf/.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/shape.h"

/* What the code does with a path that holds. */
enum gen_mode {
	GEN_BEST,    /* uint32_t f(d, frame, caplen, wirelen): the filter of the first path, in
	                the order of the shapes, or 0; d is not looked at, so that dpf_classify is a
	                jump */
	GEN_COLLECT, /* uint32_t f(frame, caplen, wirelen, refs, max): how many hold; writes
	                the first max of them, as references to members */
};

/* Adjacent bytes of the frame; mask in the order of memory. */
struct gen_field {
	uint32_t mask;
	uint16_t offset;
	uint8_t base, width; /* base: as the first shape numbers them */
};

/* A question asked of order[at, run) whose answers are being generated. */
struct gen_level {
	uint32_t at, run, end; /* of what is left at this level: its run, and its end */
	uint32_t group;        /* end of the group of the run that is being generated */
	uint32_t known[PATH_BASES], run_known[PATH_BASES]; /* captured bytes checked */
	uint8_t nbases, run_nbases;
	struct x86_label next; /* behind the run */
	struct gen_field field; /* of a dispatch */
};

enum {
	GEN_LEVELS = PATH_BYTES + PATH_TESTS + PATH_BASES + 2, /* no path asks more questions */
	GEN_SHAPES = 16, /* shapes of one piece of a function, a block (dpf/block.h) */
};

struct gen_scratch {
	struct gen_level level[GEN_LEVELS];
	struct shape *order[GEN_SHAPES]; /* what is to be generated; its order may be changed */
	uint32_t start[GEN_SHAPES];      /* groups of a dispatch */
};

/* Which part of the function it is. */
struct gen_place {
	bool first;   /* it is where the function begins */
	bool wirelen; /* first: keep the length on the wire, for some part asks for it */
	const uint8_t *const *on; /* where the address of the next part will be; NULL: this is the last */
};

/* What a piece of code asks, and of whom: told while it is emitted, in its order. A piece ends
 * where the next one begins. Pieces form a tree: what comes at a greater depth is asked when this holds, what comes at the same depth when it does not. */
enum gen_kind {
	GEN_BURST,   /* the loop over frames */
	GEN_ENTER,   /* registers */
	GEN_BYTES,   /* have the bytes of pick their values? */
	GEN_FIELD,   /* which value has this field? */
	GEN_VALUE,   /* the field has this value */
	GEN_TEST,    /* does this test hold? */
	GEN_BASE,    /* where does this base begin? */
	GEN_KEY,     /* is the key this member's? */
	GEN_TABLE,   /* whose is the key? */
	GEN_PROGRAM, /* does the BPF program accept? */
	GEN_ON,      /* to the next block */
	GEN_LEAVE,   /* nobody's */
};

struct gen_note {
	enum gen_kind kind;
	uint32_t code, depth;           /* offset of the piece */
	struct shape *const *shapes;    /* whom it is about, */
	uint32_t nshapes;               /* how many */
	const bool *pick;               /* BYTES: which of shapes[0]'s bytes */
	struct gen_field field;         /* FIELD, VALUE: base as shapes[0] numbers it */
	uint32_t value;                 /* VALUE: in the order of memory; BASE: its number */
	unsigned index;                 /* TEST, BASE: which of shapes[0]'s */
	uint32_t ref;                   /* KEY: the member */
};

struct gen_listener {
	void *ctx;
	void (*hears)(void *ctx, const struct store *store, const struct gen_note *note);
};

/* Emit the part of a function that is about scratch->order[0, n), n <= GEN_SHAPES. In GEN_BEST the
 * order is that in which they win. Check a->full afterwards. The first part in GEN_BEST begins the
 * function at GEN_FUNCTION, so that one pointer says both, and at 0 there is
 *   void f(frames, lens, n, ids): the filter of each of n >= 1 frames, captured whole */
enum { GEN_FUNCTION = 80 };
void gen_shapes(struct x86 *a, const struct store *store, const struct gen_place *place, uint32_t n,
                enum gen_mode mode, struct gen_scratch *scratch,
                const struct gen_listener *listener); /* NULL: nobody listens */
