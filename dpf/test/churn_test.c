/* dpf/test/churn_test.c - filters that come and go, against a linear matcher after every
 * step: tables grow, shrink, get other keys and other layouts.
 * SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dpf/dpf.h"
#include "dpf/gen.h"
#include "dpf/tool/host.h"
#include "dpf/tool/roll.h"

enum { FLOWS = 600, STEPS = 6000, FRAME = 80 };

static uint64_t seed = 0x13198a2e03707344;

static uint32_t roll(uint32_t n) { return roll_from(&seed, n); }

/* What a filter asks: fields that are 0 are not asked for. */
struct flow {
	uint32_t source, dest;
	uint16_t sport, dport;
	bool six, shared;
	uint32_t id; /* 0: not installed */
	uint32_t owner;
};

static struct flow flows[FLOWS];

struct out {
	uint8_t bytes[1024];
	struct exo_filter head;
	struct exo_path path;
};

static void atom(struct out *o, unsigned op, unsigned width, unsigned offset, uint32_t mask,
                 uint32_t lo)
{
	const struct exo_atom a = { .op = (uint8_t)op, .width = (uint8_t)width,
		.offset = (uint16_t)offset, .mask = mask, .lo = lo, .hi = op == FILTER_SHIFT ? 0 : lo };

	memcpy(o->bytes + sizeof o->head + sizeof o->path + o->path.natoms++ * sizeof a, &a,
	       sizeof a);
}

static size_t filter_of(const struct flow *f, struct out *o)
{
	memset(o, 0, sizeof *o);
	atom(o, FILTER_IN, 2, 12, 0xffff, f->six ? 0x86dd : 0x0800);
	if (f->source) {
		for (unsigned i = 0; f->six && i < 3; i++) /* keys of many words */
			atom(o, FILTER_IN, 4, 40 + 5 * i, 0xffffffff, f->source * (i + 3));
		atom(o, FILTER_IN, 4, 26, 0xffffffff, f->source);
	}
	if (f->dest)
		atom(o, FILTER_IN, 4, 30, 0xffffffff, f->dest);
	if (f->sport || f->dport)
		atom(o, FILTER_SHIFT, 1, 14, 0x0f, 2);
	if (f->sport)
		atom(o, FILTER_IN, 2, 14, 0xffff, f->sport);
	if (f->dport)
		atom(o, FILTER_IN, 2, 16, 0xffff, f->dport);
	o->head = (struct exo_filter){ .npaths = 1, .flags = f->shared ? FILTER_SHARED : 0 };
	o->head.bytes = (uint32_t)(sizeof o->head + sizeof o->path +
	                           o->path.natoms * sizeof(struct exo_atom));
	memcpy(o->bytes, &o->head, sizeof o->head);
	memcpy(o->bytes + sizeof o->head, &o->path, sizeof o->path);
	return o->head.bytes;
}

static void put(uint8_t *at, uint32_t v, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		at[i] = (uint8_t)(v >> 8 * (width - 1 - i));
}

static void frame_of(const struct flow *f, uint8_t frame[FRAME])
{
	for (unsigned i = 0; i < FRAME; i++)
		frame[i] = (uint8_t)roll(256);
	put(frame + 12, f->six ? 0x86dd : 0x0800, 2);
	frame[14] = 0x45;
	for (unsigned i = 0; f->six && i < 3; i++)
		put(frame + 40 + 5 * i, f->source * (i + 3), 4);
	put(frame + 26, f->source, 4);
	put(frame + 30, f->dest, 4);
	put(frame + 34, f->sport, 2);
	put(frame + 36, f->dport, 2);
}

/* Flows of few shapes; some differ in all fields, some in one, some repeat each other. */
static void make_flows(void)
{
	memset(flows, 0, sizeof flows);
	for (unsigned i = 0; i < FLOWS; i++) {
		struct flow *f = &flows[i];

		f->owner = i + 1;
		f->six = roll(4) == 0;
		f->shared = roll(3) == 0;
		f->source = roll(2) ? 1 + i : 1 + roll(4);
		f->dest = roll(2) ? 7 : 1 + roll(1000000) * 4099;
		f->sport = f->six ? 0 : (uint16_t)(1 + roll(65535));
		f->dport = f->six || roll(5) == 0 ? 0 : 80;
	}
}

static bool wants(const struct flow *w, const struct flow *f)
{
	return w->six == f->six && w->source == f->source && w->dest == f->dest &&
	       (!w->sport || w->sport == f->sport) && (!w->dport || w->dport == f->dport);
}

