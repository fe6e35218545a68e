/* kernel/sys_net.c - rings, filters and handlers. SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "exo/filter.h"
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/filter.h"
#include "kernel/info.h"
#include "kernel/handler.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/ring.h"
#include "kernel/sys.h"
#include "kernel/user.h"

/* Page numbers of one call, and a filter being inserted: one call runs at a time. */
static struct {
	uint32_t page[EXO_RING_PAGES];
	uint8_t filter[FILTER_KERNEL_MAX] __attribute__((aligned(8)));
} scratch;

/* Read n slots of the caller's own pages into scratch.page, from entry `first` on: not executable
 * if they are to be written. Another's page could be taken back by its owner while the device uses it.
 * Returns 0 or -E_PERM, -E_BUSY, -E_LIMIT. */
static int page_list(uint32_t first, uint32_t slot, uint32_t n, bool write)
{
	struct env *env = cpu()->env;

	if (n == 0 || n > EXO_RING_PAGES - first)
		return -E_LIMIT;
	if (!slot_check(env, slot, n, CAP_PAGE, RIGHT_READ | (write ? RIGHT_WRITE : 0)))
		return -E_PERM;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t pfn = slot_at(env, slot + i)->index;

		if (pages[pfn].owner != env->pub->id)
			return -E_PERM;
		if (pages[pfn].pins > UINT16_MAX / 2 || pages[pfn].kernel_writes > UINT16_MAX / 2)
			return -E_LIMIT;
		if (write && pages[pfn].executable)
			return -E_BUSY;
		scratch.page[first + i] = pfn;
	}
	return 0;
}

/* sys_ring_create - bind a packet ring (exo/ring.h) over n pages.
 *   slot  first of n slots of own pages, RIGHT_READ and RIGHT_WRITE; the first page holds
 *         struct exo_ring with rx_base and rx_buffers set
 * Returns a slot of CAP_RING with all rights, or with nothing changed
 *   -E_LIMIT  n is not 1..EXO_RING_PAGES, or a page is pinned too often
 *   -E_PERM   a slot      -E_BUSY  a page is mapped executable
 *   -E_INVAL  the receive buffers do not lie in the region
 *   -E_NOSPC  RING_MAX rings, or no slot      -E_NOMEM  no page, or table_limit */
