/* dpf/lower.c - see lower.h. Layer: leaf library.
 *
 * Every way through the program is walked with what the registers hold in symbols: a
 * constant, masked and shifted bytes of the frame, or a place in the frame. A jump on frame
 * bytes forks, and adds a test to the path. Then tests are dropped that say only "and not
 * by another path", which libpcap's programs are full of.
 *
 * Of a program that asks what paths cannot say, one way is walked: as long as only one side of each
 * jump may lead to acceptance, what that side asks is necessary.
 * SPDX-License-Identifier: ISC
 */
#include "dpf/lower.h"
#include "dpf/bpf.h"

enum kind { CONSTANT, LOADED, PLACE };

/* CONSTANT k; LOADED ((load & mask) << shift), shift < 0: to the right; PLACE base + k.
 * Low bits that a shift to the right loses are not in the mask. */
struct symbol {
	uint8_t kind, base, width;
	int8_t shift;
	uint16_t offset;
	uint32_t mask, k;
};

struct walk {
	const struct filter_view *f;
	struct lower_scratch *s;
	struct path *p;
	struct symbol a, x, m[BPF_SLOTS];
	uint32_t pc, work, nforks, used; /* forks known, and passed so far */
	bool gave_up;
	bool one_way; /* only where the other one never accepts */
};

enum outcome { GOES_ON, ACCEPTS, REJECTS, UNKNOWN };

static struct symbol constant(uint32_t k) { return (struct symbol){ .kind = CONSTANT, .k = k }; }

/* Bytes at place + k. */
static bool load(struct walk *w, struct symbol place, uint32_t k, unsigned width,
                 struct symbol *out)
{
	uint64_t offset = (uint64_t)place.k + k;

	if (place.kind == LOADED || offset > PATH_OFFSET_MAX)
		return false;
	*out = (struct symbol){ .kind = LOADED, .base = place.base, .width = (uint8_t)width,
		                .offset = (uint16_t)offset, .mask = path_ones(width) };
	path_need(w->p, place.base, (uint32_t)offset + width);
	return true;
}

/* place + v, as a base of its own */
static bool add_base(struct walk *w, struct symbol v, struct symbol place, struct symbol *out)
{
	const struct path_base b = { .parent = v.base, .width = v.width, .shift = v.shift,
		                     .offset = v.offset, .mask = v.mask };

	if (v.width != 1 && v.width != 2)
		return false;
	if (v.shift > FILTER_SHIFT_MAX || v.shift < -FILTER_SHIFT_MAX || v.base != place.base ||
	    place.kind == LOADED)
		return false;
	int i = path_add_base(w->p, &b);
	if (i < 0)
		return false;
	*out = (struct symbol){ .kind = PLACE, .base = (uint8_t)i, .k = place.k };
	return true;
}

static bool shift(struct symbol *v, int by)
{
	uint64_t top = v->mask;

	if (by < 0 && v->shift <= 0) {
		int lost = -(v->shift + by);

		if (lost > 31)
			return false;
		v->mask &= ~(uint32_t)((1ull << lost) - 1);
	} else if (by < 0) {
		return false;
	}
	if (v->shift + by > 31)
		return false;
	v->shift = (int8_t)(v->shift + by);
	return v->shift <= 0 || top << v->shift <= UINT32_MAX;
}

/* The bits of the load that k means after the shift. */
static uint32_t unshift(const struct symbol *v, uint32_t k)
{
	return v->shift >= 0 ? k >> v->shift : (uint32_t)((uint64_t)k << -v->shift);
}

