/* dpf/dpf.c - the classifier: filters in, one native function out (dpf/dpf.h).
 *
 * After a change the trie is built anew from all filters, and code for it generated in
 * fresh pages; the old code is retired until dpf_reclaim.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "dpf/dpf.h"
#include "dpf/bpf.h"
#include "dpf/filter.h"
#include "dpf/gen.h"
#include "dpf/interp.h"
#include "dpf/trie.h"

enum { RETIRED_MAX = 64, COLLECT_MAX = 128 };

typedef uint32_t collect_fn(const uint8_t *frame, uint32_t caplen, uint32_t wirelen,
                            uint32_t *ids, uint32_t max);

struct entry {
	uint8_t *bytes;   /* the filter, in pages of its own; NULL: free */
	uint32_t length, npages;
	uint32_t owner;
	uint16_t flags;
	bool retired;     /* deleted, its id not to be used before dpf_reclaim */
	bool has_program;
	struct x86_label program; /* while generating */
};

struct dpf {
	struct dpf_memory mem;
	struct entry *entry; /* [max_filters + 1]; 0 is not used */
	uint32_t max_filters, entry_pages, self_pages;
	size_t pages, max_pages; /* in use, and the bound */
	struct dpf_code code;
	dpf_fn *classify;
	collect_fn *all, *shared;
	struct dpf_code retired[RETIRED_MAX];
	uint32_t nretired;
	bool stale; /* a deletion found no memory for new code: ask the filters themselves */
	struct dpf_stats stats;
	struct path a, b; /* scratch */
};

static size_t pages_for(size_t bytes) { return (bytes + DPF_PAGE - 1) / DPF_PAGE; }

static void *take(struct dpf *d, size_t npages)
{
	if (npages > d->max_pages - d->pages)
		return NULL;
	void *p = d->mem.alloc(d->mem.ctx, npages);
	d->pages += p ? npages : 0;
	return p;
}

static void give(struct dpf *d, void *p, size_t npages)
{
	if (!p)
		return;
	d->mem.free(d->mem.ctx, p, npages);
	d->pages -= npages;
}

static bool take_code(struct dpf *d, struct dpf_code *c, size_t npages)
{
	if (npages > d->max_pages - d->pages || !d->mem.code_alloc(d->mem.ctx, c, npages))
		return false;
	d->pages += npages;
	return true;
}

static void give_code(struct dpf *d, const struct dpf_code *c)
{
	if (!c->npages)
		return;
	d->mem.code_free(d->mem.ctx, c);
	d->pages -= c->npages;
}

/* The filter of an entry that is in use. */
static struct filter_view view(const struct entry *e)
{
	struct filter_view f = { 0 };

	filter_decode(&f, e->bytes, e->length); /* it was valid when it came */
	return f;
}

/* Which filters a generated function is about. */
enum subset { EXCLUSIVE, EVERY, SHARED };

static bool in_subset(const struct entry *e, enum subset s)
{
	return e->bytes && (s == EVERY || (s == SHARED) == !!(e->flags & FILTER_SHARED));
}

/* Bounds of a trie of all filters. */
struct size {
	uint32_t nodes, accepts, insns;
};

static void measure_filter(struct dpf *d, const struct entry *e, struct size *size)
{
	struct filter_view f = view(e);
	const uint8_t *at = f.paths;

	for (uint32_t i = 0; i < f.npaths; i++) {
		at = filter_path(&d->a, at, f.priority);
		size->nodes += d->a.nbytes + d->a.ntests + 2u * d->a.nbases;
	}
	size->accepts += f.npaths + (f.ninsns > 0);
	size->insns += f.ninsns;
}

static struct size measure(struct dpf *d)
{
	struct size size = { .nodes = 1, .accepts = 1 };

	for (uint32_t i = 1; i <= d->max_filters; i++)
		if (d->entry[i].bytes)
			measure_filter(d, &d->entry[i], &size);
	return size;
}

