/* dpf/shape.c - see shape.h. Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/shape.h"
#include "dpf/interp.h"
#include "dpf/table.h"

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15;
	return h ^ h >> 29;
}

uint64_t shape_sign(const struct path *p, uint32_t filter)
{
	uint64_t h = mix(p->rank, filter);

	for (unsigned i = 0; i < p->nbases; i++) {
		const struct path_base *b = &p->base[i];

		h = mix(h, p->span[i]);
		h = mix(h, (uint64_t)b->mask << 32 | (uint32_t)b->offset << 16 | b->width << 8 | b->parent);
		h = mix(h, (uint8_t)b->shift);
	}
	for (unsigned i = 0; i < p->nbytes; i++)
		h = mix(h, (uint64_t)p->byte[i].mask << 24 | p->byte[i].base << 16 | p->byte[i].offset);
	for (unsigned i = 0; i < p->ntests; i++) {
		const struct path_test *t = &p->test[i];

		h = mix(h, (uint64_t)t->lo << 32 | t->hi);
		h = mix(h, (uint64_t)t->mask << 32 | (uint32_t)t->offset << 16 | (uint32_t)t->negate << 15 |
		                   t->base << 8 | t->width);
	}
	return h;
}

bool shape_is(const struct shape *s, const struct path *p, uint32_t filter)
{
	const struct path *f = &s->form;

	if (s->filter != filter || f->priority != p->priority || f->nbases != p->nbases ||
	    f->nbytes != p->nbytes || f->ntests != p->ntests)
		return false;
	for (unsigned i = 0; i < p->nbytes; i++)
		if (f->byte[i].base != p->byte[i].base || f->byte[i].offset != p->byte[i].offset ||
		    f->byte[i].mask != p->byte[i].mask)
			return false;
	return __builtin_memcmp(f->span, p->span, p->nbases * sizeof *p->span) == 0 &&
	       __builtin_memcmp(f->base, p->base, p->nbases * sizeof *p->base) == 0 &&
	       __builtin_memcmp(f->test, p->test, p->ntests * sizeof *p->test) == 0;
}

struct shape *shape_new(struct store *store, const struct path *p, uint32_t filter)
{
	struct shape *s = store_take(store, pages_for(sizeof *s));

	if (!s)
		return NULL;
	s->form = *p;
	s->filter = filter;
	s->sign = shape_sign(p, filter);
	s->wirelen = filter != 0;
	for (unsigned i = 0; i < p->ntests; i++)
		s->wirelen |= p->test[i].width == PATH_LEN;
	return s;
}

void shape_free(struct store *store, struct shape *s)
{
	table_free(store, s->table);
	store_give(store, s, pages_for(sizeof *s));
}

/* The end of the piece that begins with byte i: at most four adjacent ones. */
static unsigned piece_end(const struct path *p, unsigned i)
{
	unsigned n = 1;

	while (n < 4 && i + n < p->nbytes && p->byte[i + n].base == p->byte[i].base &&
	       p->byte[i + n].offset == p->byte[i].offset + n)
		n++;
	return i + n;
}

/* One load for open byte i and those that follow it closely. */
static struct shape_part part_at(struct shape *s, unsigned i, unsigned *end)
{
	const struct path *p = &s->form;
	const struct path_byte *b = &p->byte[i];
	struct shape_part part = { .offset = b->offset, .base = b->base, .width = 8 };
	unsigned extent = 1;

	for (unsigned j = i; j < p->nbytes && p->byte[j].base == b->base; j++)
		if (s->open[j] && p->byte[j].offset - b->offset < 8)
			extent = p->byte[j].offset - b->offset + 1u;
	while (part.width > 1 && part.width / 2u >= extent)
		part.width /= 2;
	while (part.offset + part.width > (int64_t)p->span[b->base])
		part.width /= 2;
	for (*end = i; *end < p->nbytes && p->byte[*end].base == b->base &&
	               p->byte[*end].offset < part.offset + part.width; ++*end)
		if (s->open[*end])
			part.mask |= (uint64_t)p->byte[*end].mask
			             << 8 * (p->byte[*end].offset - part.offset);
	return part;
}