static bool alu(struct walk *w, struct exo_bpf_insn in)
{
	struct symbol v = in.code & BPF_X ? w->x : constant(in.k);

	switch (in.code & BPF_OP) {
	case BPF_ADD:
		if (w->a.kind == LOADED)
			return add_base(w, w->a, v, &w->a);
		if (v.kind == LOADED)
			return add_base(w, v, w->a, &w->a);
		if (w->a.kind == PLACE && v.kind == PLACE)
			return false;
		v.k += w->a.k;
		if (w->a.kind == CONSTANT)
			w->a = v;
		w->a.k = v.k;
		return true;
	case BPF_AND:
		if (v.kind != CONSTANT || w->a.kind == PLACE)
			return false;
		w->a.k &= v.k;
		w->a.mask &= unshift(&w->a, v.k);
		return true;
	case BPF_LSH:
	case BPF_RSH:
		if (v.kind != CONSTANT || w->a.kind != LOADED || v.k > 31)
			return false;
		return shift(&w->a, (in.code & BPF_OP) == BPF_LSH ? (int)v.k : -(int)v.k);
	}
	return false;
}

static bool fetch(struct walk *w, struct exo_bpf_insn in)
{
	struct symbol v = { 0 }, *r = (in.code & BPF_CLASS) == BPF_LDX ? &w->x : &w->a;

	switch (in.code & BPF_MODE) {
	case BPF_IMM: *r = constant(in.k); return true;
	case BPF_MEM: *r = w->m[in.k]; return true;
	case BPF_LEN:
		*r = (struct symbol){ .kind = LOADED, .width = PATH_LEN, .mask = UINT32_MAX };
		return true;
	case BPF_ABS: return load(w, constant(0), in.k, bpf_width(in.code), r);
	case BPF_IND: return load(w, w->x, in.k, bpf_width(in.code), r);
	default: /* BPF_MSH */
		if (!load(w, constant(0), in.k, 1, &v))
			return false;
		v.mask = 0xf;
		v.shift = 2;
		return add_base(w, v, constant(0), r);
	}
}

/* What a jump on frame bytes asks: the test that holds when it is taken. Returns false
 * when it never is. */
static bool question(const struct symbol *v, unsigned op, uint32_t k, struct path_test *t)
{
	uint64_t lo = k, hi = op == BPF_JEQ ? k : UINT32_MAX;

	*t = (struct path_test){ .offset = v->offset, .base = v->base, .width = v->width,
		                 .mask = v->mask };
	if (op == BPF_JSET) {
		t->mask &= unshift(v, k);
		t->negate = 1; /* not in [0, 0] */
		return t->mask != 0;
	}
	lo += op == BPF_JGT;
	if (v->shift >= 0) {
		uint64_t step = (1ull << v->shift) - 1;

		if (op == BPF_JEQ && k & step)
			return false;
		lo = (lo + step) >> v->shift;
		hi >>= v->shift;
	} else {
		lo <<= -v->shift;
		hi = op == BPF_JEQ ? lo : UINT32_MAX;
	}
	hi = hi < v->mask ? hi : v->mask;
	if (lo > hi)
		return false;
	t->lo = (uint32_t)lo;
	t->hi = (uint32_t)hi;
	return true;
}

/* Which way, this time? Ways not walked yet begin with the jump taken. */
static bool fork(struct walk *w)
{
	if (w->used == w->nforks) {
		if (w->nforks == LOWER_FORKS) {
			w->gave_up = true;
			return false;
		}
		w->s->fork[w->nforks++] = 1;
	}
	return w->s->fork[w->used++];
}

/* The only side of a jump from which the program may accept; gives up where both do. */
static bool needed_side(struct walk *w, struct exo_bpf_insn in)
{
	bool taken = w->s->may_accept[w->pc + in.jt], not = w->s->may_accept[w->pc + in.jf];

	w->gave_up |= taken == not;
	return taken;
}

static bool decide(unsigned op, uint32_t a, uint32_t k)
{
	return op == BPF_JEQ ? a == k : op == BPF_JGT ? a > k : op == BPF_JGE ? a >= k : a & k;
}

static enum outcome jump(struct walk *w, struct exo_bpf_insn in)
{
	struct symbol k = in.code & BPF_X ? w->x : constant(in.k);
	unsigned op = in.code & BPF_OP;
	struct path_test t;
	bool taken;