/* What is needed while building; freed afterwards. */
struct work {
	struct size size;
	struct trie trie;
	struct trie_node *node;
	struct trie_accept *accept;
	uint32_t *members;
	struct bpf_mark *mark;
	size_t node_pages, accept_pages, member_pages, mark_pages;
};

static void work_free(struct dpf *d, struct work *w)
{
	give(d, w->node, w->node_pages);
	give(d, w->accept, w->accept_pages);
	give(d, w->members, w->member_pages);
	give(d, w->mark, w->mark_pages);
}

static int work_alloc(struct dpf *d, struct work *w)
{
	*w = (struct work){ .size = measure(d) };
	w->node_pages = pages_for(w->size.nodes * sizeof *w->node);
	w->accept_pages = pages_for(w->size.accepts * sizeof *w->accept);
	w->member_pages = pages_for(w->size.nodes * sizeof *w->members);
	w->mark_pages = pages_for(w->size.insns * sizeof *w->mark);
	w->node = take(d, w->node_pages);
	w->accept = take(d, w->accept_pages);
	w->members = take(d, w->member_pages);
	w->mark = w->mark_pages ? take(d, w->mark_pages) : NULL;
	if (w->node && w->accept && w->members && (w->mark || !w->mark_pages))
		return 0;
	work_free(d, w);
	return -E_NOMEM;
}

static void zero(void *p, size_t n)
{
	for (uint8_t *b = p; n; n--)
		*b++ = 0;
}

/* The trie has room for every path: its size was measured. */
static void add_filter(struct dpf *d, struct trie *t, uint32_t id)
{
	struct filter_view f = view(&d->entry[id]);
	const uint8_t *at = f.paths;

	for (uint32_t i = 0; i < f.npaths; i++) {
		at = filter_path(&d->a, at, f.priority);
		trie_add(t, &d->a, id);
	}
	if (f.ninsns) {
		filter_program_path(&d->a, f.priority);
		trie_add(t, &d->a, id);
	}
}

static void build(struct dpf *d, struct work *w, enum subset s)
{
	zero(&w->node[0], sizeof w->node[0]);
	trie_init(&w->trie, w->node, w->size.nodes, w->accept, w->size.accepts);
	for (uint32_t i = 1; i <= d->max_filters; i++)
		if (in_subset(&d->entry[i], s))
			add_filter(d, &w->trie, i);
}

static struct x86_label *program_of(void *ctx, uint32_t filter)
{
	struct dpf *d = ctx;

	return &d->entry[filter].program;
}

static void gen_programs(struct dpf *d, struct work *w, struct x86 *a)
{
	for (uint32_t i = 1; i <= d->max_filters; i++) {
		struct entry *e = &d->entry[i];

		if (!e->bytes || !e->has_program)
			continue;
		struct filter_view f = view(e);
		zero(w->mark, f.ninsns * sizeof *w->mark);
		e->program = (struct x86_label){ 0 };
		x86_bind(a, &e->program);
		bpf_compile(a, &f, w->mark);
	}
}

/* Offsets of the three functions. */
struct entries {
	uint32_t classify, all, shared;
};

static struct entries gen_all(struct dpf *d, struct work *w, struct x86 *a)
{
	struct entries e;

	gen_programs(d, w, a);
	build(d, w, EXCLUSIVE);
	e.classify = gen_trie(a, &w->trie, GEN_BEST, w->members, program_of, d);
	build(d, w, EVERY);
	e.all = gen_trie(a, &w->trie, GEN_COLLECT, w->members, program_of, d);
	build(d, w, SHARED);
	e.shared = gen_trie(a, &w->trie, GEN_COLLECT, w->members, program_of, d);
	return e;
}

static void *at(const struct dpf_code *c, uint32_t offset) { return c->exec + offset; }

static void publish(struct dpf *d, const struct dpf_code *c, const struct entries *e)
{
	d->mem.code_seal(d->mem.ctx, c);
	if (d->code.npages)
		d->retired[d->nretired++] = d->code;
	d->code = *c;
	__builtin_memcpy(&d->classify, &(void *){ at(c, e->classify) }, sizeof(void *));
	__builtin_memcpy(&d->all, &(void *){ at(c, e->all) }, sizeof(void *));
	__builtin_memcpy(&d->shared, &(void *){ at(c, e->shared) }, sizeof(void *));
	d->stats.generated++;
	d->stale = false;
}

