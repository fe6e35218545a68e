/* dpf/tool/program.h - the text that `tcpdump -ddd` prints, read as a filter.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/filter.h"

/* A filter that is a program alone, as exo/filter.h has it. */
struct program {
	struct exo_filter head;
	struct exo_bpf_insn insn[FILTER_INSNS_MAX];
};

/* Read the number of instructions, then as many lines `code jt jf k`, all decimal, and check
 * the program. Returns NULL and a view of *p, or what is wrong with the text. */
const char *program_parse(struct program *p, const char *text, struct filter_view *f);
