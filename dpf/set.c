/* dpf/set.c - see set.h. Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/set.h"

void set_init(struct set *set, bool shared, uint64_t seed)
{
	set->mode = shared ? GEN_COLLECT : GEN_BEST;
	set->shared = shared;
	set->seed = seed;
	blocks_init(&set->blocks);
}

/* The first place that is not above one of this rank and sign. Of equal ranks the order is that of
 * the signs, so that it does not tell who came first. */
static uint32_t place_of(const struct set *set, uint64_t rank, uint64_t sign)
{
	uint32_t from = 0, to = set->n;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		const struct set_entry *e = &set->order[middle];

		if (e->rank > rank || (e->rank == rank && e->sign < sign))
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static uint32_t place_of_shape(const struct set *set, const struct shape *s)
{
	uint32_t i = place_of(set, s->form.rank, s->sign);

	while (set->order[i].shape != s)
		i++;
	return i;
}

uint32_t set_priority(const struct set *set, uint16_t priority)
{
	return place_of(set, path_rank_max(priority), 0);
}

static struct shape *find_shape(const struct set *set, const struct path *p, uint32_t filter)
{
	uint64_t sign = shape_sign(p, filter);

	for (uint32_t i = place_of(set, p->rank, sign);
	     i < set->n && set->order[i].rank == p->rank && set->order[i].sign == sign; i++)
		if (shape_is(set->order[i].shape, p, filter))
			return set->order[i].shape;
	return NULL;
}

static void key_of(const struct path *p, uint8_t key[PATH_BYTES])
{
	for (unsigned i = 0; i < p->nbytes; i++)
		key[i] = p->byte[i].value;
}

uint32_t set_find(const struct set *set, const struct store *store, const struct path *p,
                  uint32_t filter, struct shape **shape)
{
	uint8_t key[PATH_BYTES];

	*shape = find_shape(set, p, filter);
	key_of(p, key);
	return *shape ? shape_find(store, *shape, key) : 0;
}

static void put_in_order(struct set *set, struct shape *s)
{
	uint32_t at = place_of(set, s->form.rank, s->sign);

	for (uint32_t i = set->n++; i > at; i--)
		set->order[i] = set->order[i - 1];
	set->order[at] = (struct set_entry){ .sign = s->sign, .rank = s->form.rank, .shape = s };
	set->nwirelen += s->wirelen;
	blocks_insert(&set->blocks, at);
}

static struct shape *add_shape(struct set *set, struct store *store, const struct path *p,
                               uint32_t filter, const uint8_t *program, int *error)
{
	uint16_t index = 0;

	while (index < DPF_SHAPES_MAX && set->by_index[index])
		index++;
	*error = -E_LIMIT;
	if (index == DPF_SHAPES_MAX)
		return NULL;
	struct shape *s = shape_new(store, p, filter);
	*error = -E_NOMEM;
	if (!s)
		return NULL;
	s->index = index;
	s->shared = set->shared;
	s->program = program;
	set->by_index[index] = s;
	put_in_order(set, s);
	return s;
}

/* Members have come to a shape or left it: its table may have stale slots, and if the code must
 * change, what is constant may be different. */
static void has_changed(struct set *set, struct shape *s, bool code)
{
	set->touched = true;
	if (!s->is_stale) {
		s->is_stale = true;
		s->stale = set->stale_shapes;
		set->stale_shapes = s;
	}
	if (!code)
		return;
	uint32_t at = place_of_shape(set, s);
	set->order[at].digest = digest_of(&s->form, s->open);
	blocks_touch(&set->blocks, at);
}

static void drop_shape(struct set *set, struct shape *s)
{
	uint32_t at = place_of_shape(set, s);

	blocks_remove(&set->blocks, at);
	set->nwirelen -= s->wirelen;
	set->n--;
	for (uint32_t i = at; i < set->n; i++)
		set->order[i] = set->order[i + 1];
	set->by_index[s->index] = NULL;
	s->next = set->retired_shapes;
	set->retired_shapes = s;
	set->touched = true;
}

/* A filter that shares its key with `first` comes behind it. Once is enough. */
static bool join(struct store *store, uint32_t first, uint32_t ref)
{
	struct member *m = member_at(store, ref);

	for (uint32_t r = first; r; r = member_at(store, r)->same)
		if (member_at(store, r)->filter == m->filter)
			return false;
	m->same = member_at(store, first)->same;
	__atomic_store_n(&member_at(store, first)->same, ref, __ATOMIC_RELEASE);
	return true;
}

int set_add(struct set *set, struct store *store, const struct path *p, uint32_t id,
            const uint8_t *program, uint32_t *ref)
{
	struct shape *s;
	uint32_t own = p->residual ? id : 0, first = set_find(set, store, p, own, &s);
	uint32_t new = store_member(store, p->nbytes);
	bool fresh = !s, changed = false;
	int error = -E_NOMEM;

	*ref = 0;
	if (!new)
		return -E_NOMEM;
	struct member *m = member_at(store, new);
	m->filter = id;
	m->shared = set->shared;
	key_of(p, m->key);
	if (!s)
		s = add_shape(set, store, p, own, program, &error);
	if (s) {
		m->shape = s->index;
		if (first && !join(store, first, new)) {
			store_free_member(store, new);
			return 0;
		}
		struct table *old = s->table;
		error = first ? 0 : shape_add(store, s, new, &set->seed, &set->retired_tables,
		                              &changed);
		set->rekeyed += old && old != s->table;
		has_changed(set, s, changed);
		if (error && fresh)
			drop_shape(set, s);
	}
	if (error)
		store_free_member(store, new);
	*ref = error ? 0 : new;
	return error;
}

/* Another member of the key takes the first one's place. Returns whether the code names it. */
static bool promote(struct store *store, struct shape *s, uint32_t old, uint32_t new)
{
	uint64_t w[SHAPE_WORDS];

	if (s->table) {
		shape_words(s, member_at(store, new)->key, w);
		table_replace(s->table, w, new, table_value(member_at(store, new), new));
		table_relink(store, s, s->table);
		return false;
	}
	for (uint32_t i = 0; i < s->n; i++)
		if (s->small[i] == old)
			s->small[i] = new;
	return true;
}

void set_remove(struct set *set, struct store *store, uint32_t ref)
{
	struct member *m = member_at(store, ref);
	struct shape *s = set->by_index[m->shape];
	uint32_t first = shape_find(store, s, m->key);
	bool changed = false;

	if (first != ref) {
		while (member_at(store, first)->same != ref)
			first = member_at(store, first)->same;
		__atomic_store_n(&member_at(store, first)->same, m->same, __ATOMIC_RELEASE);
	} else if (m->same) {
		changed = promote(store, s, ref, m->same);
	} else {
		shape_remove(store, s, ref, &set->seed, &set->retired_tables, &changed);
	}
	has_changed(set, s, changed);
	if (s->n == 0)
		drop_shape(set, s);
}

int set_generate(struct set *set, struct store *store, struct gen_scratch *scratch)
{
	int error = blocks_generate(set, store, scratch);

	set->stale = error != 0;
	return error;
}

uint32_t set_tell(struct set *set, const struct store *store, struct gen_scratch *scratch,
                  uint8_t *code, size_t room, const struct gen_listener *listener)
{
	struct x86 a;

	x86_init(&a, code, room);
	blocks_tell(set, store, scratch, &a, listener);
	return a.full ? 0 : x86_here(&a);
}

void set_reclaim(struct set *set, struct store *store)
{
	if (!set->touched)
		return;
	set->touched = false;
	blocks_reclaim(&set->blocks, store);
	while (set->stale_shapes) {
		struct shape *s = set->stale_shapes;

		set->stale_shapes = s->stale;
		s->is_stale = false;
		shape_reclaim(s);
	}
	while (set->retired_shapes) {
		struct shape *s = set->retired_shapes;

		set->retired_shapes = s->next;
		shape_free(store, s);
	}
	while (set->retired_tables) {
		struct table *t = set->retired_tables;

		set->retired_tables = t->next;
		table_free(store, t);
	}
}

void set_destroy(struct set *set, struct store *store)
{
	set->touched = true;
	set_reclaim(set, store);
	blocks_destroy(&set->blocks, store);
	while (set->n)
		shape_free(store, set->order[--set->n].shape);
}
