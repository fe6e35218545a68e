/* dpf/trie.c - see trie.h. Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/trie.h"

void trie_init(struct trie *t, struct trie_node *node, uint32_t node_max,
               struct trie_accept *accept, uint32_t accept_max)
{
	*t = (struct trie){ .node = node, .accept = accept, .nodes = 1, .node_max = node_max,
		            .accepts = 1, .accept_max = accept_max };
}

bool trie_same_field(const struct step *a, const struct step *b)
{
	return a->kind == b->kind && a->base == b->base && a->offset == b->offset &&
	       a->width == b->width && a->negate == b->negate && a->shift == b->shift &&
	       a->parent == b->parent && a->mask == b->mask && a->lo == b->lo && a->hi == b->hi;
}

/* A new node for s below `parent`: behind smaller values of the same field, or last. */
static int add_node(struct trie *t, uint32_t parent, const struct step *s, uint32_t *out)
{
	uint32_t *at = &t->node[parent].child, first = 0;

	if (t->nodes == t->node_max)
		return -E_NOSPC;
	while (*at) {
		const struct trie_node *n = &t->node[*at];
		bool same = trie_same_field(&n->step, s);

		if (same && !first)
			first = *at;
		if (first && (!same || n->step.value > s->value))
			break;
		at = &t->node[*at].sibling;
	}
	uint32_t i = t->nodes++;
	t->node[i] = (struct trie_node){ .step = *s, .parent = parent, .sibling = *at };
	for (int b = 0; b < PATH_BASES; b++)
		t->node[i].span[b] = UINT32_MAX;
	*at = i;
	*out = i;
	return 0;
}

static uint32_t find_child(const struct trie *t, uint32_t parent, const struct step *s)
{
	uint32_t i = t->node[parent].child;

	while (i && !(trie_same_field(&t->node[i].step, s) && t->node[i].step.value == s->value))
		i = t->node[i].sibling;
	return i;
}

/* What is being added, and how far it has come. */
struct walk {
	struct trie *t;
	const struct path *p;
	uint32_t at;
};

static int go(struct walk *w, const struct step *s)
{
	uint32_t next = find_child(w->t, w->at, s);

	if (!next && add_node(w->t, w->at, s, &next) < 0)
		return -E_NOSPC;
	for (int b = 0; b < PATH_BASES; b++)
		if (w->t->node[next].span[b] > w->p->span[b])
			w->t->node[next].span[b] = w->p->span[b];
	w->at = next;
	return 0;
}

/* The bytes from byte[i] on that make one comparison: adjacent, at most four. */
static unsigned run_length(const struct path *p, unsigned i)
{
	unsigned n = 1;

	while (n < 4 && i + n < p->nbytes && p->byte[i + n].base == p->byte[i].base &&
	       p->byte[i + n].offset == p->byte[i].offset + n)
		n++;
	return n == 3 ? 2 : n;
}

static int go_bytes(struct walk *w, unsigned base)
{
	const struct path *p = w->p;

	for (unsigned i = 0, n; i < p->nbytes; i += n) {
		struct step s = { .kind = STEP_BYTES, .base = (uint8_t)base,
			          .offset = p->byte[i].offset };

		n = 1;
		if (p->byte[i].base != base)
			continue;
		n = run_length(p, i);
		s.width = (uint8_t)n;
		for (unsigned k = 0; k < n; k++) {
			s.mask |= (uint32_t)p->byte[i + k].mask << 8 * k;
			s.value |= (uint32_t)p->byte[i + k].value << 8 * k;
		}
		if (go(w, &s) < 0)
			return -E_NOSPC;
	}
	return 0;
}

static int go_tests(struct walk *w, unsigned base)
{
	for (unsigned i = 0; i < w->p->ntests; i++) {
		const struct path_test *t = &w->p->test[i];
		struct step s = { .kind = STEP_TEST, .base = (uint8_t)base, .offset = t->offset,
			          .width = t->width, .negate = t->negate, .mask = t->mask,
			          .lo = t->lo, .hi = t->hi };

		if (t->base == base && go(w, &s) < 0)
			return -E_NOSPC;
	}
	return 0;
}

static int go_base(struct walk *w, unsigned base)
{
	const struct path_base *b = &w->p->base[base];
	struct step s = { .kind = STEP_BASE, .base = (uint8_t)base, .offset = b->offset,
		          .width = b->width, .shift = b->shift, .parent = b->parent,
		          .mask = b->mask };

	return go(w, &s);
}

/* The rest of what must be captured, beyond what the tests look at. */
static int go_span(struct walk *w, unsigned base)
{
	struct step s = { .kind = STEP_SPAN, .base = (uint8_t)base,
		          .value = w->p->span[base] };

	return s.value ? go(w, &s) : 0;
}

int trie_add(struct trie *t, const struct path *p, uint32_t id)
{
	struct walk w = { t, p, 0 };

	if (p->never)
		return 0;
	for (unsigned b = 0; b < p->nbases; b++)
		if ((b > 0 && go_base(&w, b) < 0) || go_bytes(&w, b) < 0 || go_tests(&w, b) < 0 ||
		    go_span(&w, b) < 0)
			return -E_NOSPC;
	if (t->accepts == t->accept_max)
		return -E_NOSPC;
	struct trie_accept *a = &t->accept[t->accepts];
	*a = (struct trie_accept){ .next = t->node[w.at].accept, .filter = id, .rank = p->rank,
		                   .residual = p->residual };
	t->node[w.at].accept = t->accepts++;
	return 0;
}
