/* apps/bridge/rules.h - the bridge's rules: a text, each rule "pass" or "deny" on a line of its own and
 * then a filter as `dpf ir -ddd EXPRESSION` (or tcpdump -ddd) prints it: a line with the number of its
 * instructions, and a line "code jt jf k" for each. Empty lines and those that begin with "#" say
 * nothing. The first rule that accepts a frame decides; a frame that none accepts passes.
 *
 * Layer: apps, pure. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "exo/filter.h"

enum { RULES_MAX = 64 };

struct rule {
	bool pass;
	struct exo_filter head; /* its priority is the reader's to set */
	struct exo_bpf_insn insn[FILTER_INSNS_MAX];
};

/* Read the rule that begins at *at or after what says nothing; *at moves behind it. Returns 1, or 0
 * when there is none before `end`, or -E_INVAL (no such line, a number that does not fit, or the text
 * ends within), or -E_LIMIT (more than FILTER_INSNS_MAX instructions, or none). What the program
 * does is not looked at: dpf_insert does. */
int rules_next(const char **at, const char *end, struct rule *out);