	if (op == BPF_JA) {
		w->pc += in.k;
		return in.k >= 0x80000000 ? UNKNOWN : GOES_ON;
	}
	if (in.jt == in.jf) {
		w->pc += in.jt;
		return GOES_ON;
	}
	if (k.kind != CONSTANT || w->a.kind == PLACE)
		return UNKNOWN;
	if (w->a.kind == CONSTANT) {
		taken = decide(op, w->a.k, k.k);
	} else if (!question(&w->a, op, k.k, &t)) {
		taken = false;
	} else {
		taken = w->one_way ? needed_side(w, in) : fork(w);
		t.negate ^= !taken;
		if (w->gave_up || path_add(w->p, &t) < 0)
			return UNKNOWN;
	}
	w->pc += taken ? in.jt : in.jf;
	return w->p->never ? REJECTS : GOES_ON;
}

static enum outcome known(bool yes) { return yes ? GOES_ON : UNKNOWN; }

static enum outcome step(struct walk *w, struct exo_bpf_insn in)
{
	switch (in.code & BPF_CLASS) {
	case BPF_LD:
	case BPF_LDX: return known(fetch(w, in));
	case BPF_ST: w->m[in.k] = w->a; return GOES_ON;
	case BPF_STX: w->m[in.k] = w->x; return GOES_ON;
	case BPF_ALU: return known(alu(w, in));
	case BPF_JMP: return jump(w, in);
	case BPF_RET:
		if (!(in.code & BPF_A))
			return in.k ? ACCEPTS : REJECTS;
		if (w->a.kind != CONSTANT)
			return UNKNOWN;
		return w->a.k ? ACCEPTS : REJECTS;
	default: /* BPF_MISC */
		if (in.code & BPF_TXA) {
			w->a = w->x;
			return GOES_ON;
		}
		if (w->a.kind == LOADED)
			return known(add_base(w, w->a, constant(0), &w->x));
		w->x = w->a;
		return GOES_ON;
	}
}

/* One way through, as s->fork says. */
static enum outcome walk(struct walk *w, uint16_t priority)
{
	enum outcome o = GOES_ON;

	path_init(w->p, priority);
	w->a = w->x = constant(0);
	for (int i = 0; i < BPF_SLOTS; i++)
		w->m[i] = constant(0);
	w->pc = w->used = 0;
	while (o == GOES_ON) {
		struct exo_bpf_insn in = filter_insn(w->f, w->pc++);

		o = ++w->work > LOWER_WORK ? UNKNOWN : step(w, in);
	}
	path_finish(w->p);
	return o == ACCEPTS && w->p->never ? REJECTS : o;
}

/* The next way: the last jump that was taken is not. False: there is none. */
static bool next_way(struct walk *w)
{
	w->nforks = w->used; /* a way that ended early knows no more */
	while (w->nforks && !w->s->fork[w->nforks - 1])
		w->nforks--;
	if (!w->nforks)
		return false;
	w->s->fork[w->nforks - 1] = 0;
	return true;
}

/* Does q imply one of the paths, other than number i? */
static bool implies_another(const struct lower_scratch *s, uint32_t n, uint32_t i,
                            const struct path *q, uint32_t *work)
{
	for (uint32_t j = 0; j < n; j++)
		if (j != i && ++*work < LOWER_RELATE && path_relate(q, &s->path[j]) & PATH_IMPLIES)
			return true;
	return false;
}

static void without(struct path *q, const struct path *p, unsigned t)
{
	*q = *p;
	q->ntests--;
	for (unsigned i = t; i < q->ntests; i++)
		q->test[i] = q->test[i + 1];
}

