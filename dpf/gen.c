/* dpf/gen.c - shapes as machine code (dpf/gen.h).
 *
 *   rdi  frame       r13  COLLECT: refs
 *   rsi  caplen      r14  COLLECT: max
 *   r9   wirelen     r15  COLLECT: how many
 *   rax, rcx, rdx, r10, r11 temporaries
 *   r8, rbx, rbp, r12: bases 1 to 4, in bytes from the frame
 *
 * A decision tree over the shapes' constants, made as it is emitted, in pre-order. At each
 * step the first shape says what is asked next; the run of shapes behind it that ask the
 * same share the answer. A test that fails jumps behind the run. What is left to
 * a shape alone, its key, is looked up at the leaf.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "dpf/gen.h"
#include "dpf/table.h"

enum { LINEAR_MAX = 3, ALWAYS = 0xff };

struct gen {
	struct x86 *a;
	const struct store *store;
	struct shape **order;
	struct gen_scratch *s;
	struct gen_level *l; /* the current one */
	enum gen_mode mode;
	uint32_t depth;
	bool save, wirelen; /* registers to save; r9 is needed */
	const struct gen_listener *listener;
	struct x86_label inner, exit; /* the function, its arguments in place */
};

static const enum x86_gpr base_register[PATH_BASES] = { RDI, R8, RBX, RBP, R12 };
static const enum x86_gpr saved[] = { RBX, RBP, R12, R13, R14, R15 };
enum { NSAVED = sizeof saved / sizeof *saved };

static struct x86_mem at(unsigned base, int32_t offset)
{
	return base ? x86_indexed(RDI, base_register[base], 0, offset) : x86_at(RDI, offset);
}

static enum x86_size size_of(unsigned width)
{
	return width == 1 ? X86_8 : width == 2 ? X86_16 : width == 4 ? X86_32 : X86_64;
}

/* The mark of what is dealt with at this depth. */
static uint8_t mark(const struct gen *g) { return (uint8_t)(g->depth + 1); }
_Static_assert((int)GEN_LEVELS < (int)ALWAYS, "a level's mark fits");

/* Tell the listener about a piece of the code for order[from, to), which begins here unless
 * n says where. */
static void tell(struct gen *g, uint32_t from, uint32_t to, struct gen_note n)
{
	if (!g->listener)
		return;
	n.code = n.code ? n.code : x86_here(g->a);
	n.depth += 2 * g->depth;
	n.shapes = g->order + from;
	n.nshapes = to - from;
	g->listener->hears(g->listener->ctx, g->store, &n);
}

/* The shape's own number of the base that the code keeps as `base`, or PATH_BASES. */
static unsigned own_base(const struct shape *s, unsigned base)
{
	for (unsigned i = 0; i < s->form.nbases; i++)
		if (s->base_done[i] && s->base_at[i] == base)
			return i;
	return PATH_BASES;
}

/* The index of s's constant at (base, offset) under mask that is still to be asked for, or
 * PATH_BYTES. */
static unsigned constant(const struct shape *s, unsigned base, unsigned offset, unsigned mask)
{
	unsigned own = own_base(s, base);
	unsigned i = own == PATH_BASES ? s->form.nbytes : path_find(&s->form, own, offset);

	return i < s->form.nbytes && !s->open[i] && !s->byte_done[i] &&
	                       s->form.byte[i].mask == mask
	               ? i
	               : PATH_BYTES;
}

/* Jump to `fail` unless `need` bytes from base on were captured. */
static void check_span(struct gen *g, uint32_t *known, unsigned base, uint32_t need,
                       struct x86_label *fail)
{
	if (need <= known[base])
		return;
	if (base) {
		x86_lea(g->a, X86_64, R11, x86_at(base_register[base], (int32_t)need));
		x86_alu(g->a, X86_64, X86_CMP, RSI, R11);
	} else {
		x86_alu_imm(g->a, X86_64, X86_CMP, RSI, (int32_t)need);
	}
	x86_jcc(g->a, CC_B, fail);
	known[base] = need;
}

/* One check for all that the run surely needs of a base. */
static void check_run(struct gen *g, unsigned base)
{
	struct gen_level *l = g->l;
	uint32_t need = UINT32_MAX;

	for (uint32_t i = l->at; i < l->run; i++) {
		const struct shape *s = g->order[i];
		uint32_t span = s->form.span[own_base(s, base)];

		need = span < need ? span : need;
	}
	check_span(g, l->run_known, base, need, &l->next);
}

/* A run of the first shape and those that `same` says ask what it asks. Where all are
 * asked, they need not be neighbours. */
