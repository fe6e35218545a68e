/* dpf/tool/merged.c - see merged.h. Reading the tree: the code is generated once more, and the
 * generator says what it does. SPDX-License-Identifier: ISC */
#include "dpf/tool/merged.h"
#include "dpf/tool/complain.h"
#include "dpf/table.h"
#include <stdlib.h>
#include <string.h>

enum { CODE_MAX = 1 << 24, WHO_MAX = 6 };

static const char *const base_name[] = { "ether", "b1", "b2", "b3", "b4" };

static uint32_t big_endian(uint32_t v, unsigned width)
{
	return __builtin_bswap32(v) >> 8 * (4 - width);
}

/* s's own number of a base says which one the code keeps. */
static const char *base_of(const struct shape *s, unsigned own) { return base_name[s->base_at[own]]; }

static void put_load(FILE *o, const struct shape *s, unsigned base, unsigned offset, unsigned width,
                     uint32_t mask)
{
	if (width == PATH_LEN) {
		fputs("len", o);
		return;
	}
	fprintf(o, "%s[%u", base_of(s, base), offset);
	if (width > 1)
		fprintf(o, ":%u", width);
	fputs("]", o);
	if (mask != path_ones(width))
		fprintf(o, " & 0x%0*x", (int)width * 2, mask);
}

/* Bytes that are picked, adjacent whole ones together. */
static void put_bytes(FILE *o, const struct shape *s, const struct path *p, const bool *pick)
{
	const char *lead = "";

	for (unsigned i = 0; i < p->nbytes; i++) {
		const struct path_byte *b = &p->byte[i];
		uint32_t value = b->value;
		unsigned n = 1;

		if (!pick[i])
			continue;
		while (b->mask == 0xff && n < 4 && i + n < p->nbytes && pick[i + n] &&
		       b[n].base == b->base && b[n].offset == b->offset + n && b[n].mask == 0xff)
			value = value << 8 | b[n++].value;
		if (n == 3) {
			n = 2;
			value >>= 8;
		}
		fputs(lead, o);
		put_load(o, s, b->base, b->offset, n, n > 1 ? path_ones(n) : b->mask);
		fprintf(o, " = 0x%0*x", (int)n * 2, value);
		lead = ", ";
		i += n - 1;
	}
}

/* The shape's key: its open bytes. */
static void put_open(FILE *o, const struct shape *s)
{
	const char *lead = "";

	for (unsigned i = 0; i < s->form.nbytes; i++) {
		unsigned n = 1;

		if (!s->open[i])
			continue;
		while (i + n < s->form.nbytes && s->open[i + n] &&
		       s->form.byte[i + n].base == s->form.byte[i].base &&
		       s->form.byte[i + n].offset == s->form.byte[i].offset + n)
			n++;
		fprintf(o, "%s%s[%u:%u]", lead, base_of(s, s->form.byte[i].base),
		        s->form.byte[i].offset, n);
		lead = ", ";
		i += n - 1;
	}
}

static void put_key(FILE *o, const struct shape *s, const struct member *m)
{
	struct path p;
	bool pick[PATH_BYTES], any = false;

	shape_path(s, m, &p);
	for (unsigned i = 0; i < p.nbytes; i++)
		any |= pick[i] = s->open[i];
	if (any)
		put_bytes(o, s, &p, pick);
	else
		fputs("accept", o);
}

static void put_test(FILE *o, const struct shape *s, const struct path_test *t)
{
	put_load(o, s, t->base, t->offset, t->width, t->mask);
	fprintf(o, t->lo == t->hi ? " %s %u" : " %s %u..%u",
	        t->lo == t->hi ? (t->negate ? "!=" : "=") : t->negate ? "not in" : "in", t->lo, t->hi);
}

static void put_base(FILE *o, const struct shape *s, unsigned number, const struct path_base *b)
{
	fprintf(o, "%s = ", base_name[number]);
	if (b->parent)
		fprintf(o, "%s + ", base_of(s, b->parent));
	fputs("(", o);
	put_load(o, s, b->parent, b->offset, b->width, b->mask);
	fprintf(o, ") %s %d", b->shift < 0 ? ">>" : "<<", b->shift < 0 ? -b->shift : b->shift);
}