/* Pack the open bytes into words. */
static void lay_out(struct shape *s)
{
	unsigned half = 0;

	s->nwords = 0;
	__builtin_memset(s->word, 0, sizeof s->word);
	for (unsigned i = 0, end; i < s->form.nbytes; i = end) {
		end = i + 1;
		if (!s->open[i])
			continue;
		struct shape_part part = part_at(s, i, &end);
		half = half == 1 && part.width <= 4 ? 1 : 0;
		s->nwords += half == 0;
		s->word[s->nwords - 1][half] = part;
		for (unsigned j = i; j < end; j++)
			s->place[j] = (uint16_t)(64 * (s->nwords - 1) + 32 * half +
			                         8u * (s->form.byte[j].offset - part.offset));
		half = half == 0 && part.width <= 4;
	}
}

void shape_words(const struct shape *s, const uint8_t *key, uint64_t w[SHAPE_WORDS])
{
	for (unsigned i = 0; i < s->nwords; i++)
		w[i] = 0;
	for (unsigned i = 0; i < s->form.nbytes; i++)
		if (s->open[i])
			w[s->place[i] / 64] |= (uint64_t)key[i] << s->place[i] % 64;
}

uint32_t shape_next(const struct shape *s, uint32_t *cursor)
{
	if (!s->table)
		return *cursor < s->n ? s->small[(*cursor)++] : 0;
	while (*cursor < s->table->nslots) {
		uint32_t ref = s->table->ref[(*cursor)++];

		if (ref && !(ref & TABLE_STALE))
			return ref;
	}
	return 0;
}

static bool keys_equal(const struct shape *s, const uint8_t *a, const uint8_t *b)
{
	return __builtin_memcmp(a, b, s->form.nbytes) == 0;
}

uint32_t shape_find(const struct store *store, const struct shape *s, const uint8_t *key)
{
	uint64_t w[SHAPE_WORDS];

	for (unsigned i = 0; i < s->form.nbytes; i++)
		if (!s->open[i] && s->form.byte[i].value != key[i])
			return 0;
	if (s->table) {
		shape_words(s, key, w);
		return table_find(s->table, w);
	}
	for (unsigned i = 0; i < s->n; i++)
		if (keys_equal(s, member_at(store, s->small[i])->key, key))
			return s->small[i];
	return 0;
}

/* Which pieces must be open so that `key` can join. Returns whether that changes any. */
static bool widen(struct shape *s, const uint8_t *key)
{
	bool changed = false;

	for (unsigned i = 0, end; i < s->form.nbytes; i = end) {
		bool differs = false;

		end = piece_end(&s->form, i);
		for (unsigned j = i; j < end; j++)
			differs |= !s->open[j] && s->form.byte[j].value != key[j];
		for (unsigned j = i; differs && j < end; j++)
			s->open[j] = 1;
		changed |= differs;
	}
	return changed;
}

/* A table with all members and perhaps one more. NULL: no memory, and the old one as it
 * was. Another key, and a little more room, whenever a bucket is unlucky. */
static struct table *rebuild(struct store *store, struct shape *s, uint32_t more,
                             uint64_t *seed)
{
	enum { ATTEMPTS = 32 };
	uint32_t n = s->n + (more != 0);
	struct table *t = NULL;

	for (int i = 0; i < ATTEMPTS; i++, n += n / 16) {
		uint32_t cursor = 0, ref;
		bool good = true;

		t = table_new(store, s, n, seed);
		if (!t)
			break;
		while (good && (ref = shape_next(s, &cursor)) != 0)
			good = table_add(store, s, t, ref);
		if (good && (!more || table_add(store, s, t, more)))
			return t;
		table_free(store, t);
	}
	if (s->table)
		table_relink(store, s, s->table);
	return NULL;
}

static void retire(struct table *t, struct table **retired)
{
	if (!t)
		return;
	t->next = *retired;
	*retired = t;
}

void shape_reclaim(struct shape *s)
{
	if (s->table)
		table_reclaim(s->table);
}

static void use_table(struct shape *s, struct table *t, struct table **retired)
{
	retire(s->table, retired);
	s->table = t;
	s->floor = t ? t->n / 2 : 0;
}

int shape_add(struct store *store, struct shape *s, uint32_t ref, uint64_t *seed,
              struct table **retired, bool *regenerate)
{
	const uint8_t *key = member_at(store, ref)->key;
	uint8_t open[PATH_BYTES];