static uint32_t run_of(struct gen *g, bool (*same)(const struct shape *first, unsigned what,
                                                   const struct shape *s),
                       unsigned what, bool take)
{
	struct gen_level *l = g->l;
	const struct shape *first = g->order[l->at];
	uint32_t n = l->at;

	for (uint32_t i = l->at; i < l->end; i++) {
		struct shape *s = g->order[i];

		if (!same(first, what, s)) {
			if (g->mode == GEN_BEST)
				break;
			continue;
		}
		if (take) {
			g->order[i] = g->order[n];
			g->order[n] = s;
		}
		n++;
	}
	return n;
}

static bool same_byte(const struct shape *first, unsigned i, const struct shape *s)
{
	const struct path_byte *b = &first->form.byte[i];

	return constant(s, first->base_at[b->base], b->offset, b->mask) < PATH_BYTES;
}

static bool asks_byte(const struct shape *s, unsigned i)
{
	return !s->open[i] && !s->byte_done[i] && s->base_done[s->form.byte[i].base];
}

/* The constant that most shapes ask for, from the first on; PATH_BYTES: none. */
static unsigned choose_byte(struct gen *g)
{
	const struct shape *s = g->order[g->l->at];
	unsigned best = PATH_BYTES;
	uint32_t longest = 0;

	for (unsigned i = 0; i < s->form.nbytes; i++) {
		if (!asks_byte(s, i))
			continue;
		uint32_t n = run_of(g, same_byte, i, false);
		if (n > longest) {
			longest = n;
			best = i;
		}
	}
	return best;
}

static void begin_run(struct gen *g, uint32_t run)
{
	struct gen_level *l = g->l;

	l->run = l->group = run;
	l->run_nbases = l->nbases;
	__builtin_memcpy(l->run_known, l->known, sizeof l->known);
	l->next = (struct x86_label){ 0 };
}

/* Below the current level: [from, to), which has the run's answer. */
static void descend(struct gen *g, uint32_t from, uint32_t to)
{
	struct gen_level *l = g->l, *below = l + 1;

	l->group = to;
	below->at = from;
	below->end = to;
	below->nbases = l->run_nbases;
	__builtin_memcpy(below->known, l->run_known, sizeof l->run_known);
	g->depth++;
	g->l = below;
}

/* Does every shape of the run want the same value in the first one's byte i? */
static bool agreed(struct gen *g, unsigned i)
{
	const struct shape *first = g->order[g->l->at];
	const struct path_byte *b = &first->form.byte[i];

	for (uint32_t k = g->l->at; k < g->l->run; k++) {
		const struct shape *s = g->order[k];
		unsigned j = constant(s, first->base_at[b->base], b->offset, b->mask);

		if (j == PATH_BYTES || s->form.byte[j].value != b->value)
			return false;
	}
	return true;
}

static void mark_byte(struct gen *g, unsigned base, unsigned offset, unsigned mask)
{
	for (uint32_t k = g->l->at; k < g->l->run; k++) {
		struct shape *s = g->order[k];
		unsigned j = constant(s, base, offset, mask);

		if (j < PATH_BYTES)
			s->byte_done[j] = mark(g);
	}
}

/* A masked comparison of up to 8 adjacent bytes. */
struct window {
	unsigned base, offset, width;
	uint64_t mask, value;
};

/* The window that begins at the first shape's byte i, with those of pick[] that it covers. */
static struct window window_at(struct gen *g, bool *pick, unsigned i)
{
	const struct shape *s = g->order[g->l->at];
	const struct path_byte *b = &s->form.byte[i];
	struct window w = { .base = s->base_at[b->base], .offset = b->offset, .width = 8 };
	unsigned extent = 1;

	for (unsigned j = i; j < s->form.nbytes && s->form.byte[j].base == b->base; j++)
		if (pick[j] && s->form.byte[j].offset - b->offset < 8)
			extent = s->form.byte[j].offset - b->offset + 1u;
	while (w.width > 1 && w.width / 2 >= extent)
		w.width /= 2;
	while (w.offset + w.width > g->l->run_known[w.base])
		w.width /= 2;
	for (unsigned j = i; j < s->form.nbytes && s->form.byte[j].base == b->base; j++) {
		unsigned down = 8u * (s->form.byte[j].offset - b->offset);

		if (!pick[j] || down >= 8 * w.width)
			continue;
		w.mask |= (uint64_t)s->form.byte[j].mask << down;
		w.value |= (uint64_t)s->form.byte[j].value << down;
		pick[j] = false;
	}
	return w;
}

static uint64_t ones(unsigned width) { return width == 8 ? UINT64_MAX : (1ull << 8 * width) - 1; }