/* Test t of path i may go when what it keeps out comes in by another path anyway. */
static bool is_needless(struct lower_scratch *s, uint32_t n, uint32_t i, unsigned t,
                        uint32_t *work)
{
	struct path_test other = s->path[i].test[t];

	without(&s->a, &s->path[i], t);
	s->b = s->a;
	other.negate ^= 1;
	if (path_add(&s->b, &other) < 0)
		return false;
	path_finish(&s->b);
	return s->b.never || implies_another(s, n, i, &s->b, work);
}

static uint32_t simplify(struct lower_scratch *s, uint32_t n)
{
	uint32_t work = 0;

	for (uint32_t i = 0; i < n; i++)
		for (unsigned t = 0; t < s->path[i].ntests;) {
			if (!is_needless(s, n, i, t, &work)) {
				t++;
				continue;
			}
			s->path[i] = s->a;
			path_finish(&s->path[i]);
			t = 0;
		}
	for (uint32_t i = 0; i < n;) {
		if (!implies_another(s, n, i, &s->path[i], &work)) {
			i++;
			continue;
		}
		s->path[i] = s->path[--n];
	}
	return n;
}

struct writer {
	uint8_t *at;
	struct exo_path head;
	uint32_t reach[PATH_BASES]; /* bytes that the atoms so far ask for */
	bool full;
};

static void put(struct writer *w, unsigned base, struct exo_atom a)
{
	if (w->head.natoms == FILTER_ATOMS_MAX) {
		w->full = true;
		return;
	}
	__builtin_memcpy(w->at, &a, sizeof a);
	w->at += sizeof a;
	w->head.natoms++;
	if (a.offset + a.width > (int64_t)w->reach[base])
		w->reach[base] = a.offset + a.width;
}

/* Adjacent bytes as wide comparisons. */
static void put_bytes(struct writer *w, const struct path *p, unsigned base)
{
	for (unsigned i = 0, n; i < p->nbytes; i += n) {
		const struct path_byte *b = &p->byte[i];
		struct exo_atom a = { .op = FILTER_IN, .offset = b->offset };

		n = 1;
		if (b->base != base)
			continue;
		while (n < 4 && i + n < p->nbytes && b[n].base == base &&
		       b[n].offset == b->offset + n)
			n++;
		n = n == 3 ? 2 : n;
		for (unsigned k = 0; k < n; k++) {
			a.mask = a.mask << 8 | b[k].mask;
			a.lo = a.lo << 8 | b[k].value;
		}
		a.width = (uint8_t)n;
		a.hi = a.lo;
		put(w, base, a);
	}
}

static void put_tests(struct writer *w, const struct path *p, unsigned base)
{
	for (unsigned i = 0; i < p->ntests; i++) {
		const struct path_test *t = &p->test[i];

		if (t->base == base)
			put(w, base, (struct exo_atom){ .op = t->negate ? FILTER_OUT : FILTER_IN,
			        .width = t->width, .offset = t->offset, .mask = t->mask,
			        .lo = t->lo, .hi = t->hi });
	}
}

/* Bases one after another: each must count from the one before. */
static bool put_path(struct writer *w, const struct path *p)
{
	uint8_t *start = w->at;

	w->head = (struct exo_path){ 0 };
	__builtin_memset(w->reach, 0, sizeof w->reach);
	w->at += sizeof w->head;
	for (unsigned base = 0; base < p->nbases; base++) {
		const struct path_base *b = &p->base[base];

		if (base && b->parent + 1u != base)
			return false;
		if (base)
			put(w, base - 1, (struct exo_atom){ .op = FILTER_SHIFT, .width = b->width,
			        .offset = b->offset, .mask = b->mask,
			        .lo = b->shift > 0 ? (uint32_t)b->shift : 0,
			        .hi = b->shift < 0 ? (uint32_t)-b->shift : 0 });
		put_bytes(w, p, base);
		put_tests(w, p, base);
		if (p->span[base] > w->reach[base]) /* must be there, whatever it is */
			put(w, base, (struct exo_atom){ .op = FILTER_IN, .width = 1,
			        .offset = (uint16_t)(p->span[base] - 1) });
		if (p->span[base] > PATH_OFFSET_MAX)
			return false;
	}
	__builtin_memcpy(start, &w->head, sizeof w->head);
	return !w->full;
}

