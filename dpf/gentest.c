/* dpf/gentest.c - tests of intervals, and places in the frame that depend on its bytes
 * (dpf/gentree.h). Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/gentree.h"

/* dst = load in host order, masked */
static void load_value(struct gen *g, enum x86_gpr dst, unsigned base, unsigned width,
                       uint32_t offset, uint32_t mask)
{
	if (width == PATH_LEN) {
		x86_mov(g->a, X86_32, dst, R9);
	} else {
		x86_load(g->a, gen_size_of(width), dst, gen_at(base, (int32_t)offset));
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

void gen_test(struct gen *g, unsigned i)
{
	gen_begin_run(g, gen_run_of(g, same_test, i, true));
	const struct shape *first = g->order[g->l->at];
	const struct path_test *t = &first->form.test[i];
	unsigned base = first->base_at[t->base];

	gen_tell(g, g->l->at, g->l->run, (struct gen_note){ .kind = GEN_TEST, .index = i });
	if (t->width != PATH_LEN)
		gen_check_run(g, base);
	load_value(g, RAX, base, t->width, t->offset, t->mask);
	if (t->lo)
		x86_alu_imm(g->a, X86_32, X86_SUB, RAX, (int32_t)t->lo);
	x86_alu_imm(g->a, X86_32, X86_CMP, RAX, (int32_t)(t->hi - t->lo));
	x86_jcc(g->a, t->negate ? CC_BE : CC_A, &g->l->next);
	for (uint32_t k = g->l->run; k-- > g->l->at;) { /* the first one last: it is compared */
		struct shape *s = g->order[k];

		s->test_done[find_test(s, first, i)] = gen_mark(g);
	}
	gen_descend(g, g->l->at, g->l->run);
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

void gen_base(struct gen *g, unsigned i)
{
	gen_begin_run(g, gen_run_of(g, same_base, i, true));
	struct gen_level *l = g->l;
	const struct shape *first = g->order[l->at];
	const struct path_base *b = &first->form.base[i];
	unsigned parent = first->base_at[b->parent];
	enum x86_gpr r = gen_register[l->run_nbases];

	gen_tell(g, l->at, l->run, (struct gen_note){ .kind = GEN_BASE, .index = i,
		                                .value = l->run_nbases });
	gen_check_run(g, parent);
	load_value(g, r, parent, b->width, b->offset, b->mask);
	if (b->shift > 0)
		x86_shift_imm(g->a, X86_64, X86_SHL, r, (uint8_t)b->shift);
	else if (b->shift < 0)
		x86_shift_imm(g->a, X86_32, X86_SHR, r, (uint8_t)-b->shift);
	if (parent)
		x86_alu(g->a, X86_64, X86_ADD, r, gen_register[parent]);
	for (uint32_t k = l->run; k-- > l->at;) {
		struct shape *s = g->order[k];
		unsigned j = find_base(s, first, i);

		s->base_done[j] = gen_mark(g);
		s->base_at[j] = l->run_nbases;
	}
	l->run_known[l->run_nbases++] = 0;
	gen_descend(g, l->at, l->run);
}
