/* dpf/tool/meaning.h - where libpcap's meaning of an expression and the strict one differ.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/tool/syntax.h"

struct difference {
	const char *kind, *words;
	struct token where;
};
enum { DIFFERENCES_MAX = 6 };

/* Each kind once, at its first place. Returns how many. */
int meaning_compare(const struct syntax *s, struct difference d[DIFFERENCES_MAX]);