/* op dst, imm; 64-bit immediates go through r10 */
static void alu_imm(struct gen *g, unsigned width, enum x86_alu op, enum x86_gpr dst,
                    uint64_t imm)
{
	if (width < 8) {
		x86_alu_imm(g->a, X86_32, op, dst, (int32_t)(uint32_t)imm);
	} else if ((int64_t)imm == (int32_t)imm) {
		x86_alu_imm(g->a, X86_64, op, dst, (int32_t)imm);
	} else {
		x86_mov_imm(g->a, R10, imm);
		x86_alu(g->a, X86_64, op, dst, R10);
	}
}

static void load_masked(struct gen *g, enum x86_gpr dst, struct window w)
{
	x86_load(g->a, size_of(w.width), dst, at(w.base, (int32_t)w.offset));
	if (w.mask != ones(w.width))
		alu_imm(g, w.width, X86_AND, dst, w.mask);
}

/* All that the run agrees on, compared without branches but one at the end: on real
 * traces a mispredicted branch costs more than all the tests. */
static void gen_agreed(struct gen *g)
{
	const struct shape *s = g->order[g->l->at];
	bool pick[PATH_BYTES], first = true;
	struct window w = { 0 };

	for (unsigned i = 0; i < s->form.nbytes; i++)
		pick[i] = asks_byte(s, i) && agreed(g, i);
	tell(g, g->l->at, g->l->run, (struct gen_note){ .kind = GEN_BYTES, .pick = pick });
	for (unsigned i = 0; i < s->form.nbytes; i++)
		if (pick[i])
			check_run(g, s->base_at[s->form.byte[i].base]);
	for (unsigned i = 0; i < s->form.nbytes; i++)
		if (pick[i])
			mark_byte(g, s->base_at[s->form.byte[i].base], s->form.byte[i].offset,
			          s->form.byte[i].mask);
	for (unsigned i = 0; i < s->form.nbytes; i++) {
		if (!pick[i])
			continue;
		if (w.width && first) {
			alu_imm(g, w.width, X86_XOR, RAX, w.value);
			first = false;
		}
		w = window_at(g, pick, i);
		load_masked(g, first ? RAX : R11, w);
		if (first)
			continue;
		alu_imm(g, w.width, X86_XOR, R11, w.value);
		x86_alu(g->a, X86_64, X86_OR, RAX, R11);
	}
	if (first)
		alu_imm(g, w.width, X86_CMP, RAX, w.value);
	x86_jcc(g->a, CC_NE, &g->l->next);
}

/* Jump to the group whose field eax is, or behind the run. */
static void search(struct gen *g, uint32_t from, uint32_t to)
{
	while (to - from > LINEAR_MAX) { /* its depth is at most 10: log2(DPF_SHAPES_MAX) */
		uint32_t middle = from + (to - from) / 2;
		struct shape *s = g->order[g->s->start[middle]];
		struct x86_label above = { 0 };

		x86_alu_imm(g->a, X86_32, X86_CMP, RAX, (int32_t)s->field);
		x86_jcc(g->a, CC_E, &s->label);
		x86_jcc(g->a, CC_A, &above);
		search(g, from, middle);
		x86_bind(g->a, &above);
		from = middle + 1;
	}
	for (uint32_t i = from; i < to; i++) {
		struct shape *s = g->order[g->s->start[i]];

		x86_alu_imm(g->a, X86_32, X86_CMP, RAX, (int32_t)s->field);
		x86_jcc(g->a, CC_E, &s->label);
	}
	x86_jmp(g->a, &g->l->next);
}

/* Sort the run by field; shapes of one field keep their order. */
static void sort_run(struct gen *g)
{
	for (uint32_t i = g->l->at + 1; i < g->l->run; i++) {
		struct shape *s = g->order[i];
		uint32_t j = i;

		for (; j > g->l->at && g->order[j - 1]->field > s->field; j--)
			g->order[j] = g->order[j - 1];
		g->order[j] = s;
	}
}

static uint32_t group_end(const struct gen *g, uint32_t from, uint32_t run)
{
	uint32_t i = from + 1;

	while (i < run && g->order[i]->field == g->order[from]->field)
		i++;
	return i;
}

/* Does every shape of the run ask for the first one's byte i? */
static bool all_ask(const struct gen *g, unsigned i)
{
	for (uint32_t k = g->l->at; k < g->l->run; k++)
		if (!same_byte(g->order[g->l->at], i, g->order[k]))
			return false;
	return true;
}

/* Which of up to four adjacent bytes from the first shape's byte i on all ask for; *mask
 * is what they ask, and each shape's field what it wants. Returns the width to load. */
