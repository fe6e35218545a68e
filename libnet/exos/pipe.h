/* libnet/exos/pipe.h - pipes: a circular buffer in pages that two environments share.
 *
 * A pipe carries bytes one way, from one writer to one reader. Neither trusts the other with more than
 * the bytes: each keeps its own position for itself and only publishes it; what the other publishes is
 * checked. Who finds the pipe empty, or full, gives the rest of its slice to the other end, and then
 * sleeps until the other's position changes. Passing a byte on is not the kernel's business.
 *
 *   one page    struct pipe_memory: positions, and the capabilities of the others
 *   1..16 pages data; a power of two. Positions count bytes since the beginning, modulo 2^32
 *   the same    once more, so that what is in the buffer, and what is free, is always in one piece
 *
 * One capability, of the first page, is the whole pipe. It may belong to either end or to a third
 * environment: if the pages are taken away, or their owner ends, both ends say -E_PERM (libnet/exos/shm.h).
 *
 *   slot = pipe_new(PIPE_VA, 4, &cap);                    the maker; cap goes to the other
 *   pipe_open(&out, PIPE_VA, &cap, PIPE_WRITER, child);   the other: PIPE_READER, parent
 *   pipe_write(&out, text, n);
 *   pipe_close(&out);
 *   sys_page_free(slot, 1 + 4);                           the maker, in the end
 *
 * Layer: libnet/exos. Source: SOSP '95, 6.1 (pipe, pipe'); POSIX.1-2017, read, write. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "exo/cap.h"
#include "exo/err.h"
#include "exo/layout.h"
#include "libnet/exos/context.h"
#include "libnet/exos/exposed.h"
#include "libnet/exos/shm.h"

enum {
	PIPE_PAGES_MAX = 16, /* of data */
	PIPE_ADDRESSES = 1 + 2 * PIPE_PAGES_MAX,
};

enum pipe_role { PIPE_WRITER, PIPE_READER };
#define PIPE_FAR 0x80000000u /* bytes: more than a buffer holds */

/* The first page. Both ends may write any nonsense here. */
struct pipe_memory {
	uint32_t pages; /* of data */
	uint32_t zero;
	struct exo_cap data[PIPE_PAGES_MAX];
	struct pipe_side {
		uint32_t at;     /* its position; a reader's is PIPE_FAR off once it has closed */
		uint32_t closed; /* 1 */
		uint8_t zero[56]; /* a cache line each */
	} side[2]; /* enum pipe_role */
};
_Static_assert(sizeof(struct pipe_memory) <= EXO_PAGE_SIZE, "a page");

/* One end of a pipe. Private to the environment; fields are pipe.c's. */
struct pipe {
	uint32_t at;   /* our position */
	uint32_t mask; /* bytes of the buffer - 1 */
	uint8_t *data;
	struct pipe_side *mine;
	const struct pipe_side *other;
	const volatile struct exo_env *record; /* the peer's */
	uint32_t peer; /* environment at the other end */
	uint32_t generation; /* of the first page */
	uint32_t page; /* its number */
	uint32_t zero;
	struct shm memory;
};

/* Make a pipe of `pages` pages of data: 1, 2, 4, 8 or 16. va: a page that is free for a moment.
 * *cap is what its two ends are opened with. Returns the first of 1 + pages slots of the pages, which
 * are the caller's; or
 *   -E_INVAL  pages, va
 *   -E_NOSPC, -E_NOMEM  no pages, no slots */
long pipe_new(uint64_t va, uint32_t pages, struct exo_cap *cap);

/* Open our end of the pipe that cap names, with PIPE_ADDRESSES pages from va on. peer: id of the
 * environment at the other end, whose end is the pipe's end. Returns 0, or with nothing mapped
 *   -E_PERM   cap is forged or stale, or the pipe's pages are gone
 *   -E_INVAL  its number of pages is impossible; va
 *   -E_GONE   there is no such environment any more
 *   what shm_map returns */
long pipe_open(struct pipe *p, uint64_t va, const struct exo_cap *cap, enum pipe_role role, uint32_t peer);

/* Read up to n bytes; wait until there is one. Returns how many, 0 when the writer has closed its end or ended
 * and all is read (or n is 0), or
 *   -E_INVAL  the writer claims to have written more than fits
 *   -E_PERM   the pipe's pages have been taken away */
long pipe_read(struct pipe *p, void *to, size_t n);

