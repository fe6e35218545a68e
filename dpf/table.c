/* dpf/table.c - see table.h. Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/table.h"

/* Slots per key of a new table, and the load at which it is full, in tenths. */
enum { SLOTS_TENTHS = 25, FULL_TENTHS = 6, SLOTS_MIN = 16, TRIES = 512 };

/* splitmix64: Steele, Lea, Flood, OOPSLA '14 */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t hash(const struct table *t, const uint64_t *w)
{
	uint64_t h = t->key[0];

	for (uint32_t i = 0; i < t->words; i += 2)
		h = fold(h ^ w[i], i + 1 < t->words ? t->key[1] ^ w[i + 1] : t->key[1]);
	return h;
}

static uint32_t bucket_of(const struct table *t, uint64_t h)
{
	return (uint32_t)((h >> 32) * t->nbuckets >> 32);
}

static uint32_t slot_of(const struct table *t, uint64_t h, uint32_t disp)
{
	return (uint32_t)((h * disp >> 32) * t->nslots >> 32);
}

static uint32_t *heads(struct table *t) { return t->disp + t->nbuckets; }

static uint64_t *words_at(const struct table *t, uint32_t slot)
{
	return (uint64_t *)(void *)(t->slots + (uint64_t)slot * t->stride);
}

struct table *table_new(struct store *store, const struct shape *s, uint32_t n,
                        uint64_t *seed)
{
	uint64_t nslots = (uint64_t)n * SLOTS_TENTHS / 10 + SLOTS_MIN, nbuckets = nslots / 2;
	uint32_t stride = 8u * s->nwords + (uint32_t)sizeof(struct table_tail);
	size_t front = sizeof(struct table) + 8 * nbuckets;
	size_t npages = pages_for(front + nslots * stride);
	struct table *t = store_take(store, npages);

	if (!t)
		return NULL;
	/* what is left of the last page is slots, too */
	nslots = (npages * DPF_PAGE - front) / stride;
	*t = (struct table){ .nbuckets = nbuckets, .nslots = nslots, .words = s->nwords,
		             .stride = stride, .npages = (uint32_t)npages,
		             .slots = (uint8_t *)t + front };
	t->key[0] = next_random(seed);
	t->key[1] = next_random(seed) | 1;
	for (uint64_t i = 0; i < nbuckets; i++)
		t->disp[i] = 1;
	return t;
}

void table_free(struct store *store, struct table *t)
{
	if (t)
		store_give(store, t, t->npages);
}

bool table_has_room(const struct table *t)
{
	return ((uint64_t)t->n + t->stale + 1) * 10 <= t->nslots * FULL_TENTHS;
}

/* A bucket with one more key. */
struct bucket {
	uint32_t n, ref[TABLE_BUCKET], slot[TABLE_BUCKET], old[TABLE_BUCKET];
	uint64_t hash[TABLE_BUCKET];
};

/* Do all keys of the bucket find a slot of their own under this multiplier? */
static bool fits(const struct table *t, struct bucket *b, uint32_t disp)
{
	for (uint32_t i = 0; i < b->n; i++) {
		uint32_t at = slot_of(t, b->hash[i], disp), ref = table_tail(t, at)->ref;

		if (ref && ref != b->ref[i])
			return false;
		for (uint32_t j = 0; j < i; j++)
			if (b->slot[j] == at)
				return false;
		b->slot[i] = at;
	}
	return true;
}

static void retire_slot(struct table *t, uint32_t slot)
{
	table_tail(t, slot)->ref = TABLE_STALE | t->stale_list;
	t->stale_list = slot + 1;
	t->stale++;
}

static void write_slot(struct table *t, uint32_t slot, const uint64_t *w, uint32_t ref,
                       uint32_t value)
{
	struct table_tail *tail = table_tail(t, slot);

	for (uint32_t i = 0; i < t->words; i++)
		words_at(t, slot)[i] = w[i];
	tail->ref = ref;
	__atomic_store_n(&tail->value, value, __ATOMIC_RELEASE);
}

/* The keys that are there move to their new slots, as copies; one store of the multiplier
 * makes them, and the new one, be found there. */
