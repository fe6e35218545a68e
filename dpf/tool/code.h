/* dpf/tool/code.h - writing classic BPF programs with labels. SPDX-License-Identifier: ISC */
#pragma once
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>

enum { CODE_INSNS_MAX = 16384, CODE_LABELS_MAX = 16384 };

struct code {
	struct bpf_insn insn[CODE_INSNS_MAX];
	uint16_t label_of[CODE_INSNS_MAX];  /* of a ja: its label */
	uint32_t at[CODE_LABELS_MAX];       /* where a label stands */
	uint32_t n, labels;
	bool full; /* more was written than there is room for */
};

void code_put(struct code *c, uint16_t op, uint32_t k);
uint16_t code_label(struct code *c); /* a new one, which stands nowhere yet */
void code_place(struct code *c, uint16_t label);
void code_goto(struct code *c, uint16_t label);

/* If the accumulator compares so (BPF_JEQ, ...) with k (BPF_K) or X (BPF_X), go to yes, else
 * to no. A label FALL stands for the next instruction. */
enum { FALL = 0 };
void code_if(struct code *c, uint16_t op, uint32_t k, uint16_t yes, uint16_t no);

/* Resolve the labels, all of which are placed behind the jumps to them. Returns false when
 * it was full. */
bool code_finish(struct code *c);