static unsigned choose_field(struct gen *g, unsigned i, uint32_t *mask)
{
	struct gen_level *l = g->l;
	const struct shape *first = g->order[l->at];
	const struct path_byte *b = &first->form.byte[i];
	unsigned base = first->base_at[b->base], n = 0, width = 4;

	*mask = 0;
	while (width > 1 && b->offset + width > l->run_known[base])
		width /= 2;
	for (uint32_t k = l->at; k < l->run; k++)
		g->order[k]->field = 0;
	for (; n < width && i + n < first->form.nbytes; n++) {
		const struct path_byte *c = &first->form.byte[i + n];

		if (c->base != b->base || c->offset != b->offset + n || !asks_byte(first, i + n) ||
		    !all_ask(g, i + n))
			break;
		*mask |= (uint32_t)c->mask << 8 * n;
		for (uint32_t k = l->at; k < l->run; k++) {
			struct shape *s = g->order[k];
			unsigned j = constant(s, base, c->offset, c->mask);

			s->field |= (uint32_t)s->form.byte[j].value << 8 * n;
		}
	}
	return n <= 2 ? n : 4;
}

static void gen_dispatch(struct gen *g, unsigned i)
{
	struct gen_level *l = g->l;
	const struct shape *first = g->order[l->at];
	const struct path_byte b = first->form.byte[i];
	unsigned base = first->base_at[b.base];
	uint32_t mask, count = 0, begin = x86_here(g->a);

	check_run(g, base);
	unsigned width = choose_field(g, i, &mask);
	const struct window w = { .base = base, .offset = b.offset, .width = width, .mask = mask };
	for (unsigned n = 0; n < width; n++)
		if (mask >> 8 * n & 0xff)
			mark_byte(g, base, b.offset + n, mask >> 8 * n & 0xff);
	sort_run(g);
	for (uint32_t k = l->at; k < l->run; k++)
		g->order[k]->label = (struct x86_label){ 0 };
	for (uint32_t k = l->at; k < l->run; k = group_end(g, k, l->run))
		g->s->start[count++] = k;
	l->field = (struct gen_field){ mask, b.offset, b.base, (uint8_t)width };
	tell(g, l->at, l->run, (struct gen_note){ .kind = GEN_FIELD, .code = begin,
		                                .field = l->field });
	load_masked(g, RAX, w);
	search(g, 0, count);
}

/* On to a group of a dispatch: those with one value of the field. */
static void begin_group(struct gen *g, uint32_t from, uint32_t to)
{
	struct shape *s = g->order[from];

	x86_bind(g->a, &s->label);
	tell(g, from, to, (struct gen_note){ .kind = GEN_VALUE, .depth = 1,
		                             .field = g->l->field, .value = s->field });
	descend(g, from, to);
}

static void gen_bytes(struct gen *g, unsigned i)
{
	begin_run(g, run_of(g, same_byte, i, true));
	bool any = false;
	const struct shape *s = g->order[g->l->at];

	for (unsigned k = 0; k < s->form.nbytes; k++)
		any |= asks_byte(s, k) && agreed(g, k);
	if (any) {
		gen_agreed(g);
		descend(g, g->l->at, g->l->run);
		return;
	}
	gen_dispatch(g, i);
	begin_group(g, g->l->at, group_end(g, g->l->at, g->l->run));
}

/* dst = load in host order, masked */
static void load_value(struct gen *g, enum x86_gpr dst, unsigned base, unsigned width,
                       uint32_t offset, uint32_t mask)
{
	if (width == PATH_LEN) {
		x86_mov(g->a, X86_32, dst, R9);
	} else {
		x86_load(g->a, size_of(width), dst, at(base, (int32_t)offset));
		if (width > 1)
			x86_bswap(g->a, X86_32, dst);
		if (width == 2)
			x86_shift_imm(g->a, X86_32, X86_SHR, dst, 16);
	}
	if (mask != path_ones(width))
		x86_alu_imm(g->a, X86_32, X86_AND, dst, (int32_t)mask);
}

static unsigned find_test(const struct shape *s, const struct shape *first, unsigned i)
{
	const struct path_test *t = &first->form.test[i];

	for (unsigned j = 0; j < s->form.ntests; j++) {
		const struct path_test *u = &s->form.test[j];

		if (!s->test_done[j] && s->base_done[u->base] &&
		    s->base_at[u->base] == first->base_at[t->base] && u->offset == t->offset &&
		    u->width == t->width && u->mask == t->mask && u->lo == t->lo &&
		    u->hi == t->hi && u->negate == t->negate)
			return j;
	}
	return PATH_TESTS;
}

