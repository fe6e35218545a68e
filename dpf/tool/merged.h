/* dpf/tool/merged.h - merged filters as the decision tree that their machine code is.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/gen.h"
#include "dpf/tool/filters.h"

/* A piece of the code, in words. */
struct piece {
	enum gen_kind kind;
	uint32_t code;  /* its offset */
	uint32_t depth; /* greater: asked when the piece above holds; equal: when it does not */
	char *text;     /* "ether[12:2] = 0x0800" */
	char *who;      /* the filters it is about, "" for none */
};

struct merged {
	struct piece *piece;
	uint32_t n;
	uint8_t *code;
	uint32_t length;
	const struct filters *f;
	bool lost; /* no memory */
};

/* Read the tree of d's exclusive filters, or of its shared ones, which are f. False after a
 * message. */
bool merged_read(struct merged *m, struct dpf *d, bool shared, const struct filters *f);
void merged_free(struct merged *m);

/* Is this piece a question, or an answer, of the tree? Else it is code around it. */
bool merged_in_tree(const struct piece *p);

/* Write trees: in Graphviz's language; as a picture; as JSON, a list of pieces. */
void merged_dot(FILE *out, const struct merged m[], int n);
void merged_svg(FILE *out, const struct merged m[], int n);
void merged_json(FILE *out, const struct merged m[], int n);
