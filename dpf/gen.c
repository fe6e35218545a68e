/* dpf/gen.c - a trie as machine code (dpf/gen.h).
 *
 *   rdi  frame       r8  BEST: best rank so far      COLLECT: ids
 *   rsi  caplen      r9  BEST: its filter            COLLECT: how many
 *   rdx  wirelen     r14 COLLECT: max
 *   rax, r10, r11 temporaries; rcx is BPF's X
 *   rbx, rbp, r12, r13: bases 1 to 4, in bytes from the frame
 *
 * The nodes are emitted in pre-order: a test that fails jumps behind its subtree, to what
 * comes next. A set of values of one field is searched by comparisons.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "dpf/gen.h"

enum { LINEAR_MAX = 3 }; /* values that are compared one after another */

struct gen {
	struct x86 *a;
	struct trie *t;
	enum gen_mode mode;
	uint32_t *members;
	gen_program *program;
	void *ctx;
};

static const enum x86_gpr base_register[PATH_BASES] = { RDI, RBX, RBP, R12, R13 };
static const enum x86_gpr saved[] = { RBX, RBP, R12, R13, R14 };
enum { NSAVED = sizeof saved / sizeof *saved };

static struct x86_mem at(unsigned base, int32_t offset)
{
	return base ? x86_indexed(RDI, base_register[base], 0, offset) : x86_at(RDI, offset);
}

static enum x86_size size_of(unsigned width)
{
	return width == 1 ? X86_8 : width == 2 ? X86_16 : X86_32;
}

/* Jump to `fail` unless `need` bytes from base on were captured. */
static void check_span(struct gen *g, struct trie_node *n, unsigned base, uint32_t need,
                       struct x86_label *fail)
{
	if (need <= n->known[base])
		return;
	if (base) {
		x86_lea(g->a, X86_64, R11, x86_at(base_register[base], (int32_t)need));
		x86_alu(g->a, X86_64, X86_CMP, RSI, R11);
	} else {
		x86_alu_imm(g->a, X86_64, X86_CMP, RSI, (int32_t)need);
	}
	x86_jcc(g->a, CC_B, fail);
	n->known[base] = need;
}

/* eax = load in host order */
static void load_value(struct gen *g, unsigned base, unsigned width, uint32_t offset)
{
	x86_load(g->a, size_of(width), RAX, at(base, (int32_t)offset));
	if (width == 1)
		return;
	x86_bswap(g->a, X86_32, RAX);
	if (width == 2)
		x86_shift_imm(g->a, X86_32, X86_SHR, RAX, 16);
}

static void mask_value(struct gen *g, unsigned width, uint32_t mask)
{
	if (mask != path_ones(width))
		x86_alu_imm(g->a, X86_32, X86_AND, RAX, (int32_t)mask);
}

/* Dispatch eax on the values of members [from, to): one of them, or fail. */
static void search(struct gen *g, uint32_t from, uint32_t to, struct x86_label *fail)
{
	while (to - from > LINEAR_MAX) {
		uint32_t middle = from + (to - from) / 2;
		struct trie_node *n = &g->t->node[g->members[middle]];
		struct x86_label above = { 0 };

		x86_alu_imm(g->a, X86_32, X86_CMP, RAX, (int32_t)n->step.value);
		x86_jcc(g->a, CC_E, &n->here);
		x86_jcc(g->a, CC_A, &above);
		search(g, from, middle, fail);
		x86_bind(g->a, &above);
		from = middle + 1;
	}
	for (uint32_t i = from; i < to; i++) {
		struct trie_node *n = &g->t->node[g->members[i]];

		x86_alu_imm(g->a, X86_32, X86_CMP, RAX, (int32_t)n->step.value);
		x86_jcc(g->a, CC_E, &n->here);
	}
	x86_jmp(g->a, fail);
}

static struct trie_node *node(struct gen *g, uint32_t i) { return &g->t->node[i]; }

/* Is sibling j of i in i's group: the same field, another value? */
static bool in_group(struct gen *g, uint32_t i, uint32_t j)
{
	return j && node(g, i)->step.kind == STEP_BYTES &&
	       trie_same_field(&node(g, i)->step, &node(g, j)->step);
}