static bool same_test(const struct shape *first, unsigned i, const struct shape *s)
{
	return find_test(s, first, i) < PATH_TESTS;
}

static void gen_test(struct gen *g, unsigned i)
{
	begin_run(g, run_of(g, same_test, i, true));
	const struct shape *first = g->order[g->l->at];
	const struct path_test *t = &first->form.test[i];
	unsigned base = first->base_at[t->base];

	tell(g, g->l->at, g->l->run, (struct gen_note){ .kind = GEN_TEST, .index = i });
	if (t->width != PATH_LEN)
		check_run(g, base);
	load_value(g, RAX, base, t->width, t->offset, t->mask);
	if (t->lo)
		x86_alu_imm(g->a, X86_32, X86_SUB, RAX, (int32_t)t->lo);
	x86_alu_imm(g->a, X86_32, X86_CMP, RAX, (int32_t)(t->hi - t->lo));
	x86_jcc(g->a, t->negate ? CC_BE : CC_A, &g->l->next);
	for (uint32_t k = g->l->run; k-- > g->l->at;) { /* the first one last: it is compared */
		struct shape *s = g->order[k];

		s->test_done[find_test(s, first, i)] = mark(g);
	}
	descend(g, g->l->at, g->l->run);
}

static unsigned find_base(const struct shape *s, const struct shape *first, unsigned i)
{
	const struct path_base *b = &first->form.base[i];

	for (unsigned j = 1; j < s->form.nbases; j++) {
		const struct path_base *c = &s->form.base[j];

		if (!s->base_done[j] && s->base_done[c->parent] &&
		    s->base_at[c->parent] == first->base_at[b->parent] && c->offset == b->offset &&
		    c->width == b->width && c->mask == b->mask && c->shift == b->shift)
			return j;
	}
	return PATH_BASES;
}

static bool same_base(const struct shape *first, unsigned i, const struct shape *s)
{
	return find_base(s, first, i) < PATH_BASES;
}

static void gen_base(struct gen *g, unsigned i)
{
	begin_run(g, run_of(g, same_base, i, true));
	struct gen_level *l = g->l;
	const struct shape *first = g->order[l->at];
	const struct path_base *b = &first->form.base[i];
	unsigned parent = first->base_at[b->parent];
	enum x86_gpr r = base_register[l->run_nbases];

	tell(g, l->at, l->run, (struct gen_note){ .kind = GEN_BASE, .index = i,
		                                .value = l->run_nbases });
	check_run(g, parent);
	load_value(g, r, parent, b->width, b->offset, b->mask);
	if (b->shift > 0)
		x86_shift_imm(g->a, X86_64, X86_SHL, r, (uint8_t)b->shift);
	else if (b->shift < 0)
		x86_shift_imm(g->a, X86_32, X86_SHR, r, (uint8_t)-b->shift);
	if (parent)
		x86_alu(g->a, X86_64, X86_ADD, r, base_register[parent]);
	for (uint32_t k = l->run; k-- > l->at;) {
		struct shape *s = g->order[k];
		unsigned j = find_base(s, first, i);

		s->base_done[j] = mark(g);
		s->base_at[j] = l->run_nbases;
	}
	l->run_known[l->run_nbases++] = 0;
	descend(g, l->at, l->run);
}

static void leave(struct gen *g)
{
	if (g->save)
		x86_jmp(g->a, &g->exit);
	else
		x86_ret(g->a);
}

/* eax names what holds. */
static void accept(struct gen *g)
{
	struct x86_label full = { 0 };

	if (g->mode == GEN_BEST) {
		leave(g);
		return;
	}
	x86_alu(g->a, X86_32, X86_CMP, R15, R14);
	x86_jcc(g->a, CC_AE, &full);
	x86_store(g->a, X86_32, x86_indexed(R13, R15, 2, 0), RAX);
	x86_bind(g->a, &full);
	x86_alu_imm(g->a, X86_32, X86_ADD, R15, 1);
}

/* dst = word i of the frame's key; r10 and r11 are temporaries */
static void load_word(struct gen *g, const struct shape *s, enum x86_gpr dst, unsigned i)
{
	for (unsigned k = 0; k < SHAPE_PARTS && s->word[i][k].width; k++) {
		const struct shape_part *p = &s->word[i][k];
		const struct window w = { .base = s->base_at[p->base], .offset = p->offset,
			                  .width = p->width, .mask = p->mask };

		load_masked(g, k ? R11 : dst, w);
		if (!k)
			continue;
		x86_shift_imm(g->a, X86_64, X86_SHL, R11, 32);
		x86_alu(g->a, X86_64, X86_OR, dst, R11);
	}
}