long sys_ring_create(uint32_t slot, uint32_t n)
{
	struct env *env = cpu()->env;
	int error = page_list(0, slot, n, true);

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
 *   slot  first of n slots of own pages, RIGHT_READ
 * Returns the region offset of the first, or -E_PERM, or -E_LIMIT beyond EXO_RING_PAGES. */
long sys_ring_extend(uint32_t ring, uint32_t slot, uint32_t n)
{
	struct slot *r = slot_get(cpu()->env, ring, CAP_RING, RIGHT_MAP);

	if (!r)
		return -E_PERM;
	int error = page_list(0, slot, n, false);
	return error ? error : ring_extend(r->index, scratch.page, n);
}

/* The slot that names what to send on. NULL: it has no right to. */
static const struct slot *wire_of(struct env *env, uint32_t slot)
{
	const struct slot *s = slot_at(env, slot);

	return s && s->type == CAP_PAIR ? slot_get(env, slot, CAP_PAIR, RIGHT_WRITE)
	                                : slot_get(env, slot, CAP_NIC, RIGHT_RECV);
}

/* sys_ring_send - transmit the frames that tx entries describe. The kernel copies the first
 * EXO_TX_HEADER bytes; the rest goes from the sender's pages. On the interface that all share it
 * checks that copy: the source address is the interface's, and a filter of the sender's, mirrored,
 * accepts it.
 *   ring  slot of CAP_RING with RIGHT_MAP
 *   wire  slot of CAP_NIC with RIGHT_RECV (with RIGHT_CARVE any frame may be sent); or of CAP_PAIR
 *         with RIGHT_WRITE: any frame, whoever's ring gets what that pair receives
 * Returns how many entries are left because the device is full (wait until tx_room
 * changes from what it was before, then call again: on any wire), or
 *   -E_PERM   a slot, or the machine has no interface
 *   -E_INVAL  tx_head is further on than the ring is long, or behind what was taken already
 * Frames refused are counted in tx_refused and in nic.refused. */
long sys_ring_send(uint32_t ring, uint32_t wire)
{
	struct env *env = cpu()->env;
	struct slot *r = slot_get(env, ring, CAP_RING, RIGHT_MAP);
	const struct slot *w = wire_of(env, wire);

	if (!r || !w || !info.nic.present)
		return -E_PERM;
	return ring_send(r->index, w->index, w->type == CAP_PAIR || w->rights & RIGHT_CARVE);
}

/* sys_ring_destroy - unbind a ring; its filters go, its pages stay their owner's.
 * Returns 0, or -E_PERM (slot of CAP_RING with RIGHT_OWN). */
long sys_ring_destroy(uint32_t ring) { return slot_end(cpu()->env, ring, CAP_RING, ring_destroy); }

/* The filters named by ncarve slots, each with `right`. */
static int carve_list(uint64_t va, uint32_t ncarve, uint32_t right, uint32_t ids[])
{
	struct env *env = cpu()->env;
	uint32_t slots[FILTER_CARVE_MAX];

	if (ncarve > FILTER_CARVE_MAX)
		return -E_LIMIT;
	if (!copyin(env, slots, uptr(va), ncarve * sizeof *slots))
		return -E_FAULT;
	for (uint32_t i = 0; i < ncarve; i++) {
		struct slot *s = slot_get(env, slots[i], CAP_FILTER, right);
		if (!s)
			return -E_PERM;
		ids[i] = s->index;
	}
	return 0;
}

/* sys_filter_insert - deliver the frames that a filter accepts to a ring.
 *   nic     slot of CAP_NIC with RIGHT_RECV; with RIGHT_CARVE the filter may take
 *           frames from any other, with RIGHT_READ a FILTER_SHARED one may copy any
 *   ring    slot of CAP_RING with RIGHT_RECV, of the caller's
 *   filter  address of `length` bytes (exo/filter.h), at most FILTER_KERNEL_MAX
 *   carve   address of ncarve (<= FILTER_CARVE_MAX) slots of CAP_FILTER with
 *           RIGHT_CARVE: filters it may take frames from; if it is FILTER_SHARED, with
 *           RIGHT_READ: filters whose frames, and no others, it may copy
 * Returns a slot of CAP_FILTER with all rights, or with nothing changed
 *   -E_PERM     a slot, or another's ring      -E_FAULT  filter or carve is not readable
 *   -E_LIMIT    length or ncarve; or a limit of the classifier (dpf/dpf.h)
 *   -E_INVAL    no valid filter
 *   -E_OVERLAP  it takes or copies frames of a filter that carve does not name, or neither of
 *               the two is above the other; the environment page's `conflict` is its number
 *   -E_NOSPC    EXO_FILTER_MAX filters, TEE_MAX tees that name what they copy, or no slot
 *   -E_NOMEM */
long sys_filter_insert(uint32_t nic, uint32_t ring, uint64_t filter, uint32_t length,
                       uint64_t carve, uint32_t ncarve)
{
	struct env *env = cpu()->env;
	struct slot *n = slot_get(env, nic, CAP_NIC, RIGHT_RECV);
	struct slot *r = slot_get(env, ring, CAP_RING, RIGHT_RECV);
	uint32_t may[FILTER_CARVE_MAX];

	/* Of another's it would be given all pages, by the window of a handler. */
	if (!n || !r || !ring_is(r->index, env))
		return -E_PERM;
	if (length > FILTER_KERNEL_MAX)
		return -E_LIMIT;
	if (!copyin(env, scratch.filter, uptr(filter), length))
		return -E_FAULT;
	bool shared = filter_is_shared(scratch.filter, length);
	int error = carve_list(carve, ncarve, shared ? RIGHT_READ : RIGHT_CARVE, may);
	if (error)
		return error;
	long slot = slot_reserve(env, 1);
	if (slot < 0)
		return slot;
	bool any = n->rights & (shared ? RIGHT_READ : RIGHT_CARVE);
	uint32_t conflict;
	long number = filter_insert(env, r->index, scratch.filter, length, may,
	                            any ? UINT32_MAX : ncarve, &conflict);
	env->page->conflict = conflict;
	if (number < 0)
		return number;
	slot_fill(env, (uint32_t)slot, CAP_FILTER, (uint32_t)number, RIGHT_ALL);
	return slot;
}

/* sys_filter_remove - remove a filter. Returns 0, or -E_PERM (slot of CAP_FILTER with
 * RIGHT_OWN). */
long sys_filter_remove(uint32_t filter)
{
	return slot_end(cpu()->env, filter, CAP_FILTER, filter_remove);
}

/* Where the parts of a program lie in its private copy; false: they are not all there. */
static bool program_parts(const uint8_t *copy, uint32_t length, struct handler_request *out)
{
	out->head = *(const struct ash_image *)copy;
	uint64_t code = (uint64_t)out->head.ninsn * sizeof *out->insn;
	uint64_t pipes = (uint64_t)out->head.npipe * sizeof *out->pipe;
	uint64_t entries = (uint64_t)out->head.nentry * sizeof *out->entry;

	out->insn = (const struct ash_insn *)(copy + sizeof out->head);
	out->pipe = (const struct ash_pipe *)(copy + sizeof out->head + code);
	out->entry = (const uint32_t *)(copy + sizeof out->head + code + pipes);
	return out->head.ninsn <= ASH_INSN_MAX && out->head.nentry <= ASH_FUNCTION_MAX &&
	       out->head.budget <= ASH_BUDGET && out->head.shared_write <= 1 &&
	       out->head.npipe <= ASH_PIPES &&
	       length == sizeof out->head + code + pipes + entries;
}

static long bind_copy(uint32_t id, uint64_t program, uint32_t length, uint32_t n, uint8_t *copy)
{
	struct env *env = cpu()->env;
	struct handler_request request = { .page = scratch.page, .npages = n };

	if (!copyin(env, copy, uptr(program), length))
		return -E_FAULT;
	if (!program_parts(copy, length, &request))
		return -E_INVAL;
	const struct ash_image *head = &request.head;
	if (head->nshared > ASH_SHARED_PAGES)
		return -E_LIMIT;
	int error = head->nshared ? page_list(n, head->shared, head->nshared, head->shared_write) : 0;
	return error ? error : handler_bind(env, id, &request);
}

/* sys_ash_bind - let a handler see the frames that a filter takes, before their ring does. The
 * one it had is replaced between two frames.
 *   filter   slot of CAP_FILTER with RIGHT_OWN, the caller's filter
 *   program  address of struct ash_image and what follows it, `length` bytes in all
 *   slot     first of n slots of own pages, RIGHT_READ and RIGHT_WRITE: context, stack, data; pinned
 *            and kept from becoming executable until the handler is gone
 * Returns 0, or with nothing changed
 *   -E_PERM   a slot, of the shared pages too (RIGHT_READ, and RIGHT_WRITE if shared_write);
 *             not the caller's filter
 *   -E_LIMIT  n is not ASH_OWN_PAGES..ASH_OWN_PAGES + ASH_DATA_PAGES, nshared is above
 *             ASH_SHARED_PAGES, a page is pinned too
 *             often, or the program has too many functions
 *   -E_BUSY   a page is mapped executable
 *   -E_FAULT  program is not readable
 *   -E_INVAL  length is not what its parts take, the budget is beyond ASH_BUDGET, shared_write is
 *             not 0 or 1, npipe is above ASH_PIPES, pipes are none (ash/dilp.h), or the program is malformed (ash/ash.h)
 *   -E_NOSYS  a pipe wants an instruction that this CPU does not have
 *   -E_NOSPC  too many handlers      -E_NOMEM  no memory, or table_limit */
long sys_ash_bind(uint32_t filter, uint64_t program, uint32_t length, uint32_t slot, uint32_t n)
{
	struct env *env = cpu()->env;
	struct slot *s = slot_get(env, filter, CAP_FILTER, RIGHT_OWN);
	const uint32_t most = sizeof(struct ash_image) + ASH_INSN_MAX * sizeof(struct ash_insn) +
	                      ASH_PIPES * sizeof(struct ash_pipe) +
	                      ASH_FUNCTION_MAX * sizeof(uint32_t);

	if (!s || filter_info[s->index].owner != env->pub->id)
		return -E_PERM;
	if (n < ASH_OWN_PAGES || n > ASH_OWN_PAGES + ASH_DATA_PAGES)
		return -E_LIMIT;
	if (length < sizeof(struct ash_image) || length > most)
		return -E_INVAL;
	long error = page_list(0, slot, n, true);
	if (error)
		return error;
	uint32_t npages = (length + EXO_PAGE_SIZE - 1) >> EXO_PAGE_SHIFT;
	uint32_t pfn = page_take_kernel_run(npages);
	if (!pfn)
		return -E_NOMEM;
	error = bind_copy(s->index, program, length, n, page_kva(pfn));
	page_free_kernel_run(pfn, npages);
	return error;
}

/* sys_ash_unbind - the filter's frames go straight to its ring again. Returns 0 (also when there
 * was no handler), or -E_PERM (slot of CAP_FILTER with RIGHT_OWN, the caller's filter). */
long sys_ash_unbind(uint32_t filter)
{
	struct slot *s = slot_get(cpu()->env, filter, CAP_FILTER, RIGHT_OWN);

	if (!s || filter_info[s->index].owner != cpu()->env->pub->id)
		return -E_PERM;
	handler_unbind(s->index);
	return 0;
}
