/* dpf/genbytes.c - constants: compared at once where a run of shapes agrees on them, searched
 * where it does not (dpf/gentree.h). Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/gentree.h"

enum { LINEAR_MAX = 3 };

/* The index of s's constant at (base, offset) under mask that is still to be asked for, or
 * PATH_BYTES. */
static unsigned constant(const struct shape *s, unsigned base, unsigned offset, unsigned mask)
{
	unsigned own = gen_own_base(s, base);
	unsigned i = own == PATH_BASES ? s->form.nbytes : path_find(&s->form, own, offset);

	return i < s->form.nbytes && !s->open[i] && !s->byte_done[i] &&
	                       s->form.byte[i].mask == mask
	               ? i
	               : PATH_BYTES;
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

unsigned gen_choose_byte(struct gen *g)
{
	const struct shape *s = g->order[g->l->at];
	unsigned best = PATH_BYTES;
	uint32_t longest = 0;

	for (unsigned i = 0; i < s->form.nbytes; i++) {
		if (!asks_byte(s, i))
			continue;
		uint32_t n = gen_run_of(g, same_byte, i, false);
		if (n > longest) {
			longest = n;
			best = i;
		}
	}
	return best;
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
			s->byte_done[j] = gen_mark(g);
	}
}

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

/* All that the run agrees on, compared without branches but one at the end: on real
 * traces a mispredicted branch costs more than all the tests. */
static void gen_agreed(struct gen *g)
{
	const struct shape *s = g->order[g->l->at];
	bool pick[PATH_BYTES], first = true;
	struct window w = { 0 };

	for (unsigned i = 0; i < s->form.nbytes; i++)
		pick[i] = asks_byte(s, i) && agreed(g, i);
	gen_tell(g, g->l->at, g->l->run, (struct gen_note){ .kind = GEN_BYTES, .pick = pick });
	for (unsigned i = 0; i < s->form.nbytes; i++)
		if (pick[i])
			gen_check_run(g, s->base_at[s->form.byte[i].base]);
	for (unsigned i = 0; i < s->form.nbytes; i++)
		if (pick[i])
			mark_byte(g, s->base_at[s->form.byte[i].base], s->form.byte[i].offset,
			          s->form.byte[i].mask);
	for (unsigned i = 0; i < s->form.nbytes; i++) {
		if (!pick[i])
			continue;
		if (w.width && first) {
			gen_alu_imm(g, w.width, X86_XOR, RAX, w.value);
			first = false;
		}
		w = window_at(g, pick, i);
		gen_load_masked(g, first ? RAX : R11, w);
		if (first)
			continue;
		gen_alu_imm(g, w.width, X86_XOR, R11, w.value);
		x86_alu(g->a, X86_64, X86_OR, RAX, R11);
	}
	if (first)
		gen_alu_imm(g, w.width, X86_CMP, RAX, w.value);
	x86_jcc(g->a, CC_NE, &g->l->next);
}

/* Jump to the group whose field eax is, or behind the run. */
static void search(struct gen *g, uint32_t from, uint32_t to)
{
	while (to - from > LINEAR_MAX) { /* its depth is at most 4: log2(GEN_SHAPES) */
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

	gen_check_run(g, base);
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
	gen_tell(g, l->at, l->run, (struct gen_note){ .kind = GEN_FIELD, .code = begin,
		                                .field = l->field });
	gen_load_masked(g, RAX, w);
	search(g, 0, count);
}

void gen_begin_group(struct gen *g, uint32_t from, uint32_t to)
{
	struct shape *s = g->order[from];

	x86_bind(g->a, &s->label);
	gen_tell(g, from, to, (struct gen_note){ .kind = GEN_VALUE, .depth = 1,
		                             .field = g->l->field, .value = s->field });
	gen_descend(g, from, to);
}

void gen_bytes(struct gen *g, unsigned i)
{
	gen_begin_run(g, gen_run_of(g, same_byte, i, true));
	bool any = false;
	const struct shape *s = g->order[g->l->at];

	for (unsigned k = 0; k < s->form.nbytes; k++)
		any |= asks_byte(s, k) && agreed(g, k);
	if (any) {
		gen_agreed(g);
		gen_descend(g, g->l->at, g->l->run);
		return;
	}
	gen_dispatch(g, i);
	gen_begin_group(g, g->l->at, group_end(g, g->l->at, g->l->run));
}