	__builtin_memcpy(open, s->open, sizeof open);
	if (s->n == 0)
		for (unsigned i = 0; i < s->form.nbytes; i++)
			s->form.byte[i].value = key[i];
	bool wider = widen(s, key);
	if (wider)
		lay_out(s);
	if (!s->table && s->n < SHAPE_SMALL) {
		s->small[s->n++] = ref;
		*regenerate = true;
		return 0;
	}
	if (!wider && s->table && table_has_room(s->table) &&
	    table_add(store, s, s->table, ref)) {
		s->n++;
		return 0;
	}
	struct table *t = rebuild(store, s, ref, seed);
	if (!t) {
		__builtin_memcpy(s->open, open, sizeof open);
		lay_out(s);
		if (s->table)
			table_relink(store, s, s->table);
		return -E_NOMEM;
	}
	*regenerate = true; /* the table's place and size are in the code */
	use_table(s, t, retired);
	s->n++;
	return 0;
}

/* On which pieces do all members agree? */
static void narrow(const struct store *store, struct shape *s)
{
	uint32_t cursor = 0, ref = shape_next(s, &cursor);
	uint8_t differs[PATH_BYTES] = { 0 };
	const uint8_t *first = member_at(store, ref)->key;

	while ((ref = shape_next(s, &cursor)) != 0)
		for (unsigned i = 0; i < s->form.nbytes; i++)
			differs[i] |= first[i] != member_at(store, ref)->key[i];
	for (unsigned i = 0, end; i < s->form.nbytes; i = end) {
		uint8_t open = 0;

		end = piece_end(&s->form, i);
		for (unsigned j = i; j < end; j++)
			open |= differs[j];
		for (unsigned j = i; j < end; j++) {
			s->open[j] = open;
			s->form.byte[j].value = first[j];
		}
	}
	lay_out(s);
}

/* Few members: they go back into the code. */
static void shrink(struct shape *s, struct table **retired)
{
	uint32_t cursor = 0, n = 0, ref, small[SHAPE_SMALL];

	while ((ref = shape_next(s, &cursor)) != 0)
		small[n++] = ref;
	__builtin_memcpy(s->small, small, n * sizeof *small);
	use_table(s, NULL, retired);
}

void shape_remove(struct store *store, struct shape *s, uint32_t ref, uint64_t *seed,
                  struct table **retired, bool *regenerate)
{
	if (!s->table) {
		unsigned i = 0;

		while (s->small[i] != ref)
			i++;
		s->small[i] = s->small[--s->n];
		*regenerate = true;
		if (s->n)
			narrow(store, s);
		return;
	}
	table_remove(store, s, s->table, ref);
	s->n--;
	if (s->n > SHAPE_SMALL && s->n > s->floor)
		return;
	if (s->n <= SHAPE_SMALL) {
		shrink(s, retired);
		narrow(store, s);
		*regenerate = true;
		return;
	}
	/* Under the old layout the old table still works, if there is no memory. */
	uint8_t open[PATH_BYTES];
	__builtin_memcpy(open, s->open, sizeof open);
	narrow(store, s);
	struct table *t = rebuild(store, s, 0, seed);
	if (!t) {
		__builtin_memcpy(s->open, open, sizeof open);
		lay_out(s);
		table_relink(store, s, s->table);
		return;
	}
	*regenerate = true;
	use_table(s, t, retired);
}

void shape_path(const struct shape *s, const struct member *m, struct path *p)
{
	*p = s->form;
	for (unsigned i = 0; i < p->nbytes; i++)
		p->byte[i].value = m->key[i];
}

uint32_t shape_match(const struct store *store, const struct shape *s, const uint8_t *frame,
                     uint32_t caplen, uint32_t wirelen)
{
	const struct path *p = &s->form;
	uint64_t base[PATH_BASES];
	uint8_t key[PATH_BYTES];

	if (!interp_tests(p, frame, caplen, wirelen, base))
		return 0;
	for (unsigned i = 0; i < p->nbytes; i++)
		key[i] = frame[base[p->byte[i].base] + p->byte[i].offset] & p->byte[i].mask;
	return shape_find(store, s, key);
}
