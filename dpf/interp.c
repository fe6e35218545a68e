/* dpf/interp.c - see interp.h. Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/interp.h"
#include "dpf/bpf.h"

static uint32_t load(const uint8_t *at, unsigned width)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < width; i++)
		v = v << 8 | at[i];
	return v;
}

/* Where the bases lie; false if one is not captured as far as the path needs it. */
static bool find_bases(const struct path *p, const uint8_t *frame, uint32_t caplen,
                       uint64_t base[PATH_BASES])
{
	base[0] = 0;
	if (p->span[0] > caplen)
		return false;
	for (unsigned i = 1; i < p->nbases; i++) {
		const struct path_base *b = &p->base[i];
		uint64_t v = load(frame + base[b->parent] + b->offset, b->width) & b->mask;

		v = b->shift >= 0 ? v << b->shift : v >> -b->shift;
		base[i] = base[b->parent] + v;
		if (base[i] + p->span[i] > caplen)
			return false;
	}
	return true;
}

bool interp_tests(const struct path *p, const uint8_t *frame, uint32_t caplen,
                  uint32_t wirelen, uint64_t base[PATH_BASES])
{
	if (!find_bases(p, frame, caplen, base))
		return false;
	for (unsigned i = 0; i < p->ntests; i++) {
		const struct path_test *t = &p->test[i];
		uint32_t v = t->width == PATH_LEN
		                     ? wirelen
		                     : load(frame + base[t->base] + t->offset, t->width);

		if (!path_test_holds(t, v & t->mask))
			return false;
	}
	return true;
}

bool interp_path(const struct path *p, const uint8_t *frame, uint32_t caplen,
                 uint32_t wirelen)
{
	uint64_t base[PATH_BASES];

	if (p->never || !interp_tests(p, frame, caplen, wirelen, base))
		return false;
	for (unsigned i = 0; i < p->nbytes; i++) {
		const struct path_byte *b = &p->byte[i];

		if ((frame[base[b->base] + b->offset] & b->mask) != b->value)
			return false;
	}
	return true;
}

bool interp_filter(const struct filter_view *f, struct path *p, const uint8_t *frame,
                   uint32_t caplen, uint32_t wirelen, uint64_t *rank)
{
	const uint8_t *at = f->paths;
	bool accepts = false;

	*rank = 0;
	for (uint32_t i = 0; i < f->npaths; i++) {
		at = filter_path(p, at, f->priority);
		if (!interp_path(p, frame, caplen, wirelen))
			continue;
		accepts = true;
		*rank = p->rank > *rank ? p->rank : *rank;
	}
	if (f->ninsns && bpf_run(f, frame, caplen, wirelen)) {
		accepts = true;
		filter_program_path(p, f->priority);
		*rank = p->rank > *rank ? p->rank : *rank;
	}
	return accepts;
}
