/* kernel/fragment.c - see fragment.h. SPDX-License-Identifier: ISC */
#include "kernel/fragment.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/filter.h"
#include "kernel/info.h"
#include "kernel/nic.h"
#include "kernel/panic.h"
#include "kernel/siphash.h"
#include "kernel/string.h"

enum { ENTRIES = EXO_ENV_MAX * FRAGMENT_OWN, CHAINS = 1024, TO = 1 + FRAGMENT_COPIES };

/* A datagram, and to whom it goes: filters for one that comes in, the first is the winner; an
 * environment's id for one that goes out. */
struct entry {
	uint64_t name, until; /* until: time stamp counter */
	struct {
		uint32_t number, generation;
	} to[TO];
	uint16_t n;    /* of to[]; 0: unused */
	uint16_t next; /* in its chain, from 1; 0: none */
};

struct table {
	struct entry entry[ENTRIES]; /* FRAGMENT_OWN for each environment, by its index */
	uint16_t chain[CHAINS];      /* from 1; 0: empty */
	uint8_t turn[EXO_ENV_MAX];   /* which of its entries an environment uses next */
};
_Static_assert(ENTRIES < UINT16_MAX, "numbers of entries fit");

struct held {
	uint64_t name, until;
	uint32_t length; /* 0: given up or delivered */
	uint8_t frame[EXO_FRAME_MAX];
};

static struct {
	uint64_t key[2];
	struct table in, out;
	struct held held[FRAGMENT_HELD]; /* circular */
	uint32_t oldest, newest;         /* one past it; they run freely */
} state;

static uint64_t in_ms(uint64_t ms) { return rdtsc() + ms * (info.tsc_hz / 1000); }

void fragment_init(void)
{
	if (cpu_random(&state.key[0]) && cpu_random(&state.key[1]))
		return;
	state.key[0] = state.key[1] = 0x5eed; /* said by cap_init already */
}

/* --- What it is --- */

static uint64_t word(const uint8_t *at, unsigned n)
{
	uint64_t v = 0;

	memcpy(&v, at, n);
	return v;
}

/* tags: the VLAN tags' bytes, 0 without any. */
static bool read4(const uint8_t *ip, uint64_t tags, struct fragment *out)
{
	const uint64_t id[3] = { word(ip + 12, 8), word(ip + 4, 2) << 8 | ip[9], tags };

	out->first = ((ip[6] & 0x1f) | ip[7]) == 0;
	out->name = siphash_words(state.key, id, tags ? 3 : 2);
	return true;
}

/* The extension headers that may come before a fragment header. */
static bool may_precede(uint8_t header) { return header == 0 || header == 43 || header == 60; }

static bool read6(const uint8_t *ip, uint32_t length, uint64_t tags, struct fragment *out)
{
	enum { FIXED = 40, FRAGMENT = 44, SIZE = 8 };
	uint8_t header = ip[6];
	uint32_t at = FIXED;

	for (int i = 0; i < FRAGMENT_HEADERS && may_precede(header) && at + SIZE <= length; i++) {
		header = ip[at];
		at += (ip[at + 1] + 1u) * SIZE;
	}
	if (header != FRAGMENT || at + SIZE > length)
		return false;
	const uint64_t id[6] = { word(ip + 8, 8), word(ip + 16, 8), word(ip + 24, 8),
		                 word(ip + 32, 8), word(ip + at + 4, 4), tags };
	out->first = (ip[at + 2] | (ip[at + 3] & 0xf8)) == 0;
	out->name = siphash_words(state.key, id, tags ? 6 : 5);
	return true;
}

/* Identifier and type of a tag; not priority and drop eligibility, which may differ. */
static uint64_t tag(const uint8_t *at) { return word(at, 4) & 0xff0fffff; }

bool fragment_parse(const uint8_t *frame, uint32_t captured, struct fragment *out)
{
	enum { TYPE = 12, TAG = 4 };
	uint64_t tags = 0;

	for (int n = 0; fragment_tagged(frame + TYPE); n++) {
		tags = tags << 32 | tag(frame + TYPE);
		frame += TAG; /* what is before a type is not looked at */
		captured -= TAG;
		if (n == FRAGMENT_TAGS || !fragment_possible(frame, captured))
			return false;
	}
	const uint8_t *ip = frame + EXO_FRAME_MIN;
	return frame[TYPE] == 0x08 ? read4(ip, tags, out)
	                           : read6(ip, captured - EXO_FRAME_MIN, tags, out);
}

/* --- The tables --- */

static struct entry *find(struct table *t, uint64_t name)
{
	uint16_t i = t->chain[name % CHAINS];

	while (i && t->entry[i - 1].name != name)
		i = t->entry[i - 1].next;
	return i ? &t->entry[i - 1] : NULL;
}

