/* kernel/ring.c - packet rings: frames copied in, described frames sent out.
 *
 * The kernel's own indices decide; the owner's words are read once and checked.
 * SPDX-License-Identifier: ISC */
#include "dpf/dpf.h"
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/copysum.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/filter.h"
#include "kernel/fragment.h"
#include "kernel/generation.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/nic.h"
#include "kernel/page.h"
#include "kernel/pair.h"
#include "kernel/panic.h"
#include "kernel/pt.h"
#include "kernel/ring.h"
#include "kernel/string.h"

struct ring {
	uint32_t generation;
	struct env *env;      /* NULL: free */
	volatile struct exo_ring *head;
	uint32_t *page;       /* [npages], page numbers; in a page of the kernel's */
	uint32_t npages;
	uint32_t writable;    /* the first so many may be written by the kernel */
	uint32_t rx_base, rx_buffers;
	uint32_t used_head, free_tail, tx_seen, tx_done;
	uint64_t sent[EXO_RING_N / 64]; /* entries done, out of order */
	uint8_t spare[EXO_RING_N];      /* buffers taken and not used */
	uint32_t nspare;
	bool is_short; /* there was no room in a device for all that was to be sent */
	uint8_t pair;  /* that device's, as it is, or was last */
};

static struct ring rings[RING_MAX];
static uint32_t nshort[EXO_PAIR_MAX];

_Static_assert(EXO_RING_PAGES * sizeof(uint32_t) == EXO_PAGE_SIZE, "the list is one page");

void ring_init(void)
{
	for (uint32_t i = 0; i < RING_MAX; i++)
		rings[i].generation = generation_first;
}

uint32_t ring_generation(uint32_t index) { return rings[index].generation; }

static uint8_t *at(const struct ring *r, uint32_t offset)
{
	return (uint8_t *)page_kva(r->page[offset >> EXO_PAGE_SHIFT]) + offset % EXO_PAGE_SIZE;
}

static struct ring *free_ring(void)
{
	for (uint32_t i = 0; i < RING_MAX; i++)
		if (!rings[i].env && rings[i].generation <= GENERATION_MAX)
			return &rings[i];
	return NULL;
}

static void bind_page(struct ring *r, uint32_t pfn, bool writable)
{
	page_pin(pfn);
	if (writable)
		pages[pfn].kernel_writes++; /* W^X: nobody may make it executable */
	r->page[r->npages++] = pfn;
}

long ring_create(struct env *env, const uint32_t *page, uint32_t n)
{
	const volatile struct exo_ring *head = page_kva(page[0]);
	uint32_t base = head->rx_base, buffers = head->rx_buffers;

	if (base % EXO_BUF_SIZE || base < EXO_PAGE_SIZE || buffers == 0 || buffers > EXO_RING_N ||
	    base > n * EXO_PAGE_SIZE || buffers * EXO_BUF_SIZE > n * EXO_PAGE_SIZE - base)
		return -E_INVAL;
	struct ring *r = free_ring();
	if (!r)
		return -E_NOSPC;
	uint32_t list = pt_take(env);
	if (!list)
		return -E_NOMEM;

	/* Commit: nothing below can fail. */
	env->rings++;
	*r = (struct ring){ .generation = r->generation, .env = env, .page = page_kva(list),
		            .rx_base = base, .rx_buffers = buffers, .writable = n };
	for (uint32_t i = 0; i < n; i++)
		bind_page(r, page[i], true);
	r->head = page_kva(page[0]);
	r->head->used_head = r->head->tx_done = r->head->tx_seen = 0;
	r->head->tx_refused = r->head->dropped = r->head->tx_room = 0;
	return r - rings;
}

long ring_extend(uint32_t index, const uint32_t *page, uint32_t n)
{
	struct ring *r = &rings[index];
	uint32_t first = r->npages;

	if (n > EXO_RING_PAGES - first)
		return -E_LIMIT;
	for (uint32_t i = 0; i < n; i++)
		bind_page(r, page[i], false);
	return (long)first * EXO_PAGE_SIZE;
}

