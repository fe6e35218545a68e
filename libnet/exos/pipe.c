/* libnet/exos/pipe.c - see pipe.h. SPDX-License-Identifier: ISC */
#include "libnet/exos/pipe.h"
#include "exo/page.h"
#include "exo/stub.h"

static bool pages_are_possible(uint32_t n)
{
	return n > 0 && n <= PIPE_PAGES_MAX && (n & (n - 1)) == 0;
}

long pipe_new(uint64_t va, uint32_t pages, struct exo_cap *cap)
{
	struct exo_cap all[1 + PIPE_PAGES_MAX];

	if (!pages_are_possible(pages))
		return -E_INVAL;
	long slot = shm_new(1 + pages, all);
	if (slot < 0)
		return slot;
	struct shm first;
	long error = shm_map(&first, va, all, 1);
	if (error < 0) {
		sys_page_free((uint32_t)slot, 1 + pages);
		return error;
	}
	struct pipe_memory *m = (struct pipe_memory *)va;
	m->pages = pages;
	memcpy(m->data, &all[1], pages * sizeof *all);
	shm_unmap(&first);
	*cap = all[0];
	return slot;
}

/* The first page is mapped: take from it, once, what is needed of it, and map the others. */
static long map_data(struct pipe *p, enum pipe_role role)
{
	const volatile struct pipe_memory *m = (const volatile struct pipe_memory *)p->memory.va;
	struct exo_cap data[PIPE_PAGES_MAX];
	uint32_t pages = m->pages;

	if (!pages_are_possible(pages))
		return p->memory.lost ? -E_PERM : -E_INVAL;
	for (uint32_t i = 0; i < pages; i++)
		data[i] = m->data[i];
	p->at = m->side[role].at;
	p->mask = pages * EXO_PAGE_SIZE - 1;
	long error = shm_extend(&p->memory, data, pages);
	return error < 0 ? error : shm_extend(&p->memory, data, pages);
}

long pipe_open(struct pipe *p, uint64_t va, const struct exo_cap *cap, enum pipe_role role, uint32_t peer)
{
	struct pipe_side *side = ((struct pipe_memory *)va)->side;

	if (!exo_env_alive(peer))
		return -E_GONE;
	*p = (struct pipe){ .peer = peer, .record = exo_env(peer), .mine = &side[role],
		            .other = &side[1 - role], .data = (uint8_t *)va + EXO_PAGE_SIZE,
		            .page = cap->name & 0xfffffff, .generation = cap->name >> 32 & 0xffffff };
	long error = shm_map(&p->memory, va, cap, 1);
	if (error < 0)
		return error;
	error = map_data(p, role);
	if (error < 0)
		shm_unmap(&p->memory);
	return error;
}

void pipe_close(struct pipe *p)
{
	if (p->memory.n == 0)
		return;
	__atomic_store_n(&p->mine->closed, 1, __ATOMIC_RELEASE);
	if (p->mine > p->other) /* the reader: there is no room now */
		__atomic_store_n(&p->mine->at, p->at + PIPE_FAR, __ATOMIC_RELEASE);
	shm_unmap(&p->memory);
}

/* What has been found is worth nothing if the memory was not there. */
static long found(const struct pipe *p, long result)
{
	return *(const volatile uint32_t *)&p->memory.lost ? -E_PERM : result;
}

static bool is_over(const struct pipe *p)
{
	return pipe_is_alone(p) || *(const volatile uint32_t *)&p->other->closed;
}

/* What was written before the end is there, once the end is. */
long pipe_no_bytes(const struct pipe *p)
{
	if (pipe_bytes(p))
		return found(p, pipe_is_possible(p, pipe_bytes(p)) ? -E_AGAIN : -E_INVAL);
	return found(p, is_over(p) && pipe_bytes(p) == 0 ? 0 : -E_AGAIN);
}

long pipe_no_room(const struct pipe *p)
{
	if (is_over(p))
		return found(p, -E_GONE);
	return found(p, pipe_room(p) <= p->mask + 1 ? -E_AGAIN : -E_INVAL);
}

/* Sleep until the other's position is not `seen` any more, or it will never change: the other end is closed,
 * its environment has ended (it has no binding then, not even of itself) or been replaced, or the page
 * is gone (its generation differs). */
static void await(const struct pipe *p, uint32_t seen)
{
	const struct exo_wait_term terms[] = {
		{ .address = (uint64_t)&p->other->at, .value = seen, .op = WAIT_NE },
		{ .address = (uint64_t)&p->other->closed, .value = 0, .op = WAIT_NE, .or_ = 1 },
		{ .address = (uint64_t)&p->record->slots, .value = 0, .op = WAIT_EQ, .or_ = 1 },
		{ .address = (uint64_t)&p->record->id, .value = p->peer, .op = WAIT_NE, .or_ = 1 },
		{ .address = (uint64_t)&exo_pages()[p->page].generation, .value = p->generation,
		  .op = WAIT_NE, .or_ = 1 },
	};

	context_wait(terms, sizeof terms / sizeof *terms, WAIT_FOREVER);
}

long pipe_wait_read(struct pipe *p, void *to, size_t n)
{
	for (;;) {
		long k = pipe_take(p, to, n);
		if (k != -E_AGAIN)
			return k;
		await(p, p->at);
	}
}

/* Write what there is room for, waiting until there is some. */
static long write_some(struct pipe *p, const void *from, size_t n)
{
	if (pipe_room(p) == 0)
		context_yield(p->peer);
	for (;;) {
		long k = pipe_put(p, from, n);
		if (k != -E_AGAIN)
			return k;
		await(p, p->at - p->mask - 1);
	}
}

long pipe_wait_write(struct pipe *p, const void *from, size_t n)
{
	size_t done = 0;

	while (done < n) {
		long k = write_some(p, (const uint8_t *)from + done, n - done);
		if (k < 0)
			return done ? (long)done : k;
		done += (size_t)k;
	}
	return (long)done;
}

/* noinline: who wants them in place says so. */
__attribute__((noinline)) long pipe_read(struct pipe *p, void *to, size_t n)
{
	return n ? pipe_read_inline(p, to, n) : 0;
}

__attribute__((noinline)) long pipe_write(struct pipe *p, const void *from, size_t n)
{
	return n ? pipe_write_inline(p, from, n) : 0;
}