/* Write n bytes; wait until all fit. Returns n, or, if not even the first is written (else how many are),
 *   -E_GONE   the reader has closed its end, or ended
 *   -E_INVAL  the reader claims to have read more than was written
 *   -E_PERM   the pipe's pages have been taken away */
long pipe_write(struct pipe *p, const void *from, size_t n);

/* Tell the other end, unmap the pipe, and forget it. Closing an end that is closed does nothing. */
void pipe_close(struct pipe *p);

/* --- The same compiled in place, for one's own size (the paper's pipe'); and without waiting, or copying --- */

static inline uint32_t pipe_other_at(const struct pipe *p)
{
	return __atomic_load_n(&p->other->at, __ATOMIC_ACQUIRE);
}

/* Bytes that the reader finds, and the writer finds room for: 1 .. mask + 1; if it is something else,
 * pipe_no_bytes and pipe_no_room know why. */
static inline uint32_t pipe_bytes(const struct pipe *p) { return pipe_other_at(p) - p->at; }
static inline uint32_t pipe_room(const struct pipe *p) { return pipe_other_at(p) + p->mask + 1 - p->at; }
static inline bool pipe_is_possible(const struct pipe *p, uint32_t n) { return n - 1 <= p->mask; }

/* Return what pipe_read and pipe_write do when there is nothing to be moved, or
 *   -E_AGAIN  it is empty; it is full */
long pipe_no_bytes(const struct pipe *p);
long pipe_no_room(const struct pipe *p);

/* Has the environment at the other end ended? */
static inline bool pipe_is_alone(const struct pipe *p)
{
	return p->record->id != p->peer || p->record->state == ENV_ENDED;
}

/* Where the next byte is, or goes: pipe_bytes or pipe_room of them, in one piece. */
static inline uint8_t *pipe_here(const struct pipe *p) { return p->data + (p->at & p->mask); }

/* k bytes have been read, or written. Returns k, or -E_PERM: the memory was not there any more. */
static inline long pipe_advance(struct pipe *p, uint32_t k)
{
	uint32_t at = p->at + k;

	p->at = at;
	__atomic_store_n(&p->mine->at, at, __ATOMIC_RELEASE);
	return *(const volatile uint32_t *)&p->memory.lost ? -E_PERM : (long)k;
}

/* By words, which QEMU counts one by one, as Linux does on a CPU without fast strings. */
static inline void pipe_copy(void *to, const void *from, size_t n)
{
	size_t words = n / 8;

	if (words)
		__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
	n %= 8;
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static inline long pipe_move_out(struct pipe *p, void *to, size_t n, uint32_t bytes)
{
	uint32_t k = n < bytes ? (uint32_t)n : bytes;

	pipe_copy(to, pipe_here(p), k);
	return pipe_advance(p, k);
}

static inline long pipe_move_in(struct pipe *p, const void *from, size_t n, uint32_t room)
{
	uint32_t k = n < room ? (uint32_t)n : room;

	pipe_copy(pipe_here(p), from, k);
	return pipe_advance(p, k);
}

/* Move up to n > 0 bytes now. Return how many, or what pipe_no_bytes and pipe_no_room do. */
static inline long pipe_take(struct pipe *p, void *to, size_t n)
{
	uint32_t bytes = pipe_bytes(p);

	return pipe_is_possible(p, bytes) ? pipe_move_out(p, to, n, bytes) : pipe_no_bytes(p);
}

static inline long pipe_put(struct pipe *p, const void *from, size_t n)
{
	uint32_t room = pipe_room(p);

	return pipe_is_possible(p, room) && !pipe_is_alone(p) ? pipe_move_in(p, from, n, room) :
	                                                        pipe_no_room(p);
}

/* pipe_read and pipe_write, for n > 0; the second two when there is something to wait for. */
long pipe_wait_read(struct pipe *p, void *to, size_t n);
long pipe_wait_write(struct pipe *p, const void *from, size_t n);

static inline long pipe_read_inline(struct pipe *p, void *to, size_t n)
{
	uint32_t bytes = pipe_bytes(p);

	if (bytes == 0) {
		context_yield(p->peer);
		bytes = pipe_bytes(p);
	}
	return pipe_is_possible(p, bytes) ? pipe_move_out(p, to, n, bytes) : pipe_wait_read(p, to, n);
}

static inline long pipe_write_inline(struct pipe *p, const void *from, size_t n)
{
	uint32_t room = pipe_room(p);

	return pipe_is_possible(p, room) && n <= room && !pipe_is_alone(p) ?
	               pipe_move_in(p, from, n, room) : pipe_wait_write(p, from, n);
}
