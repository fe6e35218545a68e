/* dpf/relate.c - whether one path implies, excludes or overlaps another (dpf/path.h).
 *
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "dpf/path.h"

enum { NO_BASE = 0xff };

/* map[i] is the base of `to` that is defined as base i of `from`, or NO_BASE. */
static void map_bases(const struct path *from, const struct path *to,
                      uint8_t map[PATH_BASES])
{
	map[0] = 0;
	for (unsigned i = 1; i < from->nbases; i++) {
		const struct path_base *b = &from->base[i];

		map[i] = NO_BASE;
		for (unsigned j = 1; j < to->nbases && map[b->parent] != NO_BASE; j++) {
			const struct path_base *c = &to->base[j];

			if (c->parent == map[b->parent] && c->offset == b->offset &&
			    c->width == b->width && c->mask == b->mask && c->shift == b->shift)
				map[i] = (uint8_t)j;
		}
	}
}

/* What the other path's tests say about this one's interval. */
struct verdict {
	bool implied, excluded;
};

/* Interval u (of one path) against test t (of another), on the same field. */
static struct verdict compare(const struct path_test *u, const struct path_test *t)
{
	bool inside = t->lo <= u->lo && u->hi <= t->hi;
	bool apart = u->hi < t->lo || t->hi < u->lo;
	bool covers = u->lo <= t->lo && t->hi <= u->hi;

	if (!u->negate)
		return t->negate ? (struct verdict){ apart, inside }
		                 : (struct verdict){ inside, apart };
	return t->negate ? (struct verdict){ covers, false }
	                 : (struct verdict){ false, covers };
}

/* What p says about test t, whose base in p is `base`. */
static struct verdict ask(const struct path *p, const struct path_test *t, unsigned base)
{
	struct verdict v = { false, false };
	uint32_t value;

	if (base == NO_BASE)
		return v;
	if (path_value(p, base, t->offset, t->width, t->mask, &value)) {
		v.implied = path_test_holds(t, value);
		v.excluded = !v.implied;
		return v;
	}
	for (unsigned i = 0; i < p->ntests; i++) {
		const struct path_test *u = &p->test[i];

		if (u->base != base || u->offset != t->offset || u->width != t->width ||
		    u->mask != t->mask)
			continue;
		struct verdict w = compare(u, t);
		v.implied |= w.implied;
		v.excluded |= w.excluded;
	}
	return v;
}

/* Everything that b asks, asked of a. *implied: a implies b. Returns false when a
 * excludes b. */
static bool inquire(const struct path *a, const struct path *b, bool *implied)
{
	uint8_t map[PATH_BASES];

	map_bases(b, a, map);
	*implied = true;
	for (unsigned i = 0; i < b->nbases; i++)
		if (b->span[i] && (map[i] == NO_BASE || a->span[map[i]] < b->span[i]))
			*implied = false;
	for (unsigned i = 0; i < b->nbytes; i++) {
		const struct path_byte *t = &b->byte[i];
		unsigned base = map[t->base];
		unsigned j = base == NO_BASE ? a->nbytes : path_find(a, base, t->offset);

		if (j == a->nbytes) {
			*implied = false;
			continue;
		}
		const struct path_byte *u = &a->byte[j];
		if ((u->value ^ t->value) & u->mask & t->mask)
			return false;
		if ((u->mask & t->mask) != t->mask)
			*implied = false;
	}
	for (unsigned i = 0; i < b->ntests; i++) {
		struct verdict v = ask(a, &b->test[i], map[b->test[i].base]);

		if (v.excluded)
			return false;
		*implied &= v.implied;
	}
	return true;
}

unsigned path_relate(const struct path *a, const struct path *b)
{
	bool a_implies_b, b_implies_a;

	if (a->never || b->never || !inquire(a, b, &a_implies_b) || !inquire(b, a, &b_implies_a))
		return PATH_DISJOINT;
	return PATH_OVERLAP | (a_implies_b ? PATH_IMPLIES : 0) | (b_implies_a ? PATH_IMPLIED : 0);
}