/* Code of nodes and accepts, by a guess that is doubled until it is enough. */
static int generate(struct dpf *d, struct work *w)
{
	size_t npages = 1 + pages_for(48u * w->size.nodes + 64u * w->size.accepts);
	struct dpf_code c;

	for (;; npages *= 2) {
		struct x86 a;

		if (!take_code(d, &c, npages))
			return -E_NOMEM;
		x86_init(&a, c.write, npages * DPF_PAGE);
		struct entries e = gen_all(d, w, &a);
		if (!a.full) {
			d->stats.code_bytes = x86_here(&a);
			publish(d, &c, &e);
			return 0;
		}
		give_code(d, &c);
	}
}

static int rebuild(struct dpf *d)
{
	struct work w;

	if (d->nretired == RETIRED_MAX || work_alloc(d, &w) < 0)
		return -E_NOMEM;
	int error = generate(d, &w);
	work_free(d, &w);
	return error;
}

int dpf_create(struct dpf **out, const struct dpf_memory *mem, uint32_t max_filters,
               size_t max_pages, uint64_t seed)
{
	size_t self = pages_for(sizeof(struct dpf));
	size_t entries = pages_for((max_filters + 1ull) * sizeof(struct entry));

	(void)seed; /* no table is hashed */
	if (max_filters == 0 || max_filters > DPF_FILTERS_MAX)
		return -E_INVAL;
	struct dpf *d = self <= max_pages ? mem->alloc(mem->ctx, self) : NULL;
	if (!d)
		return -E_NOMEM;
	d->mem = *mem;
	d->max_filters = max_filters;
	d->max_pages = max_pages;
	d->pages = d->self_pages = (uint32_t)self;
	d->entry = take(d, entries);
	d->entry_pages = (uint32_t)entries;
	if (!d->entry || rebuild(d) < 0) {
		dpf_destroy(d);
		return -E_NOMEM;
	}
	*out = d;
	return 0;
}

static void drop(struct dpf *d, struct entry *e)
{
	give(d, e->bytes, e->npages);
	*e = (struct entry){ 0 };
}

void dpf_destroy(struct dpf *d)
{
	for (uint32_t i = 1; d->entry && i <= d->max_filters; i++)
		drop(d, &d->entry[i]);
	dpf_reclaim(d);
	give_code(d, &d->code);
	give(d, d->entry, d->entry_pages);
	struct dpf_memory mem = d->mem;
	mem.free(mem.ctx, d, d->self_pages);
}

static bool dominates(const struct dpf_dominance *may, uint32_t id)
{
	if (!may || may->count == DPF_ALL)
		return may;
	for (uint32_t i = 0; i < may->count; i++)
		if (may->ids[i] == id)
			return true;
	return false;
}

/* May a new path p stand beside path q of filter id? */
static bool path_may(const struct path *p, const struct path *q, uint32_t id,
                     const struct dpf_dominance *may)
{
	unsigned r = path_relate(p, q);

	if (r == PATH_DISJOINT || q->priority > p->priority)
		return true;
	if (p->priority > q->priority)
		return dominates(may, id);
	if (!(r & PATH_IMPLIES) == !(r & PATH_IMPLIED))
		return false; /* equal, or neither is above the other */
	return r & PATH_IMPLIED || dominates(may, id);
}

/* d->a against every path of filter id. */
static bool may_join(struct dpf *d, uint32_t id, const struct dpf_dominance *may,
                     uint32_t *work)
{
	struct filter_view f = view(&d->entry[id]);
	const uint8_t *at = f.paths;

	for (uint32_t i = 0; i < f.npaths; i++, (*work)++) {
		at = filter_path(&d->b, at, f.priority);
		if (!path_may(&d->a, &d->b, id, may))
			return false;
	}
	if (!f.ninsns)
		return true;
	filter_program_path(&d->b, f.priority);
	return path_may(&d->a, &d->b, id, may);
}