static void settle(struct store *store, const struct shape *s, struct table *t,
                   const struct bucket *b, uint32_t at, uint32_t disp)
{
	uint64_t w[SHAPE_WORDS];

	for (uint32_t i = 0; i < b->n; i++) {
		const struct member *m = member_at(store, b->ref[i]);

		if (i + 1 < b->n && b->slot[i] == b->old[i])
			continue;
		shape_words(s, m->key, w);
		write_slot(t, b->slot[i], w, b->ref[i], table_value(m, b->ref[i]));
	}
	__atomic_store_n(&t->disp[at], disp, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i + 1 < b->n; i++)
		if (b->slot[i] != b->old[i])
			retire_slot(t, b->old[i]);
}

bool table_add(struct store *store, const struct shape *s, struct table *t, uint32_t ref)
{
	struct bucket b = { 0 };
	uint64_t w[SHAPE_WORDS];

	shape_words(s, member_at(store, ref)->key, w);
	uint64_t h = hash(t, w);
	uint32_t at = bucket_of(t, h), disp = t->disp[at];
	for (uint32_t r = heads(t)[at]; r; r = member_at(store, r)->link) {
		if (b.n + 1 == TABLE_BUCKET)
			return false;
		shape_words(s, member_at(store, r)->key, w);
		b.ref[b.n] = r;
		b.hash[b.n] = hash(t, w);
		b.old[b.n] = slot_of(t, b.hash[b.n], disp);
		b.n++;
	}
	b.ref[b.n] = ref;
	b.hash[b.n++] = h;
	for (uint32_t i = 1; !fits(t, &b, disp); i++) {
		if (i == TRIES)
			return false;
		disp = i * 0x9e3779b1u | 1;
	}
	settle(store, s, t, &b, at, disp);
	member_at(store, ref)->link = heads(t)[at];
	heads(t)[at] = ref;
	t->n++;
	return true;
}

static uint32_t slot_with(const struct table *t, const uint64_t *w, bool *found)
{
	uint64_t h = hash(t, w);
	uint32_t slot = slot_of(t, h, t->disp[bucket_of(t, h)]);

	*found = table_tail(t, slot)->value != 0;
	for (uint32_t i = 0; i < t->words; i++)
		*found &= words_at(t, slot)[i] == w[i];
	return slot;
}

uint32_t table_find(const struct table *t, const uint64_t *w)
{
	bool found;
	uint32_t slot = slot_with(t, w, &found);

	return found ? table_tail(t, slot)->ref : 0;
}

void table_remove(struct store *store, const struct shape *s, struct table *t, uint32_t ref)
{
	uint64_t w[SHAPE_WORDS];
	bool found;

	shape_words(s, member_at(store, ref)->key, w);
	uint32_t slot = slot_with(t, w, &found);
	uint32_t *at = &heads(t)[bucket_of(t, hash(t, w))];
	__atomic_store_n(&table_tail(t, slot)->value, 0, __ATOMIC_RELEASE);
	retire_slot(t, slot);
	while (*at != ref)
		at = &member_at(store, *at)->link;
	*at = member_at(store, ref)->link;
	t->n--;
}

void table_replace(struct table *t, const uint64_t *w, uint32_t ref, uint32_t value)
{
	bool found;
	struct table_tail *tail = table_tail(t, slot_with(t, w, &found));

	tail->ref = ref;
	__atomic_store_n(&tail->value, value, __ATOMIC_RELEASE);
}

void table_relink(struct store *store, const struct shape *s, struct table *t)
{
	uint64_t w[SHAPE_WORDS];

	for (uint64_t i = 0; i < t->nbuckets; i++)
		heads(t)[i] = 0;
	for (uint64_t i = 0; i < t->nslots; i++) {
		uint32_t ref = table_tail(t, i)->ref;

		if (!ref || ref & TABLE_STALE)
			continue;
		shape_words(s, member_at(store, ref)->key, w);
		uint32_t *head = &heads(t)[bucket_of(t, hash(t, w))];
		member_at(store, ref)->link = *head;
		*head = ref;
	}
}

void table_reclaim(struct table *t)
{
	while (t->stale_list) {
		struct table_tail *tail = table_tail(t, t->stale_list - 1);

		t->stale_list = tail->ref & ~TABLE_STALE;
		*tail = (struct table_tail){ 0 };
	}
	t->stale = 0;
}
