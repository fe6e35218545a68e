/* dpf/mirror.c - what a filter's owner may transmit: the filter with source and destination
 * exchanged (dpf_mirror in dpf/dpf.h). Layer: leaf library. SPDX-License-Identifier: ISC */
#include "dpf/dpf.h"
#include "dpf/filter.h"

enum { TYPE_AT = 12, IP4 = 0x0800, ARP = 0x0806, IP6 = 0x86dd, IP4_PROTO = 23, IP6_PROTO = 20 };
enum { TCP = 6, UDP = 17, FRAGMENT = 44, IP6_FRAGMENT_PROTO = 54 };

/* What a path's atoms say about the frame's layout. */
struct layout {
	uint32_t type;  /* EtherType, 0: not said */
	uint32_t proto; /* of IPv4 or IPv6 */
	bool fragment;  /* IPv6: behind a fragment header */
};

/* Two fields that change places, and where they lie: anywhere, or only in a transport header
 * that comes after the IPv4 header (counted from that header's end + 14), after the IPv6
 * header, or after an IPv6 fragment header. */
struct exchange {
	uint16_t type;
	enum { ANYWHERE, SHIFTED, FIXED, FRAGMENTED } ports;
	uint16_t a, b, bytes;
};

static const struct exchange exchanges[] = {
	{ 0, ANYWHERE, 0, 6, 6 },      /* MAC addresses */
	{ IP4, ANYWHERE, 26, 30, 4 },
	{ IP4, SHIFTED, 14, 16, 2 },
	{ IP6, ANYWHERE, 22, 38, 16 },
	{ IP6, FIXED, 54, 56, 2 },
	{ IP6, FRAGMENTED, 62, 64, 2 },
	{ ARP, ANYWHERE, 22, 32, 6 },  /* sender and target: MAC, IP */
	{ ARP, ANYWHERE, 28, 38, 4 },
};

static struct exo_path read_path(const uint8_t *at)
{
	struct exo_path p;

	__builtin_memcpy(&p, at, sizeof p);
	return p;
}

static struct exo_atom read_atom(const uint8_t *atoms, unsigned i)
{
	struct exo_atom a;

	__builtin_memcpy(&a, atoms + i * sizeof a, sizeof a);
	return a;
}

static bool compares(const struct exo_atom *a, unsigned width, unsigned offset)
{
	return a->op == FILTER_IN && a->width == width && a->offset == offset &&
	       a->mask == path_ones(width) && a->lo == a->hi;
}

/* The value that a path wants at `offset` before its first shift; `otherwise`: it does not say. */
static uint32_t wanted(const uint8_t *atoms, unsigned n, unsigned width, unsigned offset,
                       uint32_t otherwise)
{
	for (unsigned i = 0; i < n; i++) {
		struct exo_atom a = read_atom(atoms, i);

		if (a.op == FILTER_SHIFT)
			break;
		if (compares(&a, width, offset))
			return a.lo;
	}
	return otherwise;
}

static struct layout find_layout(const uint8_t *atoms, unsigned n)
{
	struct layout l = { .type = wanted(atoms, n, 2, TYPE_AT, 0) };

	l.proto = wanted(atoms, n, 1, l.type == IP4 ? IP4_PROTO : IP6_PROTO, 0);
	l.fragment = l.type == IP6 && l.proto == FRAGMENT;
	if (l.fragment)
		l.proto = wanted(atoms, n, 1, IP6_FRAGMENT_PROTO, 0);
	return l;
}

static bool applies(const struct exchange *x, const struct layout *l, unsigned shifts)
{
	if (x->type && x->type != l->type)
		return false;
	if (x->ports == ANYWHERE)
		return shifts == 0;
	if (l->proto != TCP && l->proto != UDP)
		return false;
	return shifts == (x->ports == SHIFTED) && l->fragment == (x->ports == FRAGMENTED);
}

/* Move an atom's load to the field that it changes places with. False: it lies across
 * the edge of such a field. */
static bool exchange_atom(struct exo_atom *a, const struct layout *l, unsigned shifts)
{
	unsigned from = a->offset, to = from + a->width;

	for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
		const struct exchange *x = &exchanges[i];
		unsigned fields[2] = { x->a, x->b };

		if (!applies(x, l, shifts))
			continue;
		for (int f = 0; f < 2; f++) {
			unsigned start = fields[f], stop = start + x->bytes;

			if (to <= start || from >= stop)
				continue;
			if (from < start || to > stop)
				return false;
			a->offset = (uint16_t)(from - start + fields[!f]);
			return true;
		}
	}
	return true;
}

struct writer {
	uint8_t *out;
	size_t cap, n;
};

static bool put(struct writer *w, const void *p, size_t n)
{
	if (n > w->cap - w->n)
		return false;
	__builtin_memcpy(w->out + w->n, p, n);
	w->n += n;
	return true;
}

/* Can every atom be mirrored? Only the first shift, over the IPv4 header, is understood. */
static bool can_mirror(const uint8_t *atoms, unsigned n, const struct layout *l)
{
	unsigned shifts = 0;

	for (unsigned i = 0; i < n; i++) {
		struct exo_atom a = read_atom(atoms, i);

		if (a.op == FILTER_SHIFT)
			shifts++;
		else if (a.width != PATH_LEN && !exchange_atom(&a, l, shifts))
			return false;
		if (shifts > 1 || (shifts && l->type != IP4))
			return false;
	}
	return true;
}

static bool put_mirrored(struct writer *w, const struct exo_path *p, const uint8_t *atoms,
                         const struct layout *l)
{
	unsigned shifts = 0;

	if (!put(w, p, sizeof *p))
		return false;
	for (unsigned i = 0; i < p->natoms; i++) {
		struct exo_atom a = read_atom(atoms, i);

		if (a.op == FILTER_SHIFT)
			shifts++;
		else if (a.width != PATH_LEN)
			exchange_atom(&a, l, shifts);
		if (!put(w, &a, sizeof a))
			return false;
	}
	return true;
}

long dpf_mirror(const void *in, size_t length, void *out, size_t cap)
{
	struct filter_view f;
	struct writer w = { out, cap, sizeof(struct exo_filter) };
	uint16_t npaths = 0;
	int error = filter_decode(&f, in, length);

	if (error)
		return error;
	if (cap < sizeof(struct exo_filter))
		return -E_NOSPC;
	const uint8_t *at = f.paths;
	for (uint32_t i = 0; i < f.npaths; i++) {
		struct exo_path p = read_path(at);
		const uint8_t *atoms = at + sizeof p;
		struct layout l = find_layout(atoms, p.natoms);

		at = atoms + p.natoms * sizeof(struct exo_atom);
		if (p.flags & FILTER_RX_ONLY || !can_mirror(atoms, p.natoms, &l))
			continue;
		if (!put_mirrored(&w, &p, atoms, &l))
			return -E_NOSPC;
		npaths++;
	}
	if (npaths == 0)
		return 0;
	struct exo_filter head = { .bytes = (uint32_t)w.n, .priority = f.priority,
		                   .flags = f.flags, .npaths = npaths };
	__builtin_memcpy(out, &head, sizeof head);
	return (long)w.n;
}
