/* dpf/dpf.c - the classifier: filters in, native functions out (dpf/dpf.h).
 *
 * Exclusive filters and shared ones are two sets of shapes (dpf/set.h) with a function each.
 * Of a filter only the canonical form is kept: its paths, as members of their shapes, and the
 * program that could not be expanded. What a change retires waits for dpf_reclaim.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "dpf/dpf.h"
#include "dpf/bpf.h"
#include "dpf/filter.h"
#include "dpf/lower.h"
#include "dpf/overlap.h"
#include "dpf/set.h"

enum { FOUND_MAX = 128 };

typedef uint32_t winner_fn(const struct dpf *d, const uint8_t *frame, uint32_t caplen,
                           uint32_t wirelen);

typedef uint32_t collect_fn(const uint8_t *frame, uint32_t caplen, uint32_t wirelen,
                            uint32_t *refs, uint32_t max);

typedef void burst_fn(const uint8_t *const frames[], const uint32_t lens[], uint32_t n,
                      uint32_t ids[]);

struct entry {
	uint32_t owner;
	uint32_t members; /* first of its list; retired: the next id */
	uint16_t flags;   /* FILTER_SHARED */
	uint16_t npaths;
	uint8_t state;
	uint8_t residual; /* number of its program; 0: none */
	uint16_t zero;
};

enum state { FREE, IN_USE, RETIRED, SPENT };

/* Machine code of a residual, and when nobody runs it any more, in a list. */
struct program {
	struct dpf_code code;
	struct program *next;
	uint32_t filter, npages, ninsns;
	struct exo_bpf_insn insn[]; /* for frames that the code cannot be asked about */
};

struct dpf {
	winner_fn *classify; /* the function of the exclusive filters, or ask_winner when it is stale */
	struct store store;
	struct entry *entry; /* [max_filters + 1]; 0 is not used */
	uint32_t max_filters, entry_pages, self_pages;
	uint32_t fresh, free_ids, retired_ids; /* never used so far; lists */
	uint32_t retired_members;
	struct program *programs, *retired_programs;
	struct set exclusive, shared;
	struct dpf_stats stats;
	struct path a, b; /* scratch */
	struct path residual; /* of the filter that is being inserted */
	struct gen_scratch scratch;
};

static winner_fn ask_winner;

/* Make a set's function anew, where it must be. -E_NOMEM: readers do without it. */
static int generate(struct dpf *d, struct set *set)
{
	int error = set_generate(set, &d->store, &d->scratch);
	winner_fn *fn = ask_winner;

	if (!d->exclusive.stale) {
		const uint8_t *code = d->exclusive.blocks.entry + GEN_FUNCTION;

		__builtin_memcpy(&fn, &code, sizeof fn);
	}
	__atomic_store_n(&d->classify, fn, __ATOMIC_RELEASE);
	return error;
}

int dpf_create(struct dpf **out, const struct dpf_memory *mem, uint32_t max_filters,
               size_t max_pages, uint64_t seed)
{
	size_t self = pages_for(sizeof(struct dpf));
	size_t entries = pages_for((max_filters + 1ull) * sizeof(struct entry));

	if (max_filters == 0 || max_filters > DPF_FILTERS_MAX)
		return -E_INVAL;
	struct dpf *d = self <= max_pages ? mem->alloc(mem->ctx, self) : NULL;
	if (!d)
		return -E_NOMEM;
	d->self_pages = (uint32_t)self;
	d->max_filters = max_filters;
	d->fresh = 1;
	set_init(&d->exclusive, false, seed);
	set_init(&d->shared, true, ~seed);
	d->store.pages = self;
	int error = store_init(&d->store, mem, max_pages);
	d->entry = error ? NULL : store_take(&d->store, entries);
	d->entry_pages = (uint32_t)entries;
	if (!d->entry || generate(d, &d->exclusive) < 0) {
		dpf_destroy(d);
		return -E_NOMEM;
	}
	*out = d;
	return 0;
}

static void free_programs(struct dpf *d, struct program **list)
{
	while (*list) {
		struct program *p = *list;

		*list = p->next;
		store_give_code(&d->store, &p->code);
		store_give(&d->store, p, p->npages);
	}
}

void dpf_destroy(struct dpf *d)
{
	struct dpf_memory mem = d->store.mem;

	set_destroy(&d->exclusive, &d->store);
	set_destroy(&d->shared, &d->store);
	free_programs(d, &d->programs);
	free_programs(d, &d->retired_programs);
	store_give(&d->store, d->entry, d->entry_pages);
	store_destroy(&d->store);
	mem.free(mem.ctx, d, d->self_pages);
}