static bool ask_program(struct gen *g, const struct shape *s, struct x86_label *fail)
{
	if (!s->filter)
		return false;
	tell(g, g->l->at, g->l->at + 1, (struct gen_note){ .kind = GEN_PROGRAM });
	x86_mov(g->a, X86_32, RDX, R9);
	x86_mov_imm(g->a, RAX, (uint64_t)(uintptr_t)s->program);
	x86_call_reg(g->a, RAX);
	x86_test(g->a, X86_32, RAX, RAX);
	x86_jcc(g->a, CC_E, fail);
	return true;
}

/* One key after another. Returns whether control can come out behind it. */
static bool gen_small(struct gen *g, const struct shape *s, struct x86_label *fail)
{
	bool conditional = ask_program(g, s, fail);

	for (unsigned k = 0; k < s->n; k++) {
		struct member *m = member_at(g->store, s->small[k]);
		struct x86_label other = { 0 };
		uint64_t w[SHAPE_WORDS];

		shape_words(s, m->key, w);
		tell(g, g->l->at, g->l->at + 1,
		     (struct gen_note){ .kind = GEN_KEY, .depth = s->filter != 0,
		                        .ref = s->small[k] });
		for (unsigned i = 0; i < s->nwords; i++) {
			if (k == 0 || s->nwords > 1)
				load_word(g, s, RCX, i);
			alu_imm(g, s->word[i][1].width || s->word[i][0].width == 8 ? 8 : 4, X86_CMP,
			        RCX, w[i]);
			x86_jcc(g->a, CC_NE, &other);
			conditional = true;
		}
		x86_mov_imm(g->a, RAX, table_value(m, s->small[k]));
		accept(g);
		x86_bind(g->a, &other);
	}
	return conditional;
}

static struct x86_mem field(size_t offset) { return x86_at(R10, (int32_t)offset); }

/* rax = hash of the key, r10 = the table. Of one or two words, rcx and rdx keep the words; of
 * more, both are lost. */
static void gen_fold(struct gen *g, const struct shape *s)
{
	struct x86 *a = g->a;
	unsigned n = s->nwords;

	for (unsigned i = 0; i < n; i += 2) {
		if (i > 0)
			x86_push(a, RAX);
		load_word(g, s, RCX, i);
		if (i + 1 < n)
			load_word(g, s, RDX, i + 1);
		x86_mov_imm(a, R10, (uint64_t)(uintptr_t)s->table);
		if (n == 2)
			x86_mov(a, X86_64, R11, RDX);
		if (i + 1 < n)
			x86_alu_mem(a, X86_64, X86_XOR, RDX, field(offsetof(struct table, key[1])));
		else
			x86_load(a, X86_64, RDX, field(offsetof(struct table, key[1])));
		if (i == 0)
			x86_load(a, X86_64, RAX, field(offsetof(struct table, key[0])));
		else
			x86_pop(a, RAX);
		x86_alu(a, X86_64, X86_XOR, RAX, RCX);
		x86_unary(a, X86_64, X86_MUL, RDX);
		x86_alu(a, X86_64, X86_XOR, RAX, RDX);
	}
	if (n == 2)
		x86_mov(a, X86_64, RDX, R11);
}

static void gen_hash(struct gen *g, const struct shape *s)
{
	struct x86 *a = g->a;

	if (s->nwords > 1 && !s->table->narrow) {
		gen_fold(g, s);
		return;
	}
	load_word(g, s, RCX, 0);
	if (s->nwords == 2)
		load_word(g, s, RDX, 1);
	x86_mov_imm(a, R10, (uint64_t)(uintptr_t)s->table);
	x86_load(a, X86_64, RAX, field(offsetof(struct table, key[0])));
	x86_imul(a, X86_64, RAX, RCX);
	if (s->nwords == 1)
		return;
	x86_load(a, X86_64, R11, field(offsetof(struct table, key[1])));
	x86_imul(a, X86_64, R11, RDX);
	x86_alu(a, X86_64, X86_ADD, RAX, R11);
}

/* rax = where the slot of the hash in rax begins, from the first one. */
static void gen_slot(struct gen *g, const struct table *t)
{
	struct x86 *a = g->a;

	x86_mov(a, X86_64, R11, RAX);
	x86_shift_imm(a, X86_64, X86_SHR, R11, t->bucket_shift);
	x86_load(a, X86_32, R11, x86_indexed(R10, R11, 2, offsetof(struct table, disp)));
	x86_imul(a, X86_64, RAX, R11);
	x86_shift_imm(a, X86_64, X86_SHR, RAX, t->slot_shift);
	if (t->stride == 16)
		x86_shift_imm(a, X86_64, X86_SHL, RAX, 4);
	else
		x86_imul_imm(a, X86_64, RAX, RAX, (int32_t)t->stride);
}

