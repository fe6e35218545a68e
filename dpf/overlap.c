/* dpf/overlap.c - see overlap.h. Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/overlap.h"

static bool dominates(const struct dpf_dominance *may, uint32_t id)
{
	if (!may || may->count == DPF_ALL)
		return may;
	for (uint32_t i = 0; i < may->count; i++)
		if (may->ids[i] == id)
			return true;
	return false;
}

/* A program may ask anything: beyond what excludes it for certain it counts as asking nothing. */
static unsigned relate(const struct path *p, const struct path *q)
{
	unsigned r = path_relate(p, q);

	if (r == PATH_DISJOINT || !(p->residual || q->residual))
		return r;
	return PATH_OVERLAP | (p->residual ? PATH_IMPLIED : 0) | (q->residual ? PATH_IMPLIES : 0);
}

/* May a new path p stand beside path q of filter id? The rank must say what the
 * implication says, for the rank is what decides. */
static bool path_may(const struct path *p, const struct path *q, uint32_t id,
                     const struct overlap *o)
{
	const struct dpf_dominance *may = o->may;
	unsigned r = relate(p, q);

	if (r == PATH_DISJOINT)
		return true;
	if (o->copies)
		return dominates(may, id);
	if (q->priority > p->priority)
		return true;
	if (p->priority > q->priority)
		return dominates(may, id);
	if (!(r & PATH_IMPLIES) == !(r & PATH_IMPLIED))
		return false; /* equal, or neither is above the other */
	if (r & PATH_IMPLIED)
		return q->rank > p->rank;
	return p->rank > q->rank && dominates(may, id);
}

static int ask(struct overlap *o, const struct shape *s, uint32_t ref, const struct path *p)
{
	const struct member *m = member_at(o->store, ref);

	if (++o->work > DPF_WORK_MAX)
		return -E_LIMIT;
	shape_path(s, m, o->scratch);
	if (path_may(p, o->scratch, m->filter, o))
		return 0;
	o->conflict = m->filter;
	return -E_OVERLAP;
}

/* For each byte of s counted from the frame, what p says about it: an index, or nbytes. */
static void align(const struct shape *s, const struct path *p, uint8_t at[PATH_BYTES])
{
	unsigned j = 0;

	for (unsigned i = 0; i < s->form.nbytes; i++) {
		const struct path_byte *b = &s->form.byte[i];

		while (!b->base && j < p->nbytes && !p->byte[j].base && p->byte[j].offset < b->offset)
			j++;
		at[i] = !b->base && j < p->nbytes && !p->byte[j].base &&
		                        p->byte[j].offset == b->offset
		                ? (uint8_t)j
		                : p->nbytes;
	}
}

/* Does a value of the frame's bytes exclude what p wants? constants: those of s only. */
static bool excluded(const struct shape *s, const struct path *p, const uint8_t at[PATH_BYTES],
                     const uint8_t *key)
{
	for (unsigned i = 0; i < s->form.nbytes; i++) {
		const struct path_byte *b = &s->form.byte[i], *c = &p->byte[at[i]];

		if (at[i] == p->nbytes || (!key && s->open[i]))
			continue;
		if (((key ? key[i] : b->value) ^ c->value) & b->mask & c->mask)
			return true;
	}
	return false;
}

/* The key of the only member that p does not exclude, if p says all that s asks. */
static bool only_key(const struct shape *s, const struct path *p, uint8_t key[PATH_BYTES])
{
	if (p->nbases < s->form.nbases ||
	    __builtin_memcmp(p->base, s->form.base, s->form.nbases * sizeof *p->base) != 0)
		return false;
	for (unsigned i = 0; i < s->form.nbytes; i++) {
		const struct path_byte *b = &s->form.byte[i];
		unsigned j = i < p->nbytes && p->byte[i].base == b->base &&
		                             p->byte[i].offset == b->offset
		                     ? i
		                     : path_find(p, b->base, b->offset);

		if (j == p->nbytes || p->byte[j].mask != b->mask)
			return false;
		key[i] = p->byte[j].value;
	}
	return true;
}

/* Is every member more specific than p, or apart from it, by the constants alone? */
static bool all_imply(struct overlap *o, const struct shape *s, const struct path *p)
{
	struct path *q = o->scratch;
	unsigned n = 0;

	*q = s->form;
	for (unsigned i = 0; i < s->form.nbytes; i++)
		if (!s->open[i])
			q->byte[n++] = s->form.byte[i];
	q->nbytes = (uint8_t)n;
	unsigned r = relate(p, q);
	if (r == PATH_DISJOINT)
		return true;
	return n < s->form.nbytes && r & PATH_IMPLIED && s->form.priority == p->priority &&
	       s->form.rank > p->rank;
}

int overlap_check(struct overlap *o, const struct shape *s, const struct path *p)
{
	uint8_t at[PATH_BYTES], key[PATH_BYTES];
	uint32_t cursor = 0, ref;

	if (s->form.priority > p->priority && !o->copies)
		return 0;
	align(s, p, at);
	if (excluded(s, p, at, NULL))
		return 0;
	if (only_key(s, p, key)) {
		ref = shape_find(o->store, s, key);
		return ref ? ask(o, s, ref, p) : 0;
	}
	if (!o->copies && all_imply(o, s, p))
		return 0;
	while ((ref = shape_next(s, &cursor)) != 0) {
		if (++o->work > DPF_WORK_MAX)
			return -E_LIMIT;
		if (excluded(s, p, at, member_at(o->store, ref)->key))
			continue;
		int error = ask(o, s, ref, p);
		if (error)
			return error;
	}
	return 0;
}