/* d->a against all filters. */
static int check_path(struct dpf *d, const struct dpf_dominance *may, uint32_t *work,
                      uint32_t *conflict)
{
	for (uint32_t id = 1; id <= d->max_filters; id++) {
		if (!in_subset(&d->entry[id], EXCLUSIVE))
			continue;
		if (!may_join(d, id, may, work)) {
			*conflict = id;
			return -E_OVERLAP;
		}
		if (*work > DPF_WORK_MAX)
			return -E_LIMIT;
	}
	return 0;
}

static int check_overlap(struct dpf *d, const struct filter_view *f,
                         const struct dpf_dominance *may, uint32_t *conflict)
{
	const uint8_t *at = f->paths;
	uint32_t work = 0;

	for (uint32_t i = 0; i < f->npaths; i++) {
		at = filter_path(&d->a, at, f->priority);
		int error = check_path(d, may, &work, conflict);
		if (error)
			return error;
	}
	if (!f->ninsns)
		return 0;
	filter_program_path(&d->a, f->priority);
	return check_path(d, may, &work, conflict);
}

static uint32_t free_id(const struct dpf *d)
{
	for (uint32_t id = 1; id <= d->max_filters; id++)
		if (!d->entry[id].bytes && !d->entry[id].retired)
			return id;
	return 0;
}

int dpf_check(const void *filter, size_t length)
{
	struct filter_view f;

	return filter_decode(&f, filter, length);
}

int dpf_insert(struct dpf *d, const void *filter, size_t length, uint32_t owner,
               const struct dpf_dominance *may, uint32_t *conflict)
{
	uint32_t unused, id;
	struct filter_view f;

	conflict = conflict ? conflict : &unused;
	*conflict = 0;
	int error = filter_decode(&f, filter, length);
	if (!error && !(f.flags & FILTER_SHARED))
		error = check_overlap(d, &f, may, conflict);
	if (error)
		return error;
	id = free_id(d);
	if (!id)
		return -E_NOSPC;
	struct entry *e = &d->entry[id];
	*e = (struct entry){ .length = (uint32_t)length, .npages = (uint32_t)pages_for(length),
		             .owner = owner, .flags = f.flags, .has_program = f.ninsns };
	e->bytes = take(d, e->npages);
	if (!e->bytes)
		return -E_NOMEM;
	__builtin_memcpy(e->bytes, filter, length);
	if (rebuild(d) < 0) {
		drop(d, e);
		return -E_NOMEM;
	}
	d->stats.filters++;
	d->stats.shared += f.flags & FILTER_SHARED;
	d->stats.paths += f.npaths + (f.ninsns > 0);
	d->stats.residual += f.ninsns > 0;
	return (int)id;
}

int dpf_delete(struct dpf *d, uint32_t id)
{
	if (id == 0 || id > d->max_filters || !d->entry[id].bytes)
		return -E_INVAL;
	struct entry old = d->entry[id], *e = &d->entry[id];
	struct filter_view f = view(&old);
	*e = (struct entry){ .retired = true };
	d->stale = rebuild(d) < 0;
	d->stats.filters--;
	d->stats.shared -= f.flags & FILTER_SHARED;
	d->stats.paths -= f.npaths + (f.ninsns > 0);
	d->stats.residual -= f.ninsns > 0;
	give(d, old.bytes, old.npages);
	return 0;
}

void dpf_reclaim(struct dpf *d)
{
	while (d->nretired)
		give_code(d, &d->retired[--d->nretired]);
	for (uint32_t i = 1; d->entry && i <= d->max_filters; i++)
		d->entry[i].retired = false;
	d->stale = d->stale && rebuild(d) < 0;
}

