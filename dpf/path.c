/* dpf/path.c - canonical form of accepting paths (dpf/path.h).
 *
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "dpf/path.h"

void path_init(struct path *p, uint16_t priority)
{
	*p = (struct path){ .priority = priority, .nbases = 1 };
}

void path_need(struct path *p, unsigned base, uint32_t end)
{
	if (p->span[base] < end)
		p->span[base] = end;
}

unsigned path_find(const struct path *p, unsigned base, unsigned offset)
{
	for (unsigned i = 0; i < p->nbytes; i++)
		if (p->byte[i].base == base && p->byte[i].offset == offset)
			return i;
	return p->nbytes;
}

bool path_value(const struct path *p, unsigned base, unsigned offset, unsigned width,
                uint32_t mask, uint32_t *value)
{
	uint32_t v = 0, known = 0;

	for (unsigned i = 0; i < p->nbytes; i++) {
		const struct path_byte *b = &p->byte[i];
		unsigned at = (unsigned)b->offset - offset;

		if (b->base != base || at >= width)
			continue;
		known |= (uint32_t)b->mask << 8 * (width - 1 - at);
		v |= (uint32_t)b->value << 8 * (width - 1 - at);
	}
	*value = v & mask;
	return width && (known & mask) == mask;
}

/* Sorted by base, then offset. */
static int add_byte(struct path *p, struct path_byte b)
{
	unsigned i = 0;

	while (i < p->nbytes && (p->byte[i].base < b.base ||
	                         (p->byte[i].base == b.base && p->byte[i].offset < b.offset)))
		i++;
	struct path_byte *at = &p->byte[i];
	if (i < p->nbytes && at->base == b.base && at->offset == b.offset) {
		p->never |= ((at->value ^ b.value) & at->mask & b.mask) != 0;
		at->mask |= b.mask;
		at->value |= b.value;
		return 0;
	}
	if (p->nbytes == PATH_BYTES)
		return -E_LIMIT;
	for (unsigned j = p->nbytes++; j > i; j--)
		p->byte[j] = p->byte[j - 1];
	*at = b;
	return 0;
}

static int add_equal(struct path *p, const struct path_test *t)
{
	for (unsigned i = 0; i < t->width; i++) {
		unsigned down = 8 * (t->width - 1 - i);
		struct path_byte b = { .offset = (uint16_t)(t->offset + i), .base = t->base,
			.mask = (uint8_t)(t->mask >> down), .value = (uint8_t)(t->lo >> down) };

		if (b.mask && add_byte(p, b))
			return -E_LIMIT;
	}
	return 0;
}

/* Under a mask of one bit or none, v is 0 or the mask. */
static bool simplify_bit(struct path_test *t)
{
	bool zero = path_test_holds(t, 0), one = path_test_holds(t, t->mask);

	t->negate = 0;
	t->lo = zero ? 0 : t->mask;
	t->hi = one ? t->mask : 0;
	return zero || one;
}

/* One meaning, one form: a complement that touches an end becomes an interval, a
 * question about one bit a comparison, an aligned block a masked comparison. Values outside the mask cannot occur. Returns false when nothing can hold. */
static bool simplify(struct path_test *t)
{
	if (t->hi > t->mask)
		t->hi = t->mask;
	if (t->lo > t->hi) { /* lies above every value: IN never, OUT always holds */
		*t = (struct path_test){ .base = t->base, .width = t->width,
			.offset = t->offset, .negate = !t->negate };
		return !t->negate;
	}
	if ((t->mask & (t->mask - 1)) == 0)
		return simplify_bit(t);
	if (t->negate && t->lo == 0 && t->hi == t->mask)
		return false;
	if (t->negate && t->lo == 0) {
		t->negate = 0;
		t->lo = t->hi + 1;
		t->hi = t->mask;
	} else if (t->negate && t->hi == t->mask) {
		t->negate = 0;
		t->hi = t->lo - 1;
		t->lo = 0;
	}
	uint32_t free = t->lo ^ t->hi;
	if (!t->negate && t->mask == path_ones(t->width) && (free & (free + 1)) == 0 &&
	    (t->lo & free) == 0) {
		t->mask &= ~free;
		t->hi = t->lo;
	}
	return true;
}

static bool same_field(const struct path_test *a, const struct path_test *b)
{
	return a->base == b->base && a->width == b->width && a->offset == b->offset &&
	       a->mask == b->mask;
}

/* Two intervals on one field become their intersection. */
static bool intersect(struct path *p, const struct path_test *t)
{
	for (unsigned i = 0; i < p->ntests; i++) {
		struct path_test *u = &p->test[i];

		if (!same_field(t, u) || t->negate != u->negate)
			continue;
		if (t->negate) {
			if (t->lo == u->lo && t->hi == u->hi)
				return true;
			continue;
		}
		u->lo = t->lo > u->lo ? t->lo : u->lo;
		u->hi = t->hi < u->hi ? t->hi : u->hi;
		p->never |= u->lo > u->hi;
		return true;
	}
	return false;
}

