/* dpf/trie.h - the paths of many filters, merged by their common prefixes.
 *
 * A path becomes a sequence of steps in canonical order: for each base its definition, its
 * masked bytes (adjacent ones as one wider comparison), its other tests. A trie of those
 * steps is built anew from the filters after a change; siblings that compare one field
 * with different values stand together, in the order of their values.
 *
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC
 */
#pragma once
#include "dpf/path.h"
#include "dpf/x86.h"

enum step_kind { STEP_BYTES, STEP_BASE, STEP_TEST, STEP_SPAN };

/* One test. What it asks but for the value is its field. */
struct step {
	uint8_t kind, base;
	uint16_t offset;  /* BYTES, TEST */
	uint8_t width;    /* BYTES: 1, 2 or 4; TEST: 0, 1, 2 or 4 */
	uint8_t negate;   /* TEST */
	int8_t shift;     /* BASE: base `base` = base[parent] + (load & mask) shifted */
	uint8_t parent;   /* BASE */
	uint32_t mask;    /* BYTES: as it lies in memory (little-endian load) */
	uint32_t value;   /* BYTES: likewise; SPAN: bytes that must be there */
	uint32_t lo, hi;  /* TEST */
};

/* A filter that a node accepts for. */
struct trie_accept {
	uint32_t next;     /* index, 0 ends the list */
	uint32_t filter;   /* id */
	uint64_t rank;
	bool residual;     /* if its BPF program accepts, too */
};

struct trie_node {
	struct step step;
	uint32_t parent, child, sibling; /* indices, 0: none; node 0 is the root */
	uint32_t accept;
	uint32_t group;    /* first of the siblings with the same field */
	uint32_t span[PATH_BASES]; /* least that any path through here needs */
	uint32_t known[PATH_BASES]; /* generator's: captured bytes checked on the way here */
	struct x86_label here, after;
};

struct trie {
	struct trie_node *node; /* [node_max] */
	struct trie_accept *accept; /* [accept_max]; 0 is not used */
	uint32_t nodes, node_max, accepts, accept_max;
};

/* Begin an empty trie over caller's memory, which is zeroed. */
void trie_init(struct trie *t, struct trie_node *node, uint32_t node_max,
               struct trie_accept *accept, uint32_t accept_max);

/* Add a finished path of filter `id`. Returns 0, or -E_NOSPC when the memory is full. */
int trie_add(struct trie *t, const struct path *p, uint32_t id);

/* The two ask the same but for the value. */
bool trie_same_field(const struct step *a, const struct step *b);

/* No path has more steps. */
enum { TRIE_STEPS = PATH_BYTES + PATH_TESTS + 2 * PATH_BASES };
