/* kernel/sys_net.c - rings and filters. SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "exo/filter.h"
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/filter.h"
#include "kernel/page.h"
#include "kernel/ring.h"
#include "kernel/sys.h"
#include "kernel/user.h"

/* Page numbers of one call, and a filter being inserted: one call runs at a time. */
static struct {
	uint32_t page[EXO_RING_PAGES];
	uint8_t filter[FILTER_KERNEL_MAX] __attribute__((aligned(8)));
} scratch;

/* Read n page slots into scratch.page: not executable if they are to be written.
 * Returns 0 or -E_PERM, -E_BUSY, -E_LIMIT. */
static int page_list(uint32_t slot, uint32_t n, bool write)
{
	struct env *env = cpu()->env;

	if (n == 0 || n > EXO_RING_PAGES)
		return -E_LIMIT;
	if (!slot_check(env, slot, n, CAP_PAGE, RIGHT_READ | (write ? RIGHT_WRITE : 0)))
		return -E_PERM;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t pfn = slot_at(env, slot + i)->index;

		if (pages[pfn].pins > UINT16_MAX / 2 || pages[pfn].kernel_writes > UINT16_MAX / 2)
			return -E_LIMIT;
		if (write && pages[pfn].executable)
			return -E_BUSY;
		scratch.page[i] = pfn;
	}
	return 0;
}

/* sys_ring_create - bind a packet ring (exo/ring.h) over n pages.
 *   slot  first of n page slots with RIGHT_READ and RIGHT_WRITE; the first page holds
 *         struct exo_ring with rx_base and rx_buffers set
 * Returns a slot of CAP_RING with all rights, or with nothing changed
 *   -E_LIMIT  n is not 1..EXO_RING_PAGES, or a page is pinned too often
 *   -E_PERM   a slot      -E_BUSY  a page is mapped executable
 *   -E_INVAL  the receive buffers do not lie in the region
 *   -E_NOSPC  RING_MAX rings, or no slot      -E_NOMEM  no page, or table_limit */
long sys_ring_create(uint32_t slot, uint32_t n)
{
	struct env *env = cpu()->env;
	int error = page_list(slot, n, true);

	if (error)
		return error;
	long out = slot_reserve(env, 1);
	if (out < 0)
		return out;
	long ring = ring_create(env, scratch.page, n);
	if (ring < 0)
		return ring;
	slot_fill(env, (uint32_t)out, CAP_RING, (uint32_t)ring, RIGHT_ALL);
	return out;
}

/* sys_ring_extend - append n pages to send from.
 *   ring  slot of CAP_RING with RIGHT_MAP
 *   slot  first of n page slots with RIGHT_READ
 * Returns the region offset of the first, or -E_PERM, or -E_LIMIT beyond EXO_RING_PAGES. */
long sys_ring_extend(uint32_t ring, uint32_t slot, uint32_t n)
{
	struct slot *r = slot_get(cpu()->env, ring, CAP_RING, RIGHT_MAP);

	if (!r)
		return -E_PERM;
	int error = page_list(slot, n, false);
	return error ? error : ring_extend(r->index, scratch.page, n);
}

/* sys_ring_send - transmit the frames that tx entries describe. The kernel copies the first
 * EXO_TX_HEADER bytes and checks that copy: the source address is the interface's, and
 * a filter of the sender's, mirrored, accepts it. The rest goes from the sender's pages.
 *   ring  slot of CAP_RING with RIGHT_MAP
 *   nic   slot of CAP_NIC; with RIGHT_CARVE any frame may be sent
 * Returns how many entries are left because the device is full (wait for tx_done), or
 *   -E_PERM   a slot      -E_INVAL  tx_head is further on than the ring is long
 * Frames refused are counted in tx_refused and in nic.refused. */
long sys_ring_send(uint32_t ring, uint32_t nic)
{
	struct env *env = cpu()->env;
	struct slot *r = slot_get(env, ring, CAP_RING, RIGHT_MAP);
	struct slot *n = slot_get(env, nic, CAP_NIC, RIGHT_RECV);

	if (!r || !n)
		return -E_PERM;
	return ring_send(r->index, n->rights & RIGHT_CARVE);
}