/* Does nothing come behind this leaf, so that 0 is the answer when it has none? */
static bool is_last(const struct gen *g)
{
	const struct gen_level *l = g->l;

	if (g->mode != GEN_BEST || l->at + 1 != l->end)
		return false;
	while (l-- != g->s->level)
		if (l->run != l->end)
			return false;
	return true;
}

static void gen_table(struct gen *g, const struct shape *s, struct x86_label *fail)
{
	const struct table *t = s->table;
	struct x86 *a = g->a;
	int32_t at = (int32_t)t->slots;

	tell(g, g->l->at, g->l->at + 1, (struct gen_note){ .kind = GEN_TABLE });
	gen_hash(g, s);
	gen_slot(g, t);
	if (s->nwords > 2) /* load_word needs r10 and r11 */
		x86_lea(a, X86_64, RDX, x86_indexed(R10, RAX, 0, at));
	for (unsigned i = 0; i < s->nwords; i++) {
		enum x86_gpr r = i == 1 && s->nwords == 2 ? RDX : RCX;
		struct x86_mem word = x86_indexed(R10, RAX, 0, at + 8 * (int32_t)i);

		if (s->nwords > 2) {
			load_word(g, s, RCX, i);
			word = x86_at(RDX, 8 * (int32_t)i);
		}
		x86_alu_mem(a, t->narrow && i == 1 ? X86_32 : X86_64, X86_CMP, r, word);
		x86_jcc(a, CC_NE, fail);
	}
	x86_load(a, X86_32, RAX, s->nwords > 2 ? x86_at(RDX, (int32_t)t->value)
	                                       : x86_indexed(R10, RAX, 0, at + (int32_t)t->value));
	if (!is_last(g)) {
		x86_test(a, X86_32, RAX, RAX);
		x86_jcc(a, CC_E, fail);
	}
	accept(g);
}

/* All that is left to the first shape alone. */
static void gen_leaf(struct gen *g)
{
	struct gen_level *l = g->l;
	const struct shape *s = g->order[l->at];
	bool conditional = false;

	begin_run(g, l->at + 1);
	for (unsigned i = 0; i < s->form.nbases; i++) {
		unsigned base = s->base_at[i];

		conditional |= l->run_known[base] < s->form.span[i];
		check_span(g, l->run_known, base, s->form.span[i], &l->next);
	}
	if (s->table) {
		gen_table(g, s, &l->next);
		conditional = true;
	} else {
		conditional |= gen_small(g, s, &l->next);
	}
	x86_bind(g->a, &l->next);
	l->at++;
	if (!conditional && g->mode == GEN_BEST)
		l->at = l->end; /* nothing comes after what always holds */
}

static void step(struct gen *g)
{
	const struct shape *s = g->order[g->l->at];
	unsigned i = choose_byte(g);

	if (i < PATH_BYTES) {
		gen_bytes(g, i);
		return;
	}
	for (i = 0; i < s->form.ntests; i++)
		if (!s->test_done[i] && s->base_done[s->form.test[i].base]) {
			gen_test(g, i);
			return;
		}
	for (i = 1; i < s->form.nbases; i++)
		if (!s->base_done[i]) {
			gen_base(g, i);
			return;
		}
	gen_leaf(g);
}

static void forget(struct gen *g, struct shape *s)
{
	for (unsigned i = 0; i < s->form.nbytes; i++)
		s->byte_done[i] = s->byte_done[i] == mark(g) ? 0 : s->byte_done[i];
	for (unsigned i = 0; i < s->form.ntests; i++)
		s->test_done[i] = s->test_done[i] == mark(g) ? 0 : s->test_done[i];
	for (unsigned i = 0; i < s->form.nbases; i++)
		s->base_done[i] = s->base_done[i] == mark(g) ? 0 : s->base_done[i];
}

/* A segment is done: on to the next group of the run, or behind the run. */
static void ascend(struct gen *g)
{
	struct gen_level *l = --g->l;

	g->depth--;
	if (l->group < l->run) {
		uint32_t from = l->group;

		x86_jmp(g->a, &l->next);
		/* fields below have other values by now: the label says where a group begins */
		uint32_t to = from + 1;
		while (to < l->run && g->order[to]->label.here == 0 && !g->order[to]->label.waiting)
			to++;
		begin_group(g, from, to);
		return;
	}
	x86_bind(g->a, &l->next);
	for (uint32_t i = l->at; i < l->run; i++)
		forget(g, g->order[i]);
	l->at = l->run;
}