int path_add(struct path *p, const struct path_test *test)
{
	struct path_test t = *test;
	uint32_t v;

	if (t.width == PATH_LEN)
		t.base = 0; /* wherever it was asked */
	else
		path_need(p, t.base, t.offset + t.width);
	if (!simplify(&t)) {
		p->never = true;
		return 0;
	}
	if (!t.negate && t.lo == 0 && t.hi == t.mask)
		return 0; /* any value will do */
	if (t.width != PATH_LEN && !t.negate && t.lo == t.hi) {
		p->never |= (t.lo & ~t.mask) != 0;
		return add_equal(p, &t);
	}
	if (path_value(p, t.base, t.offset, t.width, t.mask, &v)) {
		p->never |= !path_test_holds(&t, v);
		return 0;
	}
	if (intersect(p, &t))
		return 0;
	if (p->ntests == PATH_TESTS)
		return -E_LIMIT;
	p->test[p->ntests++] = t;
	return 0;
}

int path_add_base(struct path *p, const struct path_base *b)
{
	path_need(p, b->parent, b->offset + b->width);
	for (unsigned i = 1; i < p->nbases; i++) {
		const struct path_base *c = &p->base[i];

		if (c->parent == b->parent && c->width == b->width && c->shift == b->shift &&
		    c->offset == b->offset && c->mask == b->mask)
			return (int)i;
	}
	if (p->nbases == PATH_BASES)
		return -E_LIMIT;
	p->base[p->nbases] = *b;
	return p->nbases++;
}

/* A base that nothing counts from any more leaves only the need for its load. */
static void drop_unused_bases(struct path *p)
{
	for (; p->nbases > 1; p->nbases--)
		if (p->span[p->nbases - 1] > 0)
			return;
}

/* t is decided by the bytes, or a complement is decided by an interval. */
static bool is_decided(struct path *p, const struct path_test *t)
{
	uint32_t v;

	if (path_value(p, t->base, t->offset, t->width, t->mask, &v)) {
		p->never |= !path_test_holds(t, v);
		return true;
	}
	for (unsigned i = 0; t->negate && i < p->ntests; i++) {
		const struct path_test *u = &p->test[i];

		if (u->negate || !same_field(t, u))
			continue;
		p->never |= t->lo <= u->lo && u->hi <= t->hi;
		if (u->hi < t->lo || t->hi < u->lo)
			return true;
	}
	return false;
}

static int test_order(const struct path_test *a, const struct path_test *b)
{
	const uint32_t ka[] = { a->base, a->offset, a->width, a->mask, a->negate, a->lo, a->hi };
	const uint32_t kb[] = { b->base, b->offset, b->width, b->mask, b->negate, b->lo, b->hi };

	for (unsigned i = 0; i < sizeof ka / sizeof *ka; i++)
		if (ka[i] != kb[i])
			return ka[i] < kb[i] ? -1 : 1;
	return 0;
}

static void sort_tests(struct path *p)
{
	for (unsigned i = 1; i < p->ntests; i++) {
		struct path_test t = p->test[i];
		unsigned j = i;

		for (; j > 0 && test_order(&t, &p->test[j - 1]) < 0; j--)
			p->test[j] = p->test[j - 1];
		p->test[j] = t;
	}
}

/* Without popcnt, which a kernel may not assume, gcc would call a library. */
static unsigned bits_in(uint8_t v)
{
	unsigned n = 0;

	for (; v; v &= (uint8_t)(v - 1))
		n++;
	return n;
}

static uint64_t rank(const struct path *p)
{
	uint64_t bits = 0, narrow = 0;

	for (unsigned i = 0; i < p->nbytes; i++)
		bits += bits_in(p->byte[i].mask);
	for (unsigned i = 0; i < p->ntests; i++) {
		const struct path_test *t = &p->test[i];
		uint64_t inside = (uint64_t)t->hi - t->lo;

		narrow += (t->negate ? inside : 0xffffffff - inside) / 2 + 1;
	}
	for (unsigned i = 0; i < p->nbases; i++)
		narrow += p->span[i];
	return (uint64_t)p->priority << 48 | bits << 37 | narrow;
}
_Static_assert(8 * PATH_BYTES < 1 << 11, "the bits fit their part of a rank");
_Static_assert(PATH_TESTS <= 48, "the tests fit their part of a rank");

void path_finish(struct path *p)
{
	unsigned n = 0;

	drop_unused_bases(p);
	for (unsigned i = 0; i < p->ntests; i++)
		if (!is_decided(p, &p->test[i]))
			n++;
		else
			p->test[i].mask = 0;
	for (unsigned i = 0, j = 0; i < p->ntests; i++)
		if (p->test[i].mask)
			p->test[j++] = p->test[i];
	p->ntests = (uint8_t)n;
	sort_tests(p);
	p->rank = rank(p);
}

bool path_equal(const struct path *a, const struct path *b)
{
	if (a->nbases != b->nbases || a->nbytes != b->nbytes || a->ntests != b->ntests)
		return false;
	return __builtin_memcmp(a->span, b->span, sizeof a->span) == 0 &&
	       __builtin_memcmp(a->base, b->base, sizeof a->base) == 0 &&
	       __builtin_memcmp(a->byte, b->byte, a->nbytes * sizeof *a->byte) == 0 &&
	       __builtin_memcmp(a->test, b->test, a->ntests * sizeof *a->test) == 0;
}