static struct set *set_of(struct dpf *d, bool shared)
{
	return shared ? &d->shared : &d->exclusive;
}

/* d->a against all exclusive filters that it may have to do with: it takes nothing from those of a
 * higher priority, and may take what it likes from lower ones where all are named. */
static int check_path(struct dpf *d, struct overlap *o)
{
	const struct set *set = &d->exclusive;
	const struct digest digest = digest_of(&d->a, NULL);
	uint32_t i = o->copies ? 0 : set_priority(set, d->a.priority), end = set->n;

	if (!o->copies && o->may && o->may->count == DPF_ALL && d->a.priority > 0)
		end = set_priority(set, d->a.priority - 1);
	for (; i < end && !d->a.never; i++) {
		int error = digest_excludes(&set->order[i].digest, &digest)
		                    ? 0
		                    : overlap_check(o, set->order[i].shape, &d->a);

		if (error)
			return error;
	}
	return 0;
}

static int check_overlap(struct dpf *d, const struct filter_view *f,
                         const struct dpf_dominance *may, uint32_t *conflict)
{
	bool shared = f->flags & FILTER_SHARED;
	struct overlap o = { .store = &d->store, .may = may, .scratch = &d->b, .copies = shared };
	const uint8_t *at = f->paths;
	int error = 0;

	if (shared && may && may->count == DPF_ALL)
		return 0;
	for (uint32_t i = 0; i < f->npaths && !error; i++) {
		at = filter_path(&d->a, at, f->priority);
		error = check_path(d, &o);
	}
	if (f->ninsns && !error) {
		d->a = d->residual;
		error = check_path(d, &o);
	}
	*conflict = error == -E_OVERLAP ? o.conflict : 0;
	return error;
}

int dpf_check(const void *filter, size_t length)
{
	struct filter_view f;

	return filter_decode(&f, filter, length);
}

/* Keep and compile a residual. */
static struct program *new_program(struct dpf *d, const struct filter_view *f, uint32_t id)
{
	size_t bytes = f->ninsns * sizeof(struct exo_bpf_insn);
	size_t npages = pages_for(sizeof(struct program) + bytes);
	size_t mark_pages = pages_for(f->ninsns * sizeof(struct bpf_mark));
	struct program *p = store_take(&d->store, npages);
	struct bpf_mark *mark = store_take(&d->store, mark_pages);
	struct x86 a;

	if (!p || !mark ||
	    !store_take_code(&d->store, &p->code, pages_for(bpf_code_bound(f->ninsns)))) {
		store_give(&d->store, mark, mark_pages);
		store_give(&d->store, p, npages);
		return NULL;
	}
	x86_init(&a, p->code.write, p->code.npages * DPF_PAGE);
	bpf_compile(&a, f, d->residual.span[0], mark);
	d->store.mem.code_seal(d->store.mem.ctx, &p->code);
	store_give(&d->store, mark, mark_pages);
	p->filter = id;
	p->npages = (uint32_t)npages;
	p->ninsns = f->ninsns;
	__builtin_memcpy(p->insn, f->insns, bytes);
	p->next = d->programs;
	d->programs = p;
	return p;
}

static struct program *program_of(const struct dpf *d, uint32_t id)
{
	struct program *p = d->programs;

	while (p && p->filter != id)
		p = p->next;
	return p;
}

/* d->a becomes a member of the filter, unless no frame can satisfy it. */
static int add_path(struct dpf *d, uint32_t id, const uint8_t *code)
{
	struct entry *e = &d->entry[id];
	uint32_t ref;

	if (d->a.never)
		return 0;
	int error = set_add(set_of(d, e->flags), &d->store, &d->a, id, code, &ref);
	if (ref) {
		member_at(&d->store, ref)->next = e->members;
		e->members = ref;
	}
	return error;
}

static int add_paths(struct dpf *d, uint32_t id, const struct filter_view *f)
{
	const uint8_t *at = f->paths;
	bool only = f->npaths == 1 && !f->ninsns && !(f->flags & FILTER_SHARED);
	int error = 0;

	for (uint32_t i = 0; i < f->npaths && !error; i++) {
		if (!only) /* else check_overlap left it in d->a */
			at = filter_path(&d->a, at, f->priority);
		error = add_path(d, id, NULL);
	}
	if (!f->ninsns || error)
		return error;
	struct program *p = new_program(d, f, id);
	if (!p)
		return -E_NOMEM;
	d->a = d->residual;
	return add_path(d, id, p->code.exec);
}

