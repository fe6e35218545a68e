/* dpf/gentree.h - the generator's parts, among themselves (dpf/gen.h is for all others).
 *
 *   gen.c       the walk over the decision tree, the function's frame, bursts
 *   genbytes.c  constants        genload.c  loads and checks of length
 *   gentest.c   tests, bases     genkey.c   leaves
 *
 * A level of the tree is a segment of the order, [at, end). Its first shape says what is asked
 * next, and the run of those that ask the same shares the answer: gen_run_of, gen_begin_run, code,
 * gen_descend into the run. Registers: see gen.c. Layer: leaf library, private to dpf/.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/gen.h"

struct gen {
	struct x86 *a;
	const struct store *store;
	struct shape **order;
	struct gen_scratch *s;
	struct gen_level *l; /* the current one */
	enum gen_mode mode;
	const struct gen_place *place;
	uint32_t depth;
	bool save; /* registers to save and restore */
	const struct gen_listener *listener;
	struct x86_label inner, exit; /* the function, its arguments in place */
};

/* The mark of what is dealt with at this depth. */
static inline uint8_t gen_mark(const struct gen *g) { return (uint8_t)(g->depth + 1); }

/* --- gen.c --- */

/* Tell the listener about a piece of the code for order[from, to), which begins here unless
 * n says where. */
void gen_tell(struct gen *g, uint32_t from, uint32_t to, struct gen_note n);

/* The shape's own number of the base that the code keeps as `base`, or PATH_BASES. */
unsigned gen_own_base(const struct shape *s, unsigned base);

/* The end of the run of the first shape and those that `same` says ask what it asks. Where all
 * are asked, they need not be neighbours; with take they are brought together. */
uint32_t gen_run_of(struct gen *g, bool (*same)(const struct shape *first, unsigned what,
                                                const struct shape *s),
                    unsigned what, bool take);

void gen_begin_run(struct gen *g, uint32_t run);

/* Below the current level: [from, to), which has the run's answer. */
void gen_descend(struct gen *g, uint32_t from, uint32_t to);

/* --- genload.c --- */

extern const enum x86_gpr gen_register[PATH_BASES]; /* where the bases are */

/* A masked comparison of up to 8 adjacent bytes. */
struct window {
	unsigned base, offset, width;
	uint64_t mask, value;
};

struct x86_mem gen_at(unsigned base, int32_t offset);
enum x86_size gen_size_of(unsigned width);

/* Jump to `fail` unless `need` bytes from base on were captured. */
void gen_check_span(struct gen *g, uint32_t *known, unsigned base, uint32_t need,
                    struct x86_label *fail);

/* One check for all that the run surely needs of a base. */
void gen_check_run(struct gen *g, unsigned base);

/* op dst, imm; 64-bit immediates go through r10 */
void gen_alu_imm(struct gen *g, unsigned width, enum x86_alu op, enum x86_gpr dst, uint64_t imm);

/* dst = the window's bytes, as they lie in memory, masked; may use r10 */
void gen_load_masked(struct gen *g, enum x86_gpr dst, struct window w);

/* --- genbytes.c --- */

/* The constant that most shapes ask for, from the first on; PATH_BYTES: none. */
unsigned gen_choose_byte(struct gen *g);
void gen_bytes(struct gen *g, unsigned i);

/* On to a group of a dispatch: those with one value of the field. */
void gen_begin_group(struct gen *g, uint32_t from, uint32_t to);

/* --- gentest.c: test or base i of the first shape, for its run --- */

void gen_test(struct gen *g, unsigned i);
void gen_base(struct gen *g, unsigned i);

/* --- genkey.c --- */

/* All that is left to the first shape alone. */
void gen_leaf(struct gen *g);