static unsigned bits(const struct flow *f) { return (f->sport != 0) + (f->dport != 0); }

static void check(struct dpf *d, const struct flow *f, uint32_t caplen)
{
	uint8_t frame[FRAME];
	uint32_t ids[FLOWS], winner = 0, shared = 0, n;
	unsigned best = 0;

	frame_of(f, frame);
	for (unsigned i = 0; i < FLOWS; i++) {
		const struct flow *w = &flows[i];

		if (!w->id || !wants(w, f) || caplen < FRAME)
			continue;
		shared += w->shared;
		if (!w->shared && (!winner || bits(w) > best)) {
			winner = w->id;
			best = bits(w);
		}
	}
	assert_int_equal(dpf_classify(d, frame, caplen, FRAME), winner);
	n = dpf_match_shared(d, frame, caplen, FRAME, ids, FLOWS);
	assert_int_equal(n, shared);
	assert_int_equal(dpf_match_set(d, frame, caplen, FRAME, ids, FLOWS) >= n, 1);
}

static void insert(struct dpf *d, struct flow *f)
{
	static const struct dpf_dominance any = { NULL, DPF_ALL };
	struct out o;
	size_t length = filter_of(f, &o);
	int id = dpf_insert(d, o.bytes, length, f->owner, &any, NULL);

	assert_true(id > 0 || id == -E_OVERLAP);
	f->id = id > 0 ? (uint32_t)id : 0;
}

/* --- What is installed, as text that does not tell how it came --- */

enum { LINES = 2 * FLOWS, LINE = 512 };

struct dump {
	const struct dpf *d;
	const struct shape *last;
	uint32_t n;
	char line[LINES][LINE];
};

/* A path: its shape's place in the order, whose it is, its bytes. */
static void write_line(struct dump *o, const struct store *store, const struct shape *s,
                       uint32_t ref)
{
	const struct member *m = member_at(store, ref);
	struct path p;

	assert_true(o->n < LINES);
	char *to = o->line[o->n++], *end = to + LINE;
	shape_path(s, m, &p);
	to += snprintf(to, LINE, "%016llx %016llx owner %u:", (unsigned long long)p.rank,
	               (unsigned long long)s->sign, dpf_owner(o->d, m->filter));
	for (unsigned i = 0; i < p.nbytes; i++)
		to += snprintf(to, (size_t)(end - to), " %u+%u&%02x=%02x", p.byte[i].base,
		               p.byte[i].offset, p.byte[i].mask, p.byte[i].value);
}