/* The winner, from the filters themselves: the highest rank, then the lowest id. */
static uint32_t ask_winner(const struct dpf *d, const uint8_t *frame, uint32_t caplen,
                           uint32_t wirelen)
{
	struct path scratch;
	uint64_t rank, best = 0;
	uint32_t winner = 0;

	for (uint32_t i = 1; i <= d->max_filters; i++) {
		if (!in_subset(&d->entry[i], EXCLUSIVE))
			continue;
		struct filter_view f = view(&d->entry[i]);
		if (interp_filter(&f, &scratch, frame, caplen, wirelen, &rank) &&
		    (!winner || rank > best)) {
			winner = i;
			best = rank;
		}
	}
	return winner;
}

uint32_t dpf_classify(const struct dpf *d, const uint8_t *frame, uint32_t caplen,
                      uint32_t wirelen)
{
	return d->stale ? ask_winner(d, frame, caplen, wirelen)
	                : d->classify(frame, caplen, wirelen);
}

void dpf_classify_burst(const struct dpf *d, const uint8_t *const frames[],
                        const uint32_t lens[], uint32_t n, uint32_t ids[])
{
	for (uint32_t i = 0; i < n; i++) {
		if (i + 1 < n)
			__builtin_prefetch(frames[i + 1]);
		ids[i] = dpf_classify(d, frames[i], lens[i], lens[i]);
	}
}

/* Each id once. */
static uint32_t unique(const uint32_t *from, uint32_t n, uint32_t ids[], uint32_t max)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = 0;

		while (j < i && from[j] != from[i])
			j++;
		if (j < i)
			continue;
		if (count < max)
			ids[count] = from[i];
		count++;
	}
	return count;
}

/* More than the buffer holds accept: ask each filter. */
static uint32_t ask_each(const struct dpf *d, enum subset s, const uint8_t *frame,
                         uint32_t caplen, uint32_t wirelen, uint32_t ids[], uint32_t max)
{
	uint32_t count = 0;
	uint64_t rank;
	struct path scratch;

	for (uint32_t i = 1; i <= d->max_filters; i++) {
		if (!in_subset(&d->entry[i], s))
			continue;
		struct filter_view f = view(&d->entry[i]);
		if (!interp_filter(&f, &scratch, frame, caplen, wirelen, &rank))
			continue;
		if (count < max)
			ids[count] = i;
		count++;
	}
	return count;
}

static uint32_t match(const struct dpf *d, collect_fn *fn, enum subset s,
                      const uint8_t *frame, uint32_t caplen, uint32_t wirelen,
                      uint32_t ids[], uint32_t max)
{
	uint32_t found[COLLECT_MAX];
	uint32_t n = d->stale ? 0 : fn(frame, caplen, wirelen, found, COLLECT_MAX);

	return n <= COLLECT_MAX && !d->stale ? unique(found, n, ids, max)
	                        : ask_each(d, s, frame, caplen, wirelen, ids, max);
}

uint32_t dpf_match_set(const struct dpf *d, const uint8_t *frame, uint32_t caplen,
                       uint32_t wirelen, uint32_t ids[], uint32_t max)
{
	return match(d, d->all, EVERY, frame, caplen, wirelen, ids, max);
}

uint32_t dpf_match_shared(const struct dpf *d, const uint8_t *frame, uint32_t caplen,
                          uint32_t wirelen, uint32_t ids[], uint32_t max)
{
	if (d->stats.shared == 0)
		return 0;
	return match(d, d->shared, SHARED, frame, caplen, wirelen, ids, max);
}

uint32_t dpf_owner(const struct dpf *d, uint32_t id)
{
	return id && id <= d->max_filters && d->entry[id].bytes ? d->entry[id].owner : 0;
}

uint32_t dpf_charge(const struct dpf *d, uint32_t id)
{
	return id && id <= d->max_filters ? d->entry[id].npages * DPF_PAGE : 0;
}

void dpf_stats(const struct dpf *d, struct dpf_stats *out)
{
	*out = d->stats;
	out->code_pages = d->code.npages;
	out->data_pages = d->pages - d->code.npages;
	for (uint32_t i = 0; i < d->nretired; i++)
		out->data_pages -= d->retired[i].npages;
}