static uint16_t number_of(const struct table *t, const struct entry *e)
{
	return (uint16_t)(e - t->entry + 1);
}

static void unlink(struct table *t, struct entry *e)
{
	uint16_t *at = &t->chain[e->name % CHAINS];

	while (*at != number_of(t, e))
		at = &t->entry[*at - 1].next;
	*at = e->next;
	e->n = 0;
}

/* The entry for a datagram of environment `id`: its own, or in place of its oldest. */
static struct entry *enter(struct table *t, uint64_t name, uint32_t id)
{
	uint32_t index = id % EXO_ENV_MAX;
	struct entry *e = find(t, name);

	if (e && (uint32_t)(e - t->entry) / FRAGMENT_OWN == index)
		return e;
	if (e)
		unlink(t, e); /* somebody else's first fragment had this name */
	e = &t->entry[index * FRAGMENT_OWN + t->turn[index]++ % FRAGMENT_OWN];
	if (e->n)
		unlink(t, e);
	e->name = name;
	e->next = t->chain[name % CHAINS];
	t->chain[name % CHAINS] = number_of(t, e);
	return e;
}

static struct entry *current(struct table *t, uint64_t name)
{
	struct entry *e = find(t, name);

	if (e && e->until > rdtsc())
		return e;
	return NULL;
}

static void add_filter(struct entry *e, uint32_t number)
{
	e->to[e->n].number = number;
	e->to[e->n++].generation = filter_info[number].generation;
}

/* The filter is still the one the entry means. */
static uint32_t still(const struct entry *e, unsigned i)
{
	uint32_t number = e->to[i].number;

	return filter_info[number].generation == e->to[i].generation ? number : 0;
}

void fragment_went(const struct fragment *f, const struct fragment_route *to)
{
	uint32_t first = to->winner ? to->winner : to->n ? to->copy[0] : 0;

	if (!first) {
		struct entry *old = find(&state.in, f->name);
		if (old)
			unlink(&state.in, old);
		return;
	}
	struct entry *e = enter(&state.in, f->name, filter_info[first].owner);
	e->until = in_ms(FRAGMENT_MS);
	e->n = 0;
	add_filter(e, to->winner); /* number 0 is no filter's, and stays so */
	for (uint32_t i = 0; i < to->n; i++)
		add_filter(e, to->copy[i]);
}

bool fragment_route(const struct fragment *f, struct fragment_route *out)
{
	const struct entry *e = current(&state.in, f->name);

	*out = (struct fragment_route){ .winner = e ? still(e, 0) : 0 };
	for (unsigned i = 1; e && i < e->n; i++)
		if (still(e, i))
			out->copy[out->n++] = e->to[i].number;
	return out->winner || out->n;
}

void fragment_sent(const struct fragment *f, uint32_t id)
{
	struct entry *e = enter(&state.out, f->name, id);

	e->until = in_ms(FRAGMENT_MS);
	e->to[0].number = id;
	e->n = 1;
}

uint32_t fragment_sender(const struct fragment *f)
{
	const struct entry *e = current(&state.out, f->name);

	return e ? e->to[0].number : 0;
}

/* --- What is held --- */

static void take(struct held *h, struct nic_frame *out)
{
	*out = (struct nic_frame){ .data = h->frame, .length = h->length };
	h->length = 0;
	info.nic.held--;
}

/* Places whose fragment has been taken come back when they are the oldest. */
static struct held *oldest(void)
{
	while (state.oldest != state.newest && !state.held[state.oldest % FRAGMENT_HELD].length)
		state.oldest++;
	return state.oldest == state.newest ? NULL : &state.held[state.oldest % FRAGMENT_HELD];
}

void fragment_hold(const struct fragment *f, const struct nic_frame *frame)
{
	assert(state.newest - state.oldest < FRAGMENT_HELD);
	struct held *h = &state.held[state.newest++ % FRAGMENT_HELD];

	h->name = f->name;
	h->until = in_ms(FRAGMENT_HELD_MS);
	h->length = frame->length;
	memcpy(h->frame, frame->data, frame->length);
	info.nic.held++;
}

bool fragment_held(const struct fragment *f, struct nic_frame *out)
{
	for (uint32_t i = state.oldest; i != state.newest; i++) {
		struct held *h = &state.held[i % FRAGMENT_HELD];

		if (h->length && h->name == f->name) {
			take(h, out);
			return true;
		}
	}
	return false;
}

uint64_t fragment_deadline(void)
{
	const struct held *h = oldest();

	return h ? h->until : UINT64_MAX;
}

bool fragment_overdue(bool make_room, struct nic_frame *out)
{
	struct held *h = oldest();

	if (!h || (h->until > rdtsc() && !(make_room && state.newest - state.oldest == FRAGMENT_HELD)))
		return false;
	take(h, out);
	return true;
}