static void hear(void *ctx, const struct store *store, const struct gen_note *note)
{
	struct dump *o = ctx;
	const struct shape *s = note->nshapes ? note->shapes[0] : NULL;
	uint32_t cursor = 0, ref;

	if ((note->kind != GEN_KEY && note->kind != GEN_TABLE) || s == o->last)
		return;
	o->last = s;
	while ((ref = shape_next(s, &cursor)) != 0)
		for (; ref; ref = member_at(store, ref)->same)
			write_line(o, store, s, ref);
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

static struct dump *dump(struct dpf *d)
{
	enum { CODE = 1 << 20 };
	struct dump *o = calloc(1, sizeof *o);
	const struct gen_listener listener = { o, hear };
	uint8_t *code = malloc(CODE);

	assert_true(o && code);
	o->d = d;
	for (int shared = 0; shared < 2; shared++)
		dpf_tell(d, shared, code, CODE, &listener);
	free(code);
	qsort(o->line, o->n, LINE, by_text);
	return o;
}

/* The same as if the filters that are there had been inserted, in this order, and nothing else
 * ever had been. */
static void same_as_a_fresh_one(struct dpf *d, bool backward)
{
	struct dpf *fresh;

	assert_int_equal(dpf_create(&fresh, &host_memory, FLOWS, 4096, 99), 0);
	for (unsigned i = 0; i < FLOWS; i++) {
		struct flow f = flows[backward ? FLOWS - 1 - i : i];

		if (f.id)
			insert(fresh, &f);
	}
	struct dump *is = dump(d), *wanted = dump(fresh);
	struct dpf_stats stats;
	dpf_stats(d, &stats);
	assert_int_equal(is->n, stats.paths);
	assert_int_equal(is->n, wanted->n);
	for (uint32_t i = 0; i < is->n; i++)
		assert_string_equal(is->line[i], wanted->line[i]);
	free(is);
	free(wanted);
	dpf_destroy(fresh);
}

static void equals_a_linear_matcher(void **state)
{
	struct dpf_stats stats;
	struct dpf *d;
	size_t before = host_pages();

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, FLOWS, 4096, 1), 0);
	make_flows();
	for (unsigned step = 0; step < STEPS; step++) {
		/* fill, churn, drain, by turns */
		struct flow *f = &flows[roll(FLOWS)];
		bool filling = step / 1500 % 2 == 0;

		if (f->id && (!filling || roll(8) == 0)) {
			assert_int_equal(dpf_delete(d, f->id), 0);
			f->id = 0;
		} else if (!f->id && (filling || roll(8) == 0)) {
			insert(d, f);
		}
		check(d, f, FRAME);
		check(d, &flows[roll(FLOWS)], FRAME);
		check(d, &flows[roll(FLOWS)], roll(14));
		struct flow other = flows[roll(FLOWS)];
		other.sport ^= 1;
		check(d, &other, FRAME);
		if (roll(3)) /* sometimes the old tables and code stay for a while */
			dpf_reclaim(d);
		if (step % 1500 == 700 || step % 1500 == 1400)
			same_as_a_fresh_one(d, step % 1500 == 700);
		if (step == 1400) {
			dpf_stats(d, &stats);
			assert_true(stats.tables >= 3);
		}
	}
	for (unsigned i = 0; i < FLOWS; i++)
		if (flows[i].id && roll(4)) {
			assert_int_equal(dpf_delete(d, flows[i].id), 0);
			flows[i].id = 0;
		}
	dpf_reclaim(d);
	for (unsigned i = 0; i < FLOWS; i++)
		check(d, &flows[i], FRAME);
	same_as_a_fresh_one(d, false);
	same_as_a_fresh_one(d, true);
	for (unsigned i = 0; i < FLOWS; i++)
		if (flows[i].id) {
			assert_int_equal(dpf_delete(d, flows[i].id), 0);
			flows[i].id = 0;
		}
	dpf_reclaim(d);
	dpf_stats(d, &stats);
	assert_int_equal(stats.shapes + stats.tables + stats.paths + stats.filters, 0);
	dpf_destroy(d);
	assert_int_equal(host_pages(), before);
}

static void a_key_more_generates_nothing(void **state)
{
	struct dpf_stats before, after;
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, 20000, 8192, 1), 0);
	for (unsigned i = 0; i < 10000; i++) {
		struct flow f = { .source = 0x0a000001 + i * 7919, .dest = 0x0a0000fe - i,
			          .sport = (uint16_t)(1024 + i), .dport = 80 };

		if (i == 100)
			dpf_stats(d, &before);
		insert(d, &f);
		assert_int_equal(f.id, i + 1);
		dpf_reclaim(d);
	}
	dpf_stats(d, &after);
	/* dport may become part of the key, and the high bytes; a table that doubles, or needs another
	 * key, is another table: no more than a few times in 9,900 */
	assert_true(after.generated - before.generated <= 16);
	assert_int_equal(after.shapes, 1);
	assert_int_equal(after.tables, 1);
	assert_true(dpf_charge(d, 5000) < 160);
	dpf_destroy(d);
}

/* All that a table of another key had to say, without memory for it: nothing changes. */
static void without_memory_nothing_changes(void **state)
{
	(void)state;
	for (size_t pages = 60; pages < 90; pages++) {
		struct dpf *d;
		size_t before = host_pages();

		make_flows();
		if (dpf_create(&d, &host_memory, FLOWS, pages, 1) < 0)
			continue;
		for (unsigned i = 0; i < FLOWS; i++) {
			static const struct dpf_dominance any = { NULL, DPF_ALL };
			struct out o;
			size_t length = filter_of(&flows[i], &o);
			int id = dpf_insert(d, o.bytes, length, 1, &any, NULL);

			assert_true(id > 0 || id == -E_OVERLAP || id == -E_NOMEM);
			flows[i].id = id > 0 ? (uint32_t)id : 0;
			if (i % 3 == 0)
				dpf_reclaim(d);
			check(d, &flows[i], FRAME);
			check(d, &flows[roll(FLOWS)], FRAME);
		}
		for (unsigned i = 0; i < FLOWS; i++)
			check(d, &flows[i], FRAME);
		dpf_destroy(d);
		assert_int_equal(host_pages(), before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_a_linear_matcher),
		cmocka_unit_test(a_key_more_generates_nothing),
		cmocka_unit_test(without_memory_nothing_changes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