static void retire_program(struct dpf *d, uint32_t id)
{
	struct program **at = &d->programs;

	while (*at && (*at)->filter != id)
		at = &(*at)->next;
	struct program *p = *at;
	if (!p)
		return;
	*at = p->next;
	p->next = d->retired_programs;
	d->retired_programs = p;
}

/* Take out what the filter has. */
static void remove_paths(struct dpf *d, uint32_t id)
{
	struct entry *e = &d->entry[id];

	for (uint32_t ref = e->members, next; ref; ref = next) {
		struct member *m = member_at(&d->store, ref);

		next = m->next;
		set_remove(set_of(d, e->flags), &d->store, ref);
		m->link = d->retired_members;
		d->retired_members = ref;
	}
	retire_program(d, id);
}

static uint32_t new_id(struct dpf *d)
{
	uint32_t id = d->free_ids;

	if (id)
		d->free_ids = d->entry[id].members;
	else if (d->fresh <= d->max_filters)
		id = d->fresh++;
	return id;
}

static void put_id(struct dpf *d, uint32_t id, uint32_t *list, enum state state)
{
	d->entry[id] = (struct entry){ .members = *list, .state = (uint8_t)state };
	*list = id;
}

/* Every check is done: make the filter's paths members, and the code if it must be. */
static int commit(struct dpf *d, uint32_t id, const struct filter_view *f)
{
	struct set *set = set_of(d, f->flags & FILTER_SHARED);
	int error = add_paths(d, id, f);

	if (!error)
		error = generate(d, set);
	if (!error)
		return 0;
	remove_paths(d, id);
	generate(d, set);
	return error;
}

static int insert(struct dpf *d, const struct filter_view *f, uint32_t owner,
                  const struct dpf_dominance *may, uint32_t *conflict)
{
	bool shared = f->flags & FILTER_SHARED;
	int error = check_overlap(d, f, may, conflict);
	uint32_t id = error ? 0 : new_id(d);

	if (error)
		return error;
	if (!id)
		return -E_NOSPC;
	d->entry[id] = (struct entry){ .owner = owner, .flags = f->flags & FILTER_SHARED,
		                       .npaths = (uint16_t)(f->npaths + (f->ninsns > 0)),
		                       .residual = f->ninsns > 0, .state = IN_USE };
	error = commit(d, id, f);
	if (error) {
		put_id(d, id, &d->retired_ids, RETIRED);
		return error;
	}
	d->stats.filters++;
	d->stats.shared += shared;
	d->stats.paths += f->npaths + (f->ninsns > 0);
	d->stats.residual += f->ninsns > 0;
	return (int)id;
}

/* The path that stands for f's program, with what the program asks first; f's program is then the
 * rest. Its rank is still that of a path which asks nothing: whatever is not a program goes before
 * it. s may be NULL: no memory. */
static void find_residual(struct dpf *d, struct filter_view *f, struct lower_scratch *s)
{
	uint32_t begin = 0;

	filter_program_path(&d->residual, f->priority);
	uint64_t rank = d->residual.rank;
	if (s)
		begin = lower_prefix(f, s, &d->residual);
	d->residual.residual = true;
	path_finish(&d->residual);
	d->residual.rank = rank;
	f->insns += begin * sizeof(struct exo_bpf_insn);
	f->ninsns -= begin;
}

int dpf_insert(struct dpf *d, const void *filter, size_t length, uint32_t owner,
               const struct dpf_dominance *may, uint32_t *conflict)
{
	uint32_t unused;
	struct filter_view f;

	conflict = conflict ? conflict : &unused;
	*conflict = 0;
	int error = filter_decode(&f, filter, length);
	if (error)
		return error;
	if (f.ninsns == 0)
		return insert(d, &f, owner, may, conflict);
	size_t npages = pages_for(sizeof(struct lower_scratch));
	struct lower_scratch *s = store_take(&d->store, npages);
	long lowered = s && !f.npaths ? lower_program(&f, s) : 0;
	if (lowered)
		filter_decode(&f, s->out, (size_t)lowered); /* valid: it was written so */
	else
		find_residual(d, &f, s);
	int id = insert(d, &f, owner, may, conflict);
	store_give(&d->store, s, npages);
	return id;
}

