/* dpf/digest.h - what a path, or all paths of a shape, want of 16 bytes of the frame in which filters
 * usually differ: two that want different values there exclude each other, and most do. An overlap
 * check that asks this first looks at few shapes.
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/path.h"

struct digest {
	uint64_t mask[2], value[2];
};

/* Want these bits of the frame's byte at `offset`. */
static inline void digest_add(struct digest *d, unsigned offset, uint8_t mask, uint8_t value)
{
	enum { BYTES = 54 };
	static const uint8_t place[BYTES] = { /* + 1; 0: not one of the 16 */
		[12] = 1, [13] = 2,                           /* type */
		[20] = 3, [23] = 4,                           /* IPv6: next header; IPv4: protocol */
		[26] = 5, [27] = 6, [28] = 7, [29] = 8,       /* IPv4: source, */
		[30] = 9, [31] = 10, [32] = 11, [33] = 12,    /* destination */
		[50] = 13, [51] = 14, [52] = 15, [53] = 16,   /* IPv6: the end of the destination */
	};
	unsigned at = offset < BYTES ? place[offset] : 0;

	if (!at)
		return;
	d->mask[(at - 1) / 8] |= (uint64_t)mask << 8 * ((at - 1) % 8);
	d->value[(at - 1) / 8] |= (uint64_t)value << 8 * ((at - 1) % 8);
}

/* Of a path's bytes; without those that are open, when open[] is given. */
static inline struct digest digest_of(const struct path *p, const uint8_t *open)
{
	struct digest d = { { 0 }, { 0 } };

	for (unsigned i = 0; i < p->nbytes; i++)
		if (!p->byte[i].base && !(open && open[i]))
			digest_add(&d, p->byte[i].offset, p->byte[i].mask, p->byte[i].value);
	return d;
}

/* No frame is accepted by both, for certain. */
static inline bool digest_excludes(const struct digest *a, const struct digest *b)
{
	return ((a->value[0] ^ b->value[0]) & a->mask[0] & b->mask[0]) != 0 ||
	       ((a->value[1] ^ b->value[1]) & a->mask[1] & b->mask[1]) != 0;
}