void ring_destroy(uint32_t index)
{
	struct ring *r = &rings[index];

	filter_release_ring(index);
	pair_release_ring(index);
	for (uint32_t i = 0; i < r->npages; i++) {
		if (i < r->writable)
			pages[r->page[i]].kernel_writes--;
		page_unpin(r->page[i]);
	}
	r->env->pub->tables--;
	r->env->rings--;
	nshort[r->pair] -= r->is_short;
	page_release((uint32_t)(kmap_phys((uint64_t)r->page) >> EXO_PAGE_SHIFT));
	*r = (struct ring){ .generation = r->generation + 1 };
}

uint32_t ring_first(const struct env *env)
{
	uint32_t i = 0;

	while (i < RING_MAX && rings[i].env != env)
		i++;
	assert(i < RING_MAX);
	return i;
}

void ring_release(struct env *env)
{
	while (env->rings)
		ring_destroy(ring_first(env));
}

bool ring_is(uint32_t index, const struct env *env) { return rings[index].env == env; }

struct ring *ring_of(uint32_t index) { return &rings[index]; }

/* Take the next buffer that the owner has posted: its number, or -reason. */
static int next_buffer(struct ring *r)
{
	uint32_t posted = r->head->free_head - r->free_tail;

	if (r->nspare)
		return r->spare[--r->nspare];
	if (posted == 0)
		return -DROP_NOBUF;
	if (posted > EXO_RING_N)
		return -DROP_RING;
	uint32_t buffer = r->head->free[r->free_tail++ % EXO_RING_N];
	return buffer < r->rx_buffers ? (int)buffer : -DROP_RING;
}

int ring_take(struct ring *r)
{
	int buffer = next_buffer(r);

	if (buffer < 0)
		r->head->dropped++;
	return buffer;
}

uint32_t ring_offset(const struct ring *r, uint32_t buffer)
{
	return r->rx_base + buffer * EXO_BUF_SIZE;
}

uint8_t *ring_buffer(const struct ring *r, uint32_t buffer)
{
	return at(r, ring_offset(r, buffer));
}

/* An owner that posts a buffer twice may have it taken twice: then one is forgotten. */
void ring_return(struct ring *r, uint32_t buffer)
{
	if (r->nspare < EXO_RING_N)
		r->spare[r->nspare++] = (uint8_t)buffer;
}

void ring_publish(struct ring *r, uint32_t buffer, uint32_t length, uint16_t sum,
                  uint32_t filter)
{
	volatile struct exo_rx *rx = &r->head->used[r->used_head % EXO_RING_N];

	rx->buffer = (uint16_t)buffer;
	rx->length = (uint16_t)length;
	rx->sum = sum;
	rx->zero = 0;
	rx->filter = filter;
	rx->time = (uint32_t)(rdtsc() >> 8);
	__asm__ volatile("" ::: "memory"); /* x86 stores stay in order */
	r->head->used_head = ++r->used_head;
}

int ring_deliver(uint32_t index, const uint8_t *frame, uint32_t length, uint32_t filter)
{
	struct ring *r = &rings[index];
	int buffer = ring_take(r);

	if (buffer < 0)
		return -buffer;
	uint8_t *to = ring_buffer(r, (uint32_t)buffer);
	memcpy(to, frame, EXO_FRAME_MIN);
	uint16_t sum = copysum(to + EXO_FRAME_MIN, frame + EXO_FRAME_MIN, length - EXO_FRAME_MIN);
	ring_publish(r, (uint32_t)buffer, length, sum, filter);
	return DROP_NONE;
}

uint32_t ring_posted(const struct ring *r)
{
	return r->head->free_head - r->free_tail + r->nspare;
}

uint32_t ring_buffers(const struct ring *r) { return r->rx_buffers; }

const uint32_t *ring_pages(uint32_t index, uint32_t *n, uint32_t *writable)
{
	*n = rings[index].npages;
	*writable = rings[index].writable;
	return rings[index].page;
}