static bool in_use(const struct dpf *d, uint32_t id)
{
	return id && id <= d->max_filters && d->entry[id].state == IN_USE;
}

int dpf_delete(struct dpf *d, uint32_t id)
{
	if (!in_use(d, id))
		return -E_INVAL;
	struct entry *e = &d->entry[id];

	remove_paths(d, id);
	generate(d, set_of(d, e->flags));
	d->stats.filters--;
	d->stats.shared -= e->flags & FILTER_SHARED;
	d->stats.paths -= e->npaths;
	d->stats.residual -= e->residual;
	put_id(d, id, &d->retired_ids, RETIRED);
	return 0;
}

void dpf_spend(struct dpf *d, uint32_t id)
{
	uint32_t *at = &d->retired_ids;

	while (*at && *at != id)
		at = &d->entry[*at].members;
	if (!*at)
		return;
	*at = d->entry[id].members;
	d->entry[id] = (struct entry){ .state = SPENT };
}

static void refresh(struct dpf *d, struct set *set)
{
	set_reclaim(set, &d->store);
	if (set->stale && generate(d, set) == 0)
		set_reclaim(set, &d->store);
}

void dpf_reclaim(struct dpf *d)
{
	while (d->retired_members) {
		uint32_t ref = d->retired_members;

		d->retired_members = member_at(&d->store, ref)->link;
		store_free_member(&d->store, ref);
	}
	while (d->retired_ids) {
		uint32_t id = d->retired_ids;

		d->retired_ids = d->entry[id].members;
		put_id(d, id, &d->free_ids, FREE);
	}
	free_programs(d, &d->retired_programs);
	refresh(d, &d->exclusive);
	refresh(d, &d->shared);
}

/* Does the member of shape s that holds for the frame accept it? Its reference, or 0. */
static uint32_t ask(const struct dpf *d, const struct shape *s, const uint8_t *frame,
                    uint32_t caplen, uint32_t wirelen)
{
	uint32_t ref = shape_match(&d->store, s, frame, caplen, wirelen);
	struct filter_view f = { 0 };

	if (!ref || !s->filter)
		return ref;
	const struct program *p = program_of(d, s->filter);
	f.ninsns = p->ninsns;
	f.insns = (const uint8_t *)p->insn;
	return bpf_run(&f, frame, caplen, wirelen) ? ref : 0;
}

/* Without code: the shapes themselves, in their order. */
static uint32_t ask_winner(const struct dpf *d, const uint8_t *frame, uint32_t caplen,
                           uint32_t wirelen)
{
	for (uint32_t i = 0; i < d->exclusive.n; i++) {
		uint32_t ref = ask(d, d->exclusive.order[i].shape, frame, caplen, wirelen);

		if (ref)
			return member_at(&d->store, ref)->filter;
	}
	return 0;
}

uint32_t dpf_classify(const struct dpf *d, const uint8_t *frame, uint32_t caplen,
                      uint32_t wirelen)
{
	return d->classify(d, frame, caplen, wirelen);
}

void dpf_classify_burst(const struct dpf *d, const uint8_t *const frames[],
                        const uint32_t lens[], uint32_t n, uint32_t ids[])
{
	burst_fn *fn;

	/* all at once: there are no more than a processor has outstanding misses */
	for (uint32_t i = 0; i < n; i++)
		__builtin_prefetch(frames[i]);
	for (uint32_t i = 0; i < n && d->exclusive.stale; i++)
		ids[i] = ask_winner(d, frames[i], lens[i], lens[i]);
	if (n == 0 || d->exclusive.stale)
		return;
	__builtin_memcpy(&fn, &d->exclusive.blocks.entry, sizeof fn);
	fn(frames, lens, n, ids);
}

/* Ids found, each once: the first max of them are kept. */
struct found {
	const struct dpf *d;
	uint32_t *ids, max, n;
	uint32_t seen[FOUND_MAX];
};

static void note(struct found *f, uint32_t id)
{
	uint32_t kept = f->n < FOUND_MAX ? f->n : FOUND_MAX;

	for (uint32_t i = 0; i < kept; i++)
		if (f->seen[i] == id)
			return;
	for (uint32_t i = FOUND_MAX; i < f->n && i < f->max; i++)
		if (f->ids[i] == id)
			return;
	if (f->n < FOUND_MAX)
		f->seen[f->n] = id;
	if (f->n < f->max)
		f->ids[f->n] = id;
	f->n++;
}