static void put_text(FILE *o, const struct store *store, const struct gen_note *n)
{
	const struct shape *s = n->nshapes ? n->shapes[0] : NULL;
	const struct gen_field *f = &n->field;

	switch (n->kind) {
	case GEN_BURST: fputs("the loop over a burst", o); break;
	case GEN_ENTER: fputs("enter", o); break;
	case GEN_ON: fputs("to the next block", o); break;
	case GEN_LEAVE: fputs("nobody's", o); break;
	case GEN_BYTES: put_bytes(o, s, &s->form, n->pick); break;
	case GEN_TEST: put_test(o, s, &s->form.test[n->index]); break;
	case GEN_BASE: put_base(o, s, n->value, &s->form.base[n->index]); break;
	case GEN_FIELD:
		put_load(o, s, f->base, f->offset, f->width, big_endian(f->mask, f->width));
		fputs(" is", o);
		break;
	case GEN_VALUE:
		fprintf(o, "0x%0*x", (int)f->width * 2, big_endian(n->value, f->width));
		break;
	case GEN_KEY: put_key(o, s, member_at(store, n->ref)); break;
	case GEN_TABLE:
		put_open(o, s);
		fprintf(o, " in a table of %u", s->n);
		break;
	case GEN_PROGRAM: fputs("its BPF program accepts", o); break;
	}
}

/* The owners or texts of a member and of those that share its key. Returns how many more
 * may still be named. */
static int put_member(FILE *o, const struct filters *f, const struct store *store, uint32_t ref,
                      bool *named, int left)
{
	for (; ref; ref = member_at(store, ref)->same) {
		const struct expression *e = filters_by_id(f, member_at(store, ref)->filter);

		if (!e || named[e - f->e])
			continue;
		named[e - f->e] = true;
		if (left > 0)
			fprintf(o, "%s%s", left == WHO_MAX ? "" : "; ", f->rules ? e->owner : e->text);
		left--;
	}
	return left;
}

static void put_who(FILE *o, const struct filters *f, const struct store *store,
                    const struct gen_note *n)
{
	bool *named = calloc((size_t)f->n, sizeof *named);
	int left = WHO_MAX;

	if (n->kind == GEN_KEY && named)
		left = put_member(o, f, store, n->ref, named, left);
	for (uint32_t i = 0; n->kind != GEN_KEY && named && i < n->nshapes; i++) {
		uint32_t cursor = 0, ref;

		while ((ref = shape_next(n->shapes[i], &cursor)) != 0)
			left = put_member(o, f, store, ref, named, left);
	}
	if (left < 0)
		fprintf(o, "; %d more", -left);
	free(named);
}

static void hear(void *ctx, const struct store *store, const struct gen_note *n)
{
	struct merged *m = ctx;
	struct piece p = { .kind = n->kind, .code = n->code, .depth = n->depth };
	size_t bytes;

	if (m->n % 64 == 0) {
		void *more = realloc(m->piece, (m->n + 64) * sizeof *m->piece);

		m->lost |= !more;
		m->piece = more ? more : m->piece;
	}
	FILE *text = open_memstream(&p.text, &bytes);
	if (text)
		put_text(text, store, n), fclose(text);
	FILE *who = open_memstream(&p.who, &bytes);
	if (who)
		put_who(who, m->f, store, n), fclose(who);
	m->lost |= !text || !who;
	if (m->lost)
		free(p.text), free(p.who);
	else
		m->piece[m->n++] = p;
}

bool merged_read(struct merged *m, struct dpf *d, bool shared, const struct filters *f)
{
	const struct gen_listener l = { m, hear };

	*m = (struct merged){ .f = f, .code = malloc(CODE_MAX) };
	if (m->code)
		m->length = dpf_tell(d, shared, m->code, CODE_MAX, &l);
	if (m->length && !m->lost)
		return true;
	complain("%s", reason(-E_NOMEM));
	merged_free(m);
	return false;
}

void merged_free(struct merged *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		free(m->piece[i].text);
		free(m->piece[i].who);
	}
	free(m->piece);
	free(m->code);
	*m = (struct merged){ 0 };
}

bool merged_in_tree(const struct piece *p)
{
	return p->kind != GEN_BURST && p->kind != GEN_ENTER && p->kind != GEN_ON &&
	       p->kind != GEN_LEAVE;
}