/* sys_ring_destroy - unbind a ring; its filters go, its pages stay their owner's.
 * Returns 0, or -E_PERM (slot of CAP_RING with RIGHT_OWN). */
long sys_ring_destroy(uint32_t ring)
{
	struct slot *r = slot_get(cpu()->env, ring, CAP_RING, RIGHT_OWN);

	if (!r)
		return -E_PERM;
	ring_destroy(r->index);
	slot_clear(cpu()->env, ring);
	return 0;
}

/* The filters named by ncarve slots, each with RIGHT_CARVE. */
static int carve_list(uint64_t va, uint32_t ncarve, uint32_t ids[])
{
	struct env *env = cpu()->env;
	uint32_t slots[FILTER_CARVE_MAX];

	if (ncarve > FILTER_CARVE_MAX)
		return -E_LIMIT;
	if (!copyin(env, slots, uptr(va), ncarve * sizeof *slots))
		return -E_FAULT;
	for (uint32_t i = 0; i < ncarve; i++) {
		struct slot *s = slot_get(env, slots[i], CAP_FILTER, RIGHT_CARVE);
		if (!s)
			return -E_PERM;
		ids[i] = s->index;
	}
	return 0;
}

/* Does scratch.filter ask for copies beside the winner's? */
static bool is_shared(uint32_t length)
{
	const struct exo_filter *f = (const struct exo_filter *)scratch.filter;

	return length >= sizeof *f && f->flags & FILTER_SHARED;
}

/* sys_filter_insert - deliver the frames that a filter accepts to a ring.
 *   nic     slot of CAP_NIC with RIGHT_RECV; with RIGHT_CARVE the filter may take
 *           frames from any other, with RIGHT_READ it may be FILTER_SHARED
 *   ring    slot of CAP_RING with RIGHT_RECV, of the caller's
 *   filter  address of `length` bytes (exo/filter.h), at most FILTER_KERNEL_MAX
 *   carve   address of ncarve (<= FILTER_CARVE_MAX) slots of CAP_FILTER with
 *           RIGHT_CARVE: filters it may take frames from
 * Returns a slot of CAP_FILTER with all rights, or with nothing changed
 *   -E_PERM     a slot        -E_FAULT  filter or carve is not readable
 *   -E_LIMIT    length or ncarve; or a limit of the classifier (dpf/dpf.h)
 *   -E_INVAL    no valid filter
 *   -E_OVERLAP  it takes frames from a filter that carve does not name
 *   -E_NOSPC    EXO_FILTER_MAX filters, or no slot      -E_NOMEM */
long sys_filter_insert(uint32_t nic, uint32_t ring, uint64_t filter, uint32_t length,
                       uint64_t carve, uint32_t ncarve)
{
	struct env *env = cpu()->env;
	struct slot *n = slot_get(env, nic, CAP_NIC, RIGHT_RECV);
	struct slot *r = slot_get(env, ring, CAP_RING, RIGHT_RECV);
	uint32_t may[FILTER_CARVE_MAX];

	if (!n || !r)
		return -E_PERM;
	if (length > FILTER_KERNEL_MAX)
		return -E_LIMIT;
	if (!copyin(env, scratch.filter, uptr(filter), length))
		return -E_FAULT;
	if (is_shared(length) && !(n->rights & RIGHT_READ))
		return -E_PERM;
	int error = carve_list(carve, ncarve, may);
	if (error)
		return error;
	long slot = slot_reserve(env, 1);
	if (slot < 0)
		return slot;
	bool any = n->rights & RIGHT_CARVE;
	long number = filter_insert(env, r->index, scratch.filter, length, may,
	                            any ? UINT32_MAX : ncarve);
	if (number < 0)
		return number;
	slot_fill(env, (uint32_t)slot, CAP_FILTER, (uint32_t)number, RIGHT_ALL);
	return slot;
}

/* sys_filter_remove - remove a filter. Returns 0, or -E_PERM (slot of CAP_FILTER with
 * RIGHT_OWN). */
long sys_filter_remove(uint32_t filter)
{
	struct slot *s = slot_get(cpu()->env, filter, CAP_FILTER, RIGHT_OWN);

	if (!s)
		return -E_PERM;
	filter_remove(s->index);
	slot_clear(cpu()->env, filter);
	return 0;
}
