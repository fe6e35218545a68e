/* dpf/tool/program.h - the text that `tcpdump -ddd` prints, read as a filter.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/filter.h"

enum { PROGRAM_WHY_BYTES = 128 };

/* A filter that is a program alone, as exo/filter.h has it; and what is wrong with it. */
struct program {
	struct exo_filter head;
	struct exo_bpf_insn insn[FILTER_INSNS_MAX];
	char why[PROGRAM_WHY_BYTES];
};

/* Can these n instructions not be loaded? Then why names the first one that is wrong, by the number
 * that `tcpdump -d` prints, and says what is. */
bool program_is_wrong(const void *insns, uint32_t n, char why[PROGRAM_WHY_BYTES]);

/* Read the number of instructions, then as many lines `code jt jf k`, all decimal, and check
 * the program. Returns NULL and a view of *p, or what is wrong with the text,
 * which may be in p->why. */
const char *program_parse(struct program *p, const char *text, struct filter_view *f);