static long put_filter(const struct filter_view *f, struct lower_scratch *s, uint32_t n)
{
	struct writer w = { .at = s->out + sizeof(struct exo_filter) };

	for (uint32_t i = 0; i < n; i++)
		if (!put_path(&w, &s->path[i]))
			return 0;
	struct exo_filter head = { .bytes = (uint32_t)(w.at - s->out), .priority = f->priority,
		                   .flags = f->flags, .npaths = (uint16_t)n };
	__builtin_memcpy(s->out, &head, sizeof head);
	return (long)head.bytes;
}

long lower_program(const struct filter_view *f, struct lower_scratch *s)
{
	struct walk w = { .f = f, .s = s };
	uint32_t n = 0;

	do {
		if (n == FILTER_PATHS_MAX)
			return 0;
		w.p = &s->path[n];
		enum outcome o = walk(&w, f->priority);
		if (o == UNKNOWN)
			return 0;
		n += o == ACCEPTS;
	} while (next_way(&w));
	n = simplify(s, n);
	return n ? put_filter(f, s, n) : 0;
}

static bool goes_back(struct exo_bpf_insn in)
{
	return in.code == (BPF_JMP | BPF_JA) && in.k >= 0x80000000;
}

/* Fill s->may_accept. Returns false when the program has loops. */
static bool find_acceptance(const struct filter_view *f, uint8_t *may)
{
	for (uint32_t i = f->ninsns; i-- > 0;) {
		struct exo_bpf_insn in = filter_insn(f, i);
		unsigned class = in.code & BPF_CLASS;

		if (goes_back(in))
			return false;
		if (class == BPF_RET)
			may[i] = in.code & BPF_A || in.k;
		else if (class != BPF_JMP)
			may[i] = may[i + 1];
		else if ((in.code & BPF_OP) == BPF_JA)
			may[i] = may[i + 1 + in.k];
		else
			may[i] = may[i + 1 + in.jt] | may[i + 1 + in.jf];
	}
	return true;
}

/* Is A loaded from here on before anything looks at it? */
static bool forgets_a(const struct filter_view *f, uint32_t i)
{
	while ((filter_insn(f, i).code & BPF_CLASS) == BPF_LDX)
		i++;
	return (filter_insn(f, i).code & BPF_CLASS) == BPF_LD;
}

/* Would the program go on from here in the same way if it began here? X and the scratch memory
 * are as at the beginning. */
static bool may_begin(const struct walk *w, bool stored)
{
	return !stored && w->x.kind == CONSTANT && w->x.k == 0 && forgets_a(w->f, w->pc);
}

uint32_t lower_prefix(const struct filter_view *f, struct lower_scratch *s, struct path *p)
{
	struct walk w = { .f = f, .s = s, .p = &s->a, .one_way = true };
	enum outcome o = GOES_ON;
	bool stored = false;
	uint32_t begin = 0;

	path_init(p, f->priority);
	path_init(w.p, f->priority);
	if (!find_acceptance(f, s->may_accept))
		return 0;
	w.a = w.x = constant(0);
	for (int i = 0; i < BPF_SLOTS; i++)
		w.m[i] = constant(0);
	while (o == GOES_ON) {
		struct exo_bpf_insn in = filter_insn(f, w.pc);
		unsigned class = in.code & BPF_CLASS;

		if (may_begin(&w, stored)) {
			begin = w.pc;
			*p = *w.p; /* what was loaded was captured */
		}
		w.pc++;
		stored |= class == BPF_ST || class == BPF_STX;
		o = step(&w, in);
		if (o == GOES_ON && class == BPF_JMP)
			*p = *w.p;
	}
	return begin;
}