/* A frame to send: its first EXO_TX_HEADER bytes copied to header, the rest as pieces. */
struct outgoing {
	uint8_t *header;
	uint32_t count; /* of its entries */
	uint32_t length, copied;
	uint32_t npieces; /* above NIC_PIECES: too many */
	bool good;
	struct nic_piece piece[NIC_PIECES];
};

static bool entry_good(const struct ring *r, const struct exo_tx *t)
{
	uint64_t end = (uint64_t)r->npages * EXO_PAGE_SIZE;

	return t->length > 0 && t->length <= EXO_FRAME_MAX && t->offset < end &&
	       t->length <= end - t->offset && t->more <= 1;
}

static void add_entry(const struct ring *r, const struct exo_tx *t, struct outgoing *f)
{
	uint32_t offset = t->offset, left = t->length, part;

	f->length += left;
	for (; left; offset += part, left -= part) {
		uint32_t page_rest = EXO_PAGE_SIZE - offset % EXO_PAGE_SIZE;
		uint32_t room = EXO_TX_HEADER - f->copied;

		part = left < page_rest ? left : page_rest;
		if (room) {
			part = part < room ? part : room;
			memcpy(f->header + f->copied, at(r, offset), part);
			f->copied += part;
		} else if (f->npieces++ < NIC_PIECES) {
			f->piece[f->npieces - 1] = (struct nic_piece){
				kmap_phys((uint64_t)at(r, offset)), part };
		}
	}
}

/* Read the frame that begins at entry tx_seen, of `posted` entries; each is read once. */
static void read_frame(const struct ring *r, uint32_t posted, struct outgoing *f)
{
	bool more = true;

	f->count = f->length = f->copied = f->npieces = 0;
	f->good = true;
	while (more && f->count < posted && f->count < EXO_TX_SEGMENTS) {
		const volatile struct exo_tx *from =
		        &r->head->tx[(r->tx_seen + f->count++) % EXO_RING_N];
		const struct exo_tx t = { from->offset, from->length, from->more };

		f->good = f->good && entry_good(r, &t);
		if (f->good)
			add_entry(r, &t, f);
		more = t.more;
	}
	f->good = f->good && !more && f->length >= EXO_FRAME_MIN && f->length <= EXO_FRAME_MAX &&
	          f->npieces <= NIC_PIECES;
}

/* A later fragment shows no ports: who sent the first one may send it. */
static __attribute__((noinline, cold)) bool may_send_fragment(const struct fragment *f, uint32_t id,
                                                              bool owner)
{
	if (owner && f->first)
		fragment_sent(f, id);
	return owner || (!f->first && fragment_sender(f) == id);
}

/* What is checked is what is sent: the kernel's copy of the header. */
static inline bool may_send(const struct ring *r, const uint8_t *header, uint32_t copied,
                            uint32_t length)
{
	uint32_t id = r->env->id;
	struct fragment f;

	if (memcmp(header + 6, info.nic.mac, 6) != 0)
		return false;
	bool owner = filter_tx_owner(header, copied, length) == id;
	return fragment_read(header, copied, &f) ? may_send_fragment(&f, id, owner) : owner;
}

/* The device is done with entries: tx_done moves over them once all before are done too. */
static void mark_done(struct ring *r, uint32_t first, uint32_t count)
{
	if (first == r->tx_done)
		r->tx_done += count;
	else
		for (uint32_t i = first; i != first + count; i++)
			r->sent[i % EXO_RING_N / 64] |= 1ull << i % 64;
	while (r->tx_done != r->tx_seen &&
	       r->sent[r->tx_done % EXO_RING_N / 64] & 1ull << r->tx_done % 64) {
		r->sent[r->tx_done % EXO_RING_N / 64] &= ~(1ull << r->tx_done % 64);
		r->tx_done++;
	}
	r->head->tx_done = r->tx_done;
}

