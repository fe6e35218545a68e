/* dpf/genkey.c - a leaf: what is left to one shape, its program and its key (dpf/gentree.h).
 * Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/gentree.h"
#include "dpf/table.h"

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

		gen_load_masked(g, k ? R11 : dst, w);
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
	gen_tell(g, g->l->at, g->l->at + 1, (struct gen_note){ .kind = GEN_PROGRAM });
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
		gen_tell(g, g->l->at, g->l->at + 1,
		     (struct gen_note){ .kind = GEN_KEY, .depth = s->filter != 0,
		                        .ref = s->small[k] });
		for (unsigned i = 0; i < s->nwords; i++) {
			if (k == 0 || s->nwords > 1)
				load_word(g, s, RCX, i);
			gen_alu_imm(g, s->word[i][1].width || s->word[i][0].width == 8 ? 8 : 4, X86_CMP,
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

	if (g->mode != GEN_BEST || g->place->on || l->at + 1 != l->end)
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

	gen_tell(g, g->l->at, g->l->at + 1, (struct gen_note){ .kind = GEN_TABLE });
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

void gen_leaf(struct gen *g)
{
	struct gen_level *l = g->l;
	const struct shape *s = g->order[l->at];
	bool conditional = false;

	gen_begin_run(g, l->at + 1);
	for (unsigned i = 0; i < s->form.nbases; i++) {
		unsigned base = s->base_at[i];

		conditional |= l->run_known[base] < s->form.span[i];
		gen_check_span(g, l->run_known, base, s->form.span[i], &l->next);
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
