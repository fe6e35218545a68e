/* dpf/filter.c - reading filters as they come from outside (dpf/filter.h).
 *
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "dpf/filter.h"
#include "dpf/bpf.h"

/* What is left to read of an untrusted run of bytes. */
struct reader {
	const uint8_t *p;
	size_t left;
};

static bool take(struct reader *r, void *out, size_t n)
{
	if (r->left < n)
		return false;
	__builtin_memcpy(out, r->p, n);
	r->p += n;
	r->left -= n;
	return true;
}

static bool atom_is_valid(const struct exo_atom *a)
{
	if (a->op == FILTER_SHIFT)
		return (a->width == 1 || a->width == 2) && a->mask <= path_ones(a->width) &&
		       a->lo <= FILTER_SHIFT_MAX && a->hi <= FILTER_SHIFT_MAX && !(a->lo && a->hi);
	if (a->op != FILTER_IN && a->op != FILTER_OUT)
		return false;
	if (a->width > 4 || a->width == 3 || (a->width == PATH_LEN && a->offset))
		return false;
	return a->mask <= path_ones(a->width) && a->lo <= a->hi &&
	       a->hi <= path_ones(a->width);
}

static bool path_is_valid(struct reader *r)
{
	struct exo_path head;
	unsigned shifts = 0;

	if (!take(r, &head, sizeof head) || head.zero || head.natoms > FILTER_ATOMS_MAX ||
	    (head.flags & ~FILTER_RX_ONLY))
		return false;
	for (unsigned i = 0; i < head.natoms; i++) {
		struct exo_atom a;

		if (!take(r, &a, sizeof a) || !atom_is_valid(&a))
			return false;
		shifts += a.op == FILTER_SHIFT;
	}
	return shifts <= FILTER_SHIFTS_MAX;
}

int filter_decode(struct filter_view *f, const void *bytes, size_t length)
{
	struct reader r = { bytes, length };
	struct exo_filter head;

	if (length > FILTER_BYTES_MAX || !take(&r, &head, sizeof head))
		return -E_INVAL;
	if (head.bytes != length || head.zero || (head.flags & ~FILTER_SHARED) ||
	    head.npaths > FILTER_PATHS_MAX || head.ninsns > FILTER_INSNS_MAX ||
	    head.npaths + head.ninsns == 0)
		return -E_INVAL;
	*f = (struct filter_view){ .priority = head.priority, .flags = head.flags,
		.npaths = head.npaths, .ninsns = head.ninsns, .paths = r.p };
	for (unsigned i = 0; i < head.npaths; i++)
		if (!path_is_valid(&r))
			return -E_INVAL;
	f->insns = r.p;
	if (r.left != head.ninsns * sizeof(struct exo_bpf_insn))
		return -E_INVAL;
	uint32_t at;
	return head.ninsns && bpf_fault(f, &at) ? -E_INVAL : 0;
}

struct exo_bpf_insn filter_insn(const struct filter_view *f, uint32_t i)
{
	struct exo_bpf_insn insn;

	__builtin_memcpy(&insn, f->insns + i * sizeof insn, sizeof insn);
	return insn;
}

/* The limits were checked: a path has at most as many atoms as it has room for. */
static void add_atom(struct path *p, const struct exo_atom *a, uint8_t *base)
{
	if (a->op == FILTER_SHIFT) {
		const struct path_base b = { .parent = *base, .width = a->width,
			.shift = (int8_t)(a->lo - a->hi), .offset = a->offset, .mask = a->mask };

		*base = (uint8_t)path_add_base(p, &b);
		return;
	}
	const struct path_test t = { .offset = a->offset, .base = *base, .width = a->width,
		.negate = a->op == FILTER_OUT, .mask = a->mask, .lo = a->lo, .hi = a->hi };
	path_add(p, &t);
}
_Static_assert(PATH_BYTES - 4 * FILTER_ATOMS_MAX >= 0 && PATH_TESTS - FILTER_ATOMS_MAX >= 0 &&
               PATH_BASES - FILTER_SHIFTS_MAX > 0, "any valid path fits");

const uint8_t *filter_path(struct path *p, const uint8_t *at, uint16_t priority)
{
	struct reader r = { at, SIZE_MAX };
	struct exo_path head = { 0 };
	uint8_t base = 0;

	take(&r, &head, sizeof head);
	path_init(p, priority);
	p->rx_only = head.flags & FILTER_RX_ONLY;
	for (unsigned i = 0; i < head.natoms; i++) {
		struct exo_atom a = { 0 };

		take(&r, &a, sizeof a);
		add_atom(p, &a, &base);
	}
	path_finish(p);
	return r.p;
}

void filter_program_path(struct path *p, uint16_t priority)
{
	path_init(p, priority);
	p->residual = true;
	path_finish(p);
}
