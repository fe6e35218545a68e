/* dpf/overlap.h - may a new path stand beside those of a shape?
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/shape.h"

/* Where the question has come so far, over several shapes. */
struct overlap {
	const struct store *store;
	const struct dpf_dominance *may;
	struct path *scratch;
	bool copies;       /* p is a shared filter's: it takes nothing, and copies what it accepts */
	uint32_t work;     /* paths compared one by one */
	uint32_t conflict; /* the filter that -E_OVERLAP is about */
};

/* p against every member of s. 0, -E_OVERLAP or -E_LIMIT. */
int overlap_check(struct overlap *o, const struct shape *s, const struct path *p);