/* Behind the header just filled, the rest of a frame in a buffer. */
static void send_rest(struct ring *r, uint32_t buffer, uint64_t offset, uint32_t length)
{
	const struct nic_piece rest = {
		kmap_phys((uint64_t)ring_buffer(r, buffer)) + offset, length
	};
	const struct nic_sender sender = { .ring = (uint32_t)(r - rings),
		                           .generation = r->generation, .buffer = buffer + 1 };

	nic_send(nic_of(NIC_SHARED), EXO_TX_HEADER, &rest, 1, &sender);
}

bool ring_reply(struct ring *r, uint32_t buffer, const uint8_t *frame, uint32_t length)
{
	uint32_t copied = length < EXO_TX_HEADER ? length : EXO_TX_HEADER;
	struct nic *nic = nic_of(NIC_SHARED);
	uint8_t *header = nic_header(nic);

	if (!header || length > EXO_FRAME_MAX)
		return false;
	memcpy(header, frame, copied);
	if (!may_send(r, header, copied, length)) {
		info.nic.refused++;
		return false;
	}
	if (copied == length) {
		nic_send_copy(nic, length);
		ring_return(r, buffer);
	} else {
		send_rest(r, buffer, (uint64_t)(frame + copied) % EXO_BUF_SIZE, length - copied);
	}
	return true;
}

/* Send or refuse the next frame. False: the device is full, try again later. */
static bool send_next(struct ring *r, struct nic *nic, uint32_t posted, bool any)
{
	uint32_t first = r->tx_seen;
	struct outgoing f;

	f.header = nic_header(nic);
	if (!f.header)
		return false;
	read_frame(r, posted, &f);
	f.good = f.good && (any || may_send(r, f.header, f.copied, f.length));
	r->tx_seen += f.count;
	r->head->tx_seen = r->tx_seen;
	if (f.good && f.npieces == 0) {
		nic_send_copy(nic, f.copied);
	} else if (f.good) {
		const struct nic_sender sender = { (uint32_t)(r - rings), r->generation, first,
			                           f.count, 0 };
		nic_send(nic, f.copied, f.piece, f.npieces, &sender);
	} else {
		info.nic.refused++;
		r->head->tx_refused++;
	}
	/* A frame that is wholly in the kernel's copy is done here and now. */
	if (!f.good || f.npieces == 0)
		mark_done(r, first, f.count);
	return true;
}

/* Note whether the ring still has something for the pair. */
static void note_short(struct ring *r, uint32_t pair, bool is_short)
{
	if (!r->is_short && !is_short)
		return;
	nshort[r->pair] -= r->is_short;
	nshort[pair] += is_short;
	r->pair = (uint8_t)pair;
	r->is_short = is_short;
}

long ring_send(uint32_t index, uint32_t pair, bool any)
{
	struct ring *r = &rings[index];
	struct nic *nic = nic_of(pair);
	uint32_t head = r->head->tx_head;

	if (head - r->tx_seen > EXO_RING_N - (r->tx_seen - r->tx_done))
		return -E_INVAL;
	nic_reap(nic);
	while (r->tx_seen != head && send_next(r, nic, head - r->tx_seen, any))
		;
	nic_flush(nic);
	note_short(r, pair, r->tx_seen != head);
	return head - r->tx_seen;
}

bool ring_wants_room(uint32_t pair) { return nshort[pair] > 0; }

void ring_room(uint32_t pair)
{
	for (uint32_t i = 0; nshort[pair] && i < RING_MAX; i++) {
		struct ring *r = &rings[i];

		if (!r->is_short || r->pair != pair)
			continue;
		r->is_short = false;
		nshort[pair]--;
		r->head->tx_room++;
	}
}

void ring_sent(const struct nic_sender *sender)
{
	struct ring *r = &rings[sender->ring];

	if (!r->env || r->generation != sender->generation)
		return;
	if (sender->buffer)
		ring_return(r, sender->buffer - 1);
	else
		mark_done(r, sender->first, sender->count);
}
