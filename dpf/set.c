/* dpf/set.c - see set.h. Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/set.h"

static struct shape *find_shape(const struct set *set, const struct path *p, uint32_t filter)
{
	uint64_t sign = shape_sign(p, filter);

	for (uint32_t i = 0; i < set->n; i++)
		if (set->order[i].sign == sign && shape_is(set->order[i].shape, p, filter))
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

/* Of equal ranks the order is that of the signs, so that it does not tell who came first. */
static void put_in_order(struct set *set, struct shape *s)
{
	const struct set_entry e = { s->sign, s->form.rank, s };
	uint32_t i = set->n++;

	for (; i > 0 && (set->order[i - 1].rank < e.rank ||
	                 (set->order[i - 1].rank == e.rank && set->order[i - 1].sign > e.sign));
	     i--)
		set->order[i] = set->order[i - 1];
	set->order[i] = e;
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

static void drop_shape(struct set *set, struct shape *s)
{
	uint32_t i = 0;

	while (set->order[i].shape != s)
		i++;
	for (set->n--; i < set->n; i++)
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
            const uint8_t *program, uint32_t *ref, bool *regenerate)
{
	struct shape *s;
	uint32_t own = p->residual ? id : 0, first = set_find(set, store, p, own, &s);
	uint32_t new = store_member(store, p->nbytes);
	bool fresh = !s;
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
		                              regenerate);
		set->rekeyed += old && old != s->table;
		set->touched = true;
		if (error && fresh)
			drop_shape(set, s);
	}
	if (error)
		store_free_member(store, new);
	*ref = error ? 0 : new;
	return error;
}

/* Another member of the key takes the first one's place. */
static void promote(struct store *store, struct shape *s, uint32_t old, uint32_t new,
                    bool *regenerate)
{
	uint64_t w[SHAPE_WORDS];

	if (!s->table) {
		for (uint32_t i = 0; i < s->n; i++)
			if (s->small[i] == old)
				s->small[i] = new;
		*regenerate = true;
		return;
	}
	shape_words(s, member_at(store, new)->key, w);
	table_replace(s->table, w, new, table_value(member_at(store, new), new));
	table_relink(store, s, s->table);
}

void set_remove(struct set *set, struct store *store, uint32_t ref, bool *regenerate)
{
	struct member *m = member_at(store, ref);
	struct shape *s = set->by_index[m->shape];
	uint32_t first = shape_find(store, s, m->key);

	set->touched = true;
	if (first != ref) {
		while (member_at(store, first)->same != ref)
			first = member_at(store, first)->same;
		__atomic_store_n(&member_at(store, first)->same, m->same, __ATOMIC_RELEASE);
	} else if (m->same) {
		promote(store, s, ref, m->same, regenerate);
	} else {
		shape_remove(store, s, ref, &set->seed, &set->retired_tables, regenerate);
	}
	if (s->n == 0)
		drop_shape(set, s);
}

static void publish(struct set *set, struct store *store, const struct dpf_code *c)
{
	store->mem.code_seal(store->mem.ctx, c);
	if (set->code.npages)
		set->retired[set->nretired++] = set->code;
	__atomic_store_n(&set->code.exec, c->exec, __ATOMIC_RELEASE);
	set->code = *c;
	set->generated++;
	set->stale = false;
	set->touched = true;
}

/* The function into `a`. copy has room for the shapes. */
static void emit(const struct set *set, const struct store *store, struct gen_scratch *scratch,
                 struct shape **copy, struct x86 *a, const struct gen_listener *listener)
{
	for (uint32_t i = 0; i < set->n; i++)
		copy[i] = set->order[i].shape;
	gen_shapes(a, store, copy, set->n, set->mode, scratch, listener);
}

uint32_t set_tell(struct set *set, const struct store *store, struct gen_scratch *scratch,
                  uint8_t *code, size_t room, const struct gen_listener *listener)
{
	struct shape *copy[DPF_SHAPES_MAX];
	struct x86 a;

	x86_init(&a, code, room);
	emit(set, store, scratch, copy, &a, listener);
	return a.full ? 0 : x86_here(&a);
}

int set_generate(struct set *set, struct store *store, struct gen_scratch *scratch)
{
	size_t npages = 1 + set->code_bytes / DPF_PAGE;
	struct shape *order[64], **copy = order;
	size_t copy_pages = set->n > 64 ? pages_for(set->n * sizeof *copy) : 0;
	struct dpf_code c;
	int error = -E_NOMEM;

	if (set->nretired == SET_RETIRED_MAX)
		return -E_NOMEM;
	if (copy_pages && !(copy = store_take(store, copy_pages)))
		return -E_NOMEM;
	for (; store_take_code(store, &c, npages); npages *= 2) {
		struct x86 a;

		x86_init(&a, c.write, npages * DPF_PAGE);
		emit(set, store, scratch, copy, &a, NULL);
		if (!a.full) {
			set->code_bytes = x86_here(&a);
			publish(set, store, &c);
			error = 0;
			break;
		}
		store_give_code(store, &c);
	}
	if (copy_pages)
		store_give(store, copy, copy_pages);
	return error;
}

void set_reclaim(struct set *set, struct store *store)
{
	if (!set->touched)
		return;
	set->touched = false;
	while (set->nretired)
		store_give_code(store, &set->retired[--set->nretired]);
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
	for (uint32_t i = 0; i < set->n; i++)
		shape_reclaim(set->order[i].shape);
}

void set_destroy(struct set *set, struct store *store)
{
	set->touched = true;
	set_reclaim(set, store);
	store_give_code(store, &set->code);
	while (set->n)
		shape_free(store, set->order[--set->n].shape);
}