static void note_all(struct found *f, uint32_t ref)
{
	for (; ref; ref = member_at(&f->d->store, ref)->same)
		note(f, member_at(&f->d->store, ref)->filter);
}

/* What a set's shapes say, one after another. */
static void ask_set(struct found *f, const struct set *set, const uint8_t *frame,
                    uint32_t caplen, uint32_t wirelen)
{
	for (uint32_t i = 0; i < set->n; i++)
		note_all(f, ask(f->d, set->order[i].shape, frame, caplen, wirelen));
}

static void run_shared(struct found *f, const uint8_t *frame, uint32_t caplen,
                       uint32_t wirelen)
{
	const struct set *set = &f->d->shared;
	uint32_t refs[FOUND_MAX], n;
	collect_fn *fn;

	if (set->n == 0)
		return;
	__builtin_memcpy(&fn, &set->blocks.entry, sizeof fn);
	n = set->stale ? FOUND_MAX + 1 : fn(frame, caplen, wirelen, refs, FOUND_MAX);
	if (n > FOUND_MAX) { /* more shapes than the buffer holds */
		ask_set(f, set, frame, caplen, wirelen);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		note_all(f, refs[i]);
}

uint32_t dpf_match_set(const struct dpf *d, const uint8_t *frame, uint32_t caplen,
                       uint32_t wirelen, uint32_t ids[], uint32_t max)
{
	struct found f;

	f.d = d, f.ids = ids, f.max = max, f.n = 0;
	ask_set(&f, &d->exclusive, frame, caplen, wirelen);
	run_shared(&f, frame, caplen, wirelen);
	return f.n;
}

uint32_t dpf_match_shared(const struct dpf *d, const uint8_t *frame, uint32_t caplen,
                          uint32_t wirelen, uint32_t ids[], uint32_t max)
{
	struct found f;

	f.d = d, f.ids = ids, f.max = max, f.n = 0;
	run_shared(&f, frame, caplen, wirelen);
	return f.n;
}

uint32_t dpf_owner(const struct dpf *d, uint32_t id)
{
	return in_use(d, id) ? d->entry[id].owner : 0;
}

/* A record, its part of a table, and its part of the shape when it is the only one. */
static uint32_t charge_member(const struct set *set, const struct member *m)
{
	const struct shape *s = set->by_index[m->shape];
	uint32_t bytes = m->units * (uint32_t)MEMBER_UNIT;

	if (s->table)
		bytes += s->table->npages * DPF_PAGE / (s->table->n + 1);
	return bytes;
}

uint32_t dpf_charge(const struct dpf *d, uint32_t id)
{
	if (!in_use(d, id))
		return 0;
	const struct entry *e = &d->entry[id];
	const struct set *set = e->flags ? &d->shared : &d->exclusive;
	const struct program *p = e->residual ? program_of(d, id) : NULL;
	uint32_t bytes = sizeof *e;

	for (uint32_t ref = e->members; ref; ref = member_at(&d->store, ref)->next)
		bytes += charge_member(set, member_at(&d->store, ref));
	return bytes + (p ? (p->npages + (uint32_t)p->code.npages) * DPF_PAGE : 0);
}

static void count(const struct set *set, struct dpf_stats *out)
{
	out->shapes += set->n;
	out->generated += set->blocks.generated;
	out->emitted += set->blocks.emitted;
	out->rekeyed += set->rekeyed;
	for (const struct block *b = set->blocks.first; b; b = b->next) {
		out->code_bytes += b->bytes;
		out->code_pages += b->code.npages;
	}
	for (const struct block *b = set->blocks.retired; b; b = b->next)
		out->code_pages += b->code.npages;
	for (uint32_t i = 0; i < set->n; i++)
		out->tables += set->order[i].shape->table != NULL;
}

uint32_t dpf_tell(struct dpf *d, bool shared, uint8_t *code, size_t room,
                  const struct gen_listener *listener)
{
	return set_tell(set_of(d, shared), &d->store, &d->scratch, code, room, listener);
}

void dpf_stats(const struct dpf *d, struct dpf_stats *out)
{
	*out = d->stats;
	count(&d->exclusive, out);
	count(&d->shared, out);
	for (const struct program *p = d->programs; p; p = p->next)
		out->code_pages += p->code.npages;
	for (const struct program *p = d->retired_programs; p; p = p->next)
		out->code_pages += p->code.npages;
	out->data_pages = d->store.pages - out->code_pages;
}
