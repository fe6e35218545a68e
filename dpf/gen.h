/* dpf/gen.h - machine code for a trie. Layer: leaf library, private to dpf/.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/trie.h"

/* What the code does with a filter that accepts. */
enum gen_mode {
	GEN_BEST,    /* uint32_t f(frame, caplen, wirelen): the winner's id, or 0 */
	GEN_COLLECT, /* uint32_t f(frame, caplen, wirelen, ids, max): how many accept; a filter
	                with several paths can be there several times */
};

/* Where the BPF program of a filter has been emitted. */
typedef struct x86_label *gen_program(void *ctx, uint32_t filter);

/* Emit the function for a trie; members is room for one index per node. Returns its
 * offset in the code. Check a->full afterwards. */
uint32_t gen_trie(struct x86 *a, struct trie *t, enum gen_mode mode, uint32_t *members,
                  gen_program *program, void *ctx);