/* Enter a group at its first member: check, load and dispatch for all of them. */
static void begin_group(struct gen *g, uint32_t first)
{
	struct trie_node *n = node(g, first);
	const struct step *s = &n->step;
	uint32_t count = 0, need = UINT32_MAX;

	for (uint32_t i = first; i == first || in_group(g, first, i); i = node(g, i)->sibling) {
		g->members[count++] = i;
		node(g, i)->group = first;
		if (need > node(g, i)->span[s->base])
			need = node(g, i)->span[s->base];
	}
	check_span(g, n, s->base, need, &n->after);
	for (uint32_t i = 1; i < count; i++)
		__builtin_memcpy(node(g, g->members[i])->known, n->known, sizeof n->known);
	x86_load(g->a, size_of(s->width), RAX, at(s->base, s->offset));
	if (s->mask != path_ones(s->width))
		x86_alu_imm(g->a, X86_32, X86_AND, RAX, (int32_t)s->mask);
	if (count > 1) {
		search(g, 0, count, &n->after);
		return;
	}
	x86_alu_imm(g->a, X86_32, X86_CMP, RAX, (int32_t)s->value);
	x86_jcc(g->a, CC_NE, &n->after);
}

static void gen_base(struct gen *g, struct trie_node *n)
{
	const struct step *s = &n->step;
	enum x86_gpr r = base_register[s->base];

	check_span(g, n, s->parent, n->span[s->parent], &n->after);
	load_value(g, s->parent, s->width, s->offset);
	mask_value(g, s->width, s->mask);
	if (s->shift > 0)
		x86_shift_imm(g->a, X86_64, X86_SHL, RAX, (uint8_t)s->shift);
	else if (s->shift < 0)
		x86_shift_imm(g->a, X86_32, X86_SHR, RAX, (uint8_t)-s->shift);
	x86_mov(g->a, X86_64, r, RAX);
	if (s->parent)
		x86_alu(g->a, X86_64, X86_ADD, r, base_register[s->parent]);
	n->known[s->base] = 0;
}

static void gen_test(struct gen *g, struct trie_node *n)
{
	const struct step *s = &n->step;

	if (s->width == PATH_LEN) {
		x86_mov(g->a, X86_32, RAX, RDX);
	} else {
		check_span(g, n, s->base, n->span[s->base], &n->after);
		load_value(g, s->base, s->width, s->offset);
	}
	mask_value(g, s->width, s->mask);
	if (s->lo)
		x86_alu_imm(g->a, X86_32, X86_SUB, RAX, (int32_t)s->lo);
	x86_alu_imm(g->a, X86_32, X86_CMP, RAX, (int32_t)(s->hi - s->lo));
	x86_jcc(g->a, s->negate ? CC_BE : CC_A, &n->after);
}

/* The filter accepts, unless its program says no: it is the winner, so far. */
static void take_best(struct gen *g, const struct trie_accept *c, struct x86_label *skip)
{
	struct x86_label take = { 0 };

	x86_mov_imm(g->a, R10, c->rank);
	x86_alu(g->a, X86_64, X86_CMP, R10, R8);
	x86_jcc(g->a, CC_B, skip);
	x86_jcc(g->a, CC_A, &take);
	x86_test(g->a, X86_32, R9, R9); /* equal: the lower id */
	x86_jcc(g->a, CC_E, &take);
	x86_alu_imm(g->a, X86_32, X86_CMP, R9, (int32_t)c->filter);
	x86_jcc(g->a, CC_BE, skip);
	x86_bind(g->a, &take);
	x86_mov(g->a, X86_64, R8, R10);
	x86_mov_imm(g->a, R9, c->filter);
}

static void collect(struct gen *g, const struct trie_accept *c)
{
	struct x86_label full = { 0 };

	x86_alu(g->a, X86_32, X86_CMP, R9, R14);
	x86_jcc(g->a, CC_AE, &full);
	x86_store_imm(g->a, X86_32, x86_indexed(R8, R9, 2, 0), (int32_t)c->filter);
	x86_bind(g->a, &full);
	x86_alu_imm(g->a, X86_32, X86_ADD, R9, 1);
}

