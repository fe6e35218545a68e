/* dpf/block.c - see block.h. Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/set.h"

static struct block *take(struct blocks *b)
{
	struct block *f = b->free;

	if (f)
		b->free = f->next;
	else if (b->used < BLOCKS_MAX)
		f = &b->pool[b->used++];
	if (f)
		*f = (struct block){ 0 };
	return f;
}

static void put(struct block **list, struct block *b)
{
	b->next = *list;
	*list = b;
}

static void release(struct blocks *b, struct store *store, struct block **list)
{
	while (*list) {
		struct block *gone = *list;

		*list = gone->next;
		store_give_code(store, &gone->code);
		put(&b->free, gone);
	}
}

void blocks_init(struct blocks *b)
{
	b->first = take(b);
	b->first->dirty = b->dirty = true;
}

/* The block of the shape at this place; of a place between two blocks, the one before it. */
static struct block *block_of(struct blocks *b, uint32_t at, bool between)
{
	struct block *f = b->first;

	for (uint32_t end = f->n; at >= end + between; end += f->n)
		f = f->next;
	f->dirty = b->dirty = true;
	return f;
}

void blocks_touch(struct blocks *b, uint32_t at) { block_of(b, at, false); }
void blocks_insert(struct blocks *b, uint32_t at) { block_of(b, at, true)->n++; }
void blocks_remove(struct blocks *b, uint32_t at) { block_of(b, at, false)->n--; }

/* --- A change: first everything is made, then all of it is published --- */

/* The blocks from b to *upto become even ones together: neighbours of which one has changed and
 * one has few shapes. Returns whether there is anything to make. */
static bool find_group(struct block *b, struct block **upto, uint32_t *n)
{
	bool dirty = b->dirty;

	*n = b->n;
	*upto = b;
	for (struct block *c = b->next; c && (dirty || c->dirty) && (*n < BLOCK_FEW || c->n < BLOCK_FEW);
	     c = c->next) {
		*n += c->n;
		*upto = c;
		dirty = true;
	}
	return dirty;
}

static void emit(const struct set *set, const struct store *store, struct gen_scratch *scratch,
                 uint32_t at, uint32_t n, const struct gen_place *place, struct x86 *a,
                 const struct gen_listener *listener)
{
	for (uint32_t i = 0; i < n; i++)
		scratch->order[i] = set->order[at + i].shape;
	gen_shapes(a, store, place, n, set->mode, scratch, listener);
}

/* Blocks begin at different places of their pages: else the first lines of all would have one set of
 * the instruction cache to share. */
static size_t colour(const struct blocks *b, const struct block *f)
{
	enum { STEP = 512, COLOURS = 6 };

	return (size_t)(f - b->pool) % COLOURS * STEP;
}

/* The code of a new block, for the shapes from `at` on. */
static int generate(struct set *set, struct store *store, struct gen_scratch *scratch,
                    uint32_t at, struct block *f)
{
	const struct gen_place place = { .first = at == 0, .wirelen = set->nwirelen > 0,
		                         .on = at + f->n < set->n ? &f->on : NULL };

	size_t begin = colour(&set->blocks, f);
	struct dpf_code c;

	for (size_t npages = 1; store_take_code(store, &c, npages); npages *= 2) {
		struct x86 a;

		x86_init(&a, c.write + begin, npages * DPF_PAGE - begin);
		emit(set, store, scratch, at, f->n, &place, &a, NULL);
		if (!a.full) {
			f->bytes = x86_here(&a);
			f->code = c;
			f->begin = c.exec + begin;
			store->mem.code_seal(store->mem.ctx, &c);
			return 0;
		}
		store_give_code(store, &c);
	}
	return -E_NOMEM;
}

/* Blocks for n shapes from `at` on, as many as are needed, of equal size. */
static int make(struct set *set, struct store *store, struct gen_scratch *scratch, uint32_t at,
                uint32_t n, struct block **list)
{
	uint32_t pieces = n ? (n + GEN_SHAPES - 1) / GEN_SHAPES : 1, end = at + n;
	int error = 0;

	for (; pieces && !error; pieces--) {
		struct block *f = take(&set->blocks);

		if (!f)
			return -E_NOMEM;
		*list = f;
		list = &f->next;
		f->n = (uint16_t)((end - at) / pieces);
		error = generate(set, store, scratch, at, f);
		at += f->n;
	}
	return error;
}

static int prepare(struct set *set, struct store *store, struct gen_scratch *scratch)
{
	struct block *b = set->blocks.first, *upto;
	uint32_t n, at = 0;
	int error = 0;

	for (; b && !error; b = upto->next, at += n)
		if (find_group(b, &upto, &n)) {
			b->upto = upto;
			error = make(set, store, scratch, at, n, &b->instead);
		}
	return error;
}

static void abandon(struct blocks *b, struct store *store)
{
	for (struct block *f = b->first; f; f = f->next)
		release(b, store, &f->instead);
}

/* What new blocks say instead of b, and those behind it that they stand for. Returns the last of
 * them. */
static struct block *replace(struct blocks *b, struct block *old, struct block **link,
                             const uint8_t **word)
{
	struct block *f = old->instead, *behind = old->upto->next, *last = f;

	for (struct block *next; old != behind; old = next) {
		next = old->next;
		put(&b->retired, old);
	}
	for (;; last = last->next) {
		b->generated++;
		b->emitted += last->bytes;
		if (!last->next)
			break;
		last->on = last->next->begin;
	}
	last->next = behind;
	last->on = behind ? behind->begin : NULL;
	*link = f;
	__atomic_store_n(word, f->begin, __ATOMIC_RELEASE);
	return last;
}

static void publish(struct blocks *b)
{
	struct block **link = &b->first;
	const uint8_t **word = &b->entry;

	while (*link) {
		struct block *f = (*link)->instead ? replace(b, *link, link, word) : *link;

		link = &f->next;
		word = &f->on;
	}
}

int blocks_generate(struct set *set, struct store *store, struct gen_scratch *scratch)
{
	struct blocks *b = &set->blocks;
	bool wirelen = set->nwirelen > 0;

	if (wirelen != b->wirelen) /* the first block keeps it for all */
		b->first->dirty = b->dirty = true;
	if (!b->dirty)
		return 0;
	int error = prepare(set, store, scratch);
	if (error) {
		abandon(b, store);
		return error;
	}
	publish(b);
	b->wirelen = wirelen;
	b->dirty = false;
	set->touched = true;
	return 0;
}

void blocks_tell(const struct set *set, const struct store *store, struct gen_scratch *scratch,
                 struct x86 *a, const struct gen_listener *listener)
{
	uint32_t at = 0;

	for (const struct block *f = set->blocks.first; f; f = f->next) {
		const struct gen_place place = { .first = at == 0, .wirelen = set->blocks.wirelen,
			                         .on = f->next ? &f->on : NULL };

		emit(set, store, scratch, at, f->n, &place, a, listener);
		at += f->n;
	}
}

void blocks_reclaim(struct blocks *b, struct store *store) { release(b, store, &b->retired); }

void blocks_destroy(struct blocks *b, struct store *store)
{
	release(b, store, &b->retired);
	release(b, store, &b->first);
}
