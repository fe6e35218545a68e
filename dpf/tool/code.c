/* dpf/tool/code.c - see code.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/code.h"

void code_put(struct code *c, uint16_t op, uint32_t k)
{
	if (c->n == CODE_INSNS_MAX) {
		c->full = true;
		return;
	}
	c->label_of[c->n] = FALL;
	c->insn[c->n++] = (struct bpf_insn){ .code = op, .k = k };
}

uint16_t code_label(struct code *c)
{
	if (c->labels + 1 < CODE_LABELS_MAX)
		return (uint16_t)++c->labels;
	c->full = true;
	return CODE_LABELS_MAX - 1;
}

void code_place(struct code *c, uint16_t label) { c->at[label] = c->n; }

void code_goto(struct code *c, uint16_t label)
{
	code_put(c, BPF_JMP | BPF_JA, 0);
	if (!c->full)
		c->label_of[c->n - 1] = label;
}

/* A conditional jump reaches 255 instructions, ja reaches all: go on from one to the other. */
void code_if(struct code *c, uint16_t op, uint32_t k, uint16_t yes, uint16_t no)
{
	uint32_t at = c->n;

	code_put(c, (uint16_t)(BPF_JMP | op), k);
	if (yes)
		code_goto(c, yes);
	if (no)
		code_goto(c, no);
	if (c->full)
		return;
	c->insn[at].jt = yes ? 0 : no ? 1 : 0;
	c->insn[at].jf = yes ? 1 : 0;
}

bool code_finish(struct code *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (c->label_of[i])
			c->insn[i].k = c->at[c->label_of[i]] - (i + 1);
	return !c->full;
}