static void gen_accepts(struct gen *g, uint32_t first)
{
	for (uint32_t i = first; i; i = g->t->accept[i].next) {
		const struct trie_accept *c = &g->t->accept[i];
		struct x86_label skip = { 0 };

		if (c->residual) {
			x86_call(g->a, g->program(g->ctx, c->filter));
			x86_test(g->a, X86_32, RAX, RAX);
			x86_jcc(g->a, CC_E, &skip);
		}
		if (g->mode == GEN_BEST)
			take_best(g, c, &skip);
		else
			collect(g, c);
		x86_bind(g->a, &skip);
	}
}

static void enter_node(struct gen *g, uint32_t i)
{
	struct trie_node *n = node(g, i);
	bool first = n->step.kind != STEP_BYTES || n->group == 0;

	if (first)
		__builtin_memcpy(n->known, node(g, n->parent)->known, sizeof n->known);
	if (n->step.kind == STEP_BYTES) {
		if (first)
			begin_group(g, i);
		x86_bind(g->a, &n->here);
	} else if (n->step.kind == STEP_BASE) {
		gen_base(g, n);
	} else if (n->step.kind == STEP_TEST) {
		gen_test(g, n);
	} else {
		check_span(g, n, n->step.base, n->step.value, &n->after);
	}
	gen_accepts(g, n->accept);
}

/* Behind a subtree: the other members of its group are passed over. */
static void leave_node(struct gen *g, uint32_t i)
{
	struct trie_node *n = node(g, i);

	if (in_group(g, i, n->sibling))
		x86_jmp(g->a, &node(g, n->group)->after);
	else
		x86_bind(g->a, n->group ? &node(g, n->group)->after : &n->after);
}

static void gen_nodes(struct gen *g)
{
	uint32_t i = node(g, 0)->child;

	while (i) {
		enter_node(g, i);
		if (node(g, i)->child) {
			i = node(g, i)->child;
			continue;
		}
		while (i) {
			leave_node(g, i);
			if (node(g, i)->sibling) {
				i = node(g, i)->sibling;
				break;
			}
			i = node(g, i)->parent;
		}
	}
}

static bool uses_saved(const struct gen *g)
{
	for (uint32_t i = 1; i < g->t->nodes; i++)
		if (g->t->node[i].step.kind == STEP_BASE)
			return true;
	return g->mode == GEN_COLLECT;
}

static void begin(struct gen *g, bool save)
{
	for (int i = 0; save && i < NSAVED; i++)
		x86_push(g->a, saved[i]);
	x86_mov(g->a, X86_32, RSI, RSI); /* the upper half is the caller's litter */
	x86_alu(g->a, X86_32, X86_XOR, R9, R9);
	if (g->mode == GEN_BEST) {
		x86_alu(g->a, X86_32, X86_XOR, R8, R8);
	} else {
		x86_mov(g->a, X86_32, R14, R8);
		x86_mov(g->a, X86_64, R8, RCX);
	}
}

static void end(struct gen *g, bool save)
{
	x86_mov(g->a, X86_32, RAX, R9);
	for (int i = NSAVED; save && i-- > 0;)
		x86_pop(g->a, saved[i]);
	x86_ret(g->a);
}

uint32_t gen_trie(struct x86 *a, struct trie *t, enum gen_mode mode, uint32_t *members,
                  gen_program *program, void *ctx)
{
	struct gen g = { .a = a, .t = t, .mode = mode, .members = members, .program = program,
		         .ctx = ctx };
	uint32_t start = x86_here(a);
	bool save = uses_saved(&g);

	for (uint32_t i = 0; i < t->nodes; i++) {
		node(&g, i)->here = node(&g, i)->after = (struct x86_label){ 0 };
		node(&g, i)->group = 0;
	}
	begin(&g, save);
	gen_accepts(&g, node(&g, 0)->accept);
	gen_nodes(&g);
	end(&g, save);
	return start;
}
