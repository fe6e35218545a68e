/* dpf/genload.c - loads of the frame, and the checks that its bytes are there (dpf/gentree.h).
 * Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/gentree.h"

const enum x86_gpr gen_register[PATH_BASES] = { RDI, R8, RBX, RBP, R12 };

struct x86_mem gen_at(unsigned base, int32_t offset)
{
	return base ? x86_indexed(RDI, gen_register[base], 0, offset) : x86_at(RDI, offset);
}

enum x86_size gen_size_of(unsigned width)
{
	return width == 1 ? X86_8 : width == 2 ? X86_16 : width == 4 ? X86_32 : X86_64;
}

void gen_check_span(struct gen *g, uint32_t *known, unsigned base, uint32_t need,
                    struct x86_label *fail)
{
	if (need <= known[base])
		return;
	if (base) {
		x86_lea(g->a, X86_64, R11, x86_at(gen_register[base], (int32_t)need));
		x86_alu(g->a, X86_64, X86_CMP, RSI, R11);
	} else {
		x86_alu_imm(g->a, X86_64, X86_CMP, RSI, (int32_t)need);
	}
	x86_jcc(g->a, CC_B, fail);
	known[base] = need;
}

void gen_check_run(struct gen *g, unsigned base)
{
	struct gen_level *l = g->l;
	uint32_t need = UINT32_MAX;

	for (uint32_t i = l->at; i < l->run; i++) {
		const struct shape *s = g->order[i];
		uint32_t span = s->form.span[gen_own_base(s, base)];

		need = span < need ? span : need;
	}
	gen_check_span(g, l->run_known, base, need, &l->next);
}

static uint64_t ones(unsigned width) { return width == 8 ? UINT64_MAX : (1ull << 8 * width) - 1; }

void gen_alu_imm(struct gen *g, unsigned width, enum x86_alu op, enum x86_gpr dst, uint64_t imm)
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

void gen_load_masked(struct gen *g, enum x86_gpr dst, struct window w)
{
	x86_load(g->a, gen_size_of(w.width), dst, gen_at(w.base, (int32_t)w.offset));
	if (w.mask != ones(w.width))
		gen_alu_imm(g, w.width, X86_AND, dst, w.mask);
}
