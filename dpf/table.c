/* dpf/table.c - see table.h. Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/table.h"

/* A new table is at most half full; at FULL it has no room. */
enum { FULL_PERCENT = 70, SLOTS_MIN = 16, TRIES = 1024 };

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

/* One word: multiply-shift, of which the top bits are universal. Two, the second of 32 bits: the sum
 * of two such products, where no difference of the one always undoes one of the other. Else words in
 * pairs, folded (wyhash's step): a difference in the top bits alone reaches every bit. */
static uint64_t hash(const struct table *t, const uint64_t *w)
{
	uint64_t h = t->key[0];

	if (t->words == 1)
		return w[0] * h;
	if (t->narrow)
		return w[0] * h + w[1] * t->key[1];
	for (uint32_t i = 0; i < t->words; i += 2)
		h = fold(h ^ w[i], i + 1 < t->words ? t->key[1] ^ w[i + 1] : t->key[1]);
	return h;
}

static uint32_t bucket_of(const struct table *t, uint64_t h)
{
	return (uint32_t)(h >> t->bucket_shift);
}

static uint32_t slot_of(const struct table *t, uint64_t h, uint32_t disp)
{
	return (uint32_t)(h * disp >> t->slot_shift);
}

static uint32_t *value_at(const struct table *t, uint32_t slot)
{
	return (uint32_t *)(void *)(table_slot(t, slot) + t->value);
}

/* Bytes of word i in a slot. */
static size_t width(const struct table *t, uint32_t i) { return t->narrow && i == 1 ? 4 : 8; }

static bool same_words(const struct table *t, uint32_t slot, const uint64_t *w)
{
	const uint8_t *at = table_slot(t, slot);
	bool same = true;

	for (uint32_t i = 0; i < t->words; i++)
		same &= __builtin_memcmp(at + 8 * i, &w[i], width(t, i)) == 0;
	return same;
}

/* The fields that follow from a number of slots. */
static struct table sized(const struct shape *s, uint32_t nslots)
{
	struct table t = { .nslots = nslots, .nbuckets = nslots / 2, .words = s->nwords };
	uint32_t bits = (uint32_t)__builtin_ctz(nslots);

	t.slot_shift = (uint8_t)(64 - bits);
	t.bucket_shift = (uint8_t)(65 - bits);
	t.narrow = s->nwords == 2 && shape_is_half(s, 1);
	t.value = t.narrow ? 12 : 8u * s->nwords;
	t.stride = t.narrow ? 16 : t.value + 8;
	t.slots = (uint32_t)((sizeof t + t.nbuckets * sizeof *t.disp + 63) & ~(size_t)63);
	t.npages = (uint32_t)pages_for(t.slots + (uint64_t)nslots * (t.stride + sizeof *t.ref) +
	                               t.nbuckets * sizeof *t.head);
	return t;
}

struct table *table_new(struct store *store, const struct shape *s, uint32_t n,
                        uint64_t *seed)
{
	uint32_t nslots = SLOTS_MIN;

	while (nslots < 2 * n)
		nslots *= 2;
	while (sized(s, 2 * nslots).npages == sized(s, nslots).npages)
		nslots *= 2;
	struct table size = sized(s, nslots), *t = store_take(store, size.npages);
	if (!t)
		return NULL;
	*t = size;
	t->ref = (uint32_t *)(void *)table_slot(t, nslots);
	t->head = t->ref + nslots;
	t->key[0] = next_random(seed) | 1;
	t->key[1] = next_random(seed) | 1;
	for (uint32_t i = 0; i < t->nbuckets; i++)
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
	return ((uint64_t)t->n + t->stale + 1) * 100 <= (uint64_t)t->nslots * FULL_PERCENT;
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
		uint32_t at = slot_of(t, b->hash[i], disp), ref = t->ref[at];

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
	t->ref[slot] = TABLE_STALE | t->stale_list;
	t->stale_list = slot + 1;
	t->stale++;
}

static void write_slot(struct table *t, uint32_t slot, const uint64_t *w, uint32_t ref,
                       uint32_t value)
{
	for (uint32_t i = 0; i < t->words; i++)
		__builtin_memcpy(table_slot(t, slot) + 8 * i, &w[i], width(t, i));
	t->ref[slot] = ref;
	__atomic_store_n(value_at(t, slot), value, __ATOMIC_RELEASE);
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
	for (uint32_t r = t->head[at]; r; r = member_at(store, r)->link) {
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
	member_at(store, ref)->link = t->head[at];
	t->head[at] = ref;
	t->n++;
	return true;
}

static uint32_t slot_with(const struct table *t, const uint64_t *w, bool *found)
{
	uint64_t h = hash(t, w);
	uint32_t slot = slot_of(t, h, t->disp[bucket_of(t, h)]);

	*found = *value_at(t, slot) != 0 && same_words(t, slot, w);
	return slot;
}

uint32_t table_find(const struct table *t, const uint64_t *w)
{
	bool found;
	uint32_t slot = slot_with(t, w, &found);

	return found ? t->ref[slot] : 0;
}

void table_remove(struct store *store, const struct shape *s, struct table *t, uint32_t ref)
{
	uint64_t w[SHAPE_WORDS];
	bool found;

	shape_words(s, member_at(store, ref)->key, w);
	uint32_t slot = slot_with(t, w, &found);
	uint32_t *at = &t->head[bucket_of(t, hash(t, w))];
	__atomic_store_n(value_at(t, slot), 0, __ATOMIC_RELEASE);
	retire_slot(t, slot);
	while (*at != ref)
		at = &member_at(store, *at)->link;
	*at = member_at(store, ref)->link;
	t->n--;
}

void table_replace(struct table *t, const uint64_t *w, uint32_t ref, uint32_t value)
{
	bool found;
	uint32_t slot = slot_with(t, w, &found);

	t->ref[slot] = ref;
	__atomic_store_n(value_at(t, slot), value, __ATOMIC_RELEASE);
}

void table_relink(struct store *store, const struct shape *s, struct table *t)
{
	uint64_t w[SHAPE_WORDS];

	for (uint32_t i = 0; i < t->nbuckets; i++)
		t->head[i] = 0;
	for (uint32_t i = 0; i < t->nslots; i++) {
		uint32_t ref = t->ref[i];

		if (!ref || ref & TABLE_STALE)
			continue;
		shape_words(s, member_at(store, ref)->key, w);
		uint32_t *head = &t->head[bucket_of(t, hash(t, w))];
		member_at(store, ref)->link = *head;
		*head = ref;
	}
}

void table_reclaim(struct table *t)
{
	while (t->stale_list) {
		uint32_t slot = t->stale_list - 1;

		t->stale_list = t->ref[slot] & ~TABLE_STALE;
		t->ref[slot] = 0;
		*value_at(t, slot) = 0;
	}
	t->stale = 0;
}