static void begin(struct gen *g)
{
	tell(g, 0, 0, (struct gen_note){ .kind = GEN_ENTER });
	x86_mov(g->a, X86_32, RSI, RSI); /* the upper half is the caller's litter */
	if (g->wirelen)
		x86_mov(g->a, X86_32, R9, RDX);
	x86_bind(g->a, &g->inner);
	for (int i = 0; g->save && i < NSAVED; i++)
		x86_push(g->a, saved[i]);
	if (g->mode != GEN_COLLECT)
		return;
	x86_mov(g->a, X86_64, R13, RCX);
	x86_mov(g->a, X86_32, R14, R8);
	x86_alu(g->a, X86_32, X86_XOR, R15, R15);
}

static void end(struct gen *g)
{
	tell(g, 0, 0, (struct gen_note){ .kind = GEN_LEAVE });
	if (g->mode == GEN_COLLECT)
		x86_mov(g->a, X86_32, RAX, R15);
	else
		x86_alu(g->a, X86_32, X86_XOR, RAX, RAX);
	x86_bind(g->a, &g->exit);
	for (int i = NSAVED; g->save && i-- > 0;)
		x86_pop(g->a, saved[i]);
	x86_ret(g->a);
}

/* Frame after frame. r13, r14, r15: the ends of frames, lens, ids; rbx: minus how many are left.
 * The function keeps them. */
static void gen_burst(struct gen *g)
{
	static const enum x86_gpr keep[] = { R13, R14, R15, RBX };
	struct x86 *a = g->a;
	struct x86_label again = { 0 };

	tell(g, 0, 0, (struct gen_note){ .kind = GEN_BURST });
	for (int i = 0; i < 4; i++)
		x86_push(a, keep[i]);
	x86_mov(a, X86_32, RBX, RDX);
	x86_lea(a, X86_64, R13, x86_indexed(RDI, RBX, 3, 0));
	x86_lea(a, X86_64, R14, x86_indexed(RSI, RBX, 2, 0));
	x86_lea(a, X86_64, R15, x86_indexed(RCX, RBX, 2, 0));
	x86_unary(a, X86_64, X86_NEG, RBX);
	x86_bind(a, &again);
	x86_load(a, X86_64, RDI, x86_indexed(R13, RBX, 3, 0));
	x86_load(a, X86_32, RSI, x86_indexed(R14, RBX, 2, 0));
	if (g->wirelen)
		x86_mov(a, X86_32, R9, RSI);
	x86_call(a, &g->inner);
	x86_store(a, X86_32, x86_indexed(R15, RBX, 2, 0), RAX);
	x86_alu_imm(a, X86_64, X86_ADD, RBX, 1);
	x86_jcc(a, CC_NE, &again);
	for (int i = 3; i >= 0; i--)
		x86_pop(a, keep[i]);
	x86_ret(a);
	while (x86_here(a) < GEN_FUNCTION && !a->full)
		x86_int3(a);
}

static void prepare(struct gen *g, struct shape *s)
{
	__builtin_memset(s->byte_done, 0, sizeof s->byte_done);
	__builtin_memset(s->test_done, 0, sizeof s->test_done);
	__builtin_memset(s->base_done, 0, sizeof s->base_done);
	s->base_done[0] = ALWAYS;
	s->base_at[0] = 0;
	s->label = (struct x86_label){ 0 };
	g->save |= s->form.nbases > 2;
	g->wirelen |= s->filter != 0;
	for (unsigned i = 0; i < s->form.ntests; i++)
		g->wirelen |= s->form.test[i].width == PATH_LEN;
}

void gen_shapes(struct x86 *a, const struct store *store, struct shape **order, uint32_t n,
                enum gen_mode mode, struct gen_scratch *scratch,
                const struct gen_listener *listener)
{
	struct gen g = { .a = a, .store = store, .order = order, .s = scratch,
		         .l = scratch->level, .mode = mode, .save = mode == GEN_COLLECT,
		         .listener = listener };

	for (uint32_t i = 0; i < n; i++)
		prepare(&g, order[i]);
	if (mode == GEN_BEST)
		gen_burst(&g);
	begin(&g);
	*g.l = (struct gen_level){ .end = n, .nbases = 1 };
	for (;;) {
		if (g.l->at < g.l->end)
			step(&g);
		else if (g.depth)
			ascend(&g);
		else
			break;
	}
	end(&g);
}
