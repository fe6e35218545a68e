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
#include "dpf/gentree.h"

enum { ALWAYS = 0xff };
_Static_assert((int)GEN_LEVELS < (int)ALWAYS, "a level's mark fits");

/* What a function must keep: bases for one filter, all for as many as there are. */
static const enum x86_gpr saved[] = { RBX, RBP, R12, R13, R14, R15 };
static int nsaved(const struct gen *g)
{
	return g->mode == GEN_COLLECT ? 6 : g->save ? 3 : 0;
}

void gen_tell(struct gen *g, uint32_t from, uint32_t to, struct gen_note n)
{
	if (!g->listener)
		return;
	n.code = n.code ? n.code : x86_here(g->a);
	n.depth += 2 * g->depth;
	n.shapes = g->order + from;
	n.nshapes = to - from;
	g->listener->hears(g->listener->ctx, g->store, &n);
}

unsigned gen_own_base(const struct shape *s, unsigned base)
{
	for (unsigned i = 0; i < s->form.nbases; i++)
		if (s->base_done[i] && s->base_at[i] == base)
			return i;
	return PATH_BASES;
}

uint32_t gen_run_of(struct gen *g, bool (*same)(const struct shape *first, unsigned what,
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

void gen_begin_run(struct gen *g, uint32_t run)
{
	struct gen_level *l = g->l;

	l->run = l->group = run;
	l->run_nbases = l->nbases;
	__builtin_memcpy(l->run_known, l->known, sizeof l->known);
	l->next = (struct x86_label){ 0 };
}

void gen_descend(struct gen *g, uint32_t from, uint32_t to)
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

static void step(struct gen *g)
{
	const struct shape *s = g->order[g->l->at];
	unsigned i = gen_choose_byte(g);

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
		s->byte_done[i] = s->byte_done[i] == gen_mark(g) ? 0 : s->byte_done[i];
	for (unsigned i = 0; i < s->form.ntests; i++)
		s->test_done[i] = s->test_done[i] == gen_mark(g) ? 0 : s->test_done[i];
	for (unsigned i = 0; i < s->form.nbases; i++)
		s->base_done[i] = s->base_done[i] == gen_mark(g) ? 0 : s->base_done[i];
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
		gen_begin_group(g, from, to);
		return;
	}
	x86_bind(g->a, &l->next);
	for (uint32_t i = l->at; i < l->run; i++)
		forget(g, g->order[i]);
	l->at = l->run;
}

static void push_saved(struct gen *g)
{
	for (int i = 0; i < nsaved(g); i++)
		x86_push(g->a, saved[i]);
}

static void pop_saved(struct gen *g)
{
	for (int i = nsaved(g); i-- > 0;)
		x86_pop(g->a, saved[i]);
}

/* The arguments to where the tree wants them. The upper half of a length is the caller's litter. */
static void enter(struct gen *g)
{
	bool best = g->mode == GEN_BEST;

	gen_tell(g, 0, 0, (struct gen_note){ .kind = GEN_ENTER });
	if (best)
		x86_mov(g->a, X86_64, RDI, RSI);
	x86_mov(g->a, X86_32, RSI, best ? RDX : RSI);
	if (g->place->wirelen)
		x86_mov(g->a, X86_32, R9, best ? RCX : RDX);
}

/* In COLLECT registers are saved where the function begins, and restored at its end; else by each
 * part that needs them. */
static void begin(struct gen *g)
{
	if (g->place->first) {
		enter(g);
		x86_bind(g->a, &g->inner);
	}
	if (g->mode == GEN_BEST || g->place->first)
		push_saved(g);
	if (g->mode == GEN_BEST || !g->place->first)
		return;
	x86_mov(g->a, X86_64, R13, RCX);
	x86_mov(g->a, X86_32, R14, R8);
	x86_alu(g->a, X86_32, X86_XOR, R15, R15);
}

/* None of these: on to the next part. */
static void go_on(struct gen *g)
{
	gen_tell(g, 0, 0, (struct gen_note){ .kind = GEN_ON });
	if (g->mode == GEN_BEST)
		pop_saved(g);
	x86_mov_imm(g->a, R10, (uint64_t)(uintptr_t)g->place->on);
	x86_jmp_mem(g->a, x86_at(R10, 0));
}

static void leave(struct gen *g)
{
	gen_tell(g, 0, 0, (struct gen_note){ .kind = GEN_LEAVE });
	if (g->mode == GEN_COLLECT)
		x86_mov(g->a, X86_32, RAX, R15);
	else
		x86_alu(g->a, X86_32, X86_XOR, RAX, RAX);
}

static void end(struct gen *g)
{
	if (g->place->on)
		go_on(g);
	else
		leave(g);
	if (g->place->on && (g->mode == GEN_COLLECT || !g->save))
		return; /* nothing leaves from here */
	x86_bind(g->a, &g->exit);
	pop_saved(g);
	x86_ret(g->a);
}

/* Frame after frame. r13, r14, r15: the ends of frames, lens, ids; rbx: minus how many are left.
 * The function keeps them. */
static void gen_burst(struct gen *g)
{
	static const enum x86_gpr keep[] = { R13, R14, R15, RBX };
	struct x86 *a = g->a;
	struct x86_label again = { 0 };

	gen_tell(g, 0, 0, (struct gen_note){ .kind = GEN_BURST });
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
	if (g->place->wirelen)
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
}

void gen_shapes(struct x86 *a, const struct store *store, const struct gen_place *place, uint32_t n,
                enum gen_mode mode, struct gen_scratch *scratch,
                const struct gen_listener *listener)
{
	struct gen g = { .a = a, .store = store, .order = scratch->order, .s = scratch,
		         .l = scratch->level, .mode = mode, .place = place, .listener = listener };

	for (uint32_t i = 0; i < n; i++)
		prepare(&g, g.order[i]);
	if (mode == GEN_BEST && place->first)
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
