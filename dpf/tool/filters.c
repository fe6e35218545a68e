/* dpf/tool/filters.c - see filters.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/filters.h"
#include "dpf/tool/complain.h"
#include "dpf/tool/mark.h"
#include "dpf/tool/program.h"
#include "dpf/tool/rules.h"
#include "dpf/tool/strict.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MERGED_PAGES = 1 << 18 };

_Static_assert(sizeof(struct exo_bpf_insn) == sizeof(struct bpf_insn), "libpcap's layout");

const char *reason(int error)
{
	static const char *const text[] = {
#define X(name, words) [E_##name] = words,
		EXO_ERRORS(X)
#undef X
	};

	return text[-error];
}

/* The filter that consists of the program alone. */
static bool wrap(struct expression *e)
{
	size_t insns = e->program.bf_len * sizeof(struct exo_bpf_insn);
	struct exo_filter head = { .flags = e->flags, .priority = e->priority,
		                   .ninsns = e->program.bf_len };

	e->length = sizeof head + insns;
	head.bytes = (uint32_t)e->length;
	e->filter = malloc(e->length);
	if (!e->filter)
		return false;
	memcpy(e->filter, &head, sizeof head);
	memcpy(e->filter + sizeof head, e->program.bf_insns, insns);
	return true;
}

static bool compile_strict(struct expression *e, pcap_t *in)
{
	struct code *c = calloc(1, sizeof *c);
	const char *message = reason(-E_NOMEM);
	struct token where = { .at = e->text };
	struct syntax s;
	bool good = syntax_read(&s, e->text);

	if (!good) {
		message = s.message;
		where = s.where;
	}
	good = good && c && strict_compile(c, &s, pcap_datalink(in), (uint32_t)pcap_snapshot(in),
	                                   &message, &where);
	if (good && (e->program.bf_insns = malloc(c->n * sizeof *c->insn)) != NULL) {
		memcpy(e->program.bf_insns, c->insn, c->n * sizeof *c->insn);
		e->program.bf_len = c->n;
	} else {
		mark_place(e, message, &where);
	}
	syntax_free(&s);
	free(c);
	return e->program.bf_insns;
}

static bool compile(const struct filters *f, struct expression *e, pcap_t *in)
{
	if (f->strict)
		return compile_strict(e, in);
	/* No netmask is known; tcpdump says 0 then, so that `ip broadcast' means all ones. */
	if (pcap_compile(in, &e->program, e->text, 1, 0) == 0)
		return true;
	mark_error(e, in, pcap_geterr(in));
	return false;
}

bool filters_compile(struct filters *f, pcap_t *in)
{
	char why[PROGRAM_WHY_BYTES];

	for (int i = 0; i < f->n; i++) {
		if (!compile(f, &f->e[i], in))
			return false;
		if (program_is_wrong(f->e[i].program.bf_insns, f->e[i].program.bf_len, why)) {
			mark_all(&f->e[i], why);
			return false;
		}
		if (!wrap(&f->e[i])) {
			complain("%s", reason(-E_NOMEM));
			return false;
		}
	}
	return true;
}

void filters_share(struct filters *f)
{
	for (int i = 0; i < f->n; i++)
		f->e[i].flags |= FILTER_SHARED;
}

struct dpf *filters_room(const struct filters *f, const struct dpf_memory *mem)
{
	struct dpf *d;
	int error = dpf_create(&d, mem, (uint32_t)f->n, MERGED_PAGES, 0);

	if (error == 0)
		return d;
	complain("%s", reason(error));
	return NULL;
}

struct dpf *filters_merge(struct filters *f, const struct dpf_memory *mem)
{
	static const struct dpf_dominance any = { NULL, DPF_ALL };
	struct dpf *d = filters_room(f, mem);

	for (int i = 0; d && i < f->n; i++) {
		struct expression *e = &f->e[i];
		char words[256];
		uint32_t other;
		int id = dpf_insert(d, e->filter, e->length, (uint32_t)i + 1, &any, &other);

		if (id > 0) {
			e->id = (uint32_t)id;
			dpf_reclaim(d);
			continue;
		}
		if (other)
			snprintf(words, sizeof words,
			         "overlaps the filter of %s, and neither is above the other",
			         filters_by_id(f, other)->owner);
		mark_all(e, other ? words : reason(id));
		dpf_destroy(d);
		return NULL;
	}
	return d;
}

const struct expression *filters_by_id(const struct filters *f, uint32_t id)
{
	for (int i = 0; i < f->n; i++)
		if (f->e[i].id == id)
			return &f->e[i];
	return NULL;
}

static bool from_words(struct filters *f, const struct options *o)
{
	f->e = calloc((size_t)o->nrest, sizeof *f->e);
	for (f->n = 0; f->e && f->n < o->nrest; f->n++)
		f->e[f->n] = (struct expression){ .owner = o->rest[f->n], .text = o->rest[f->n] };
	return f->e;
}

bool filters_read(struct filters *f, const struct options *o)
{
	*f = (struct filters){ .rules = o->nrules > 0, .strict = o->strict };
	return f->rules ? rules_read(f, o) : from_words(f, o);
}

void filters_free(struct filters *f)
{
	for (int i = 0; i < f->n; i++) {
		pcap_freecode(&f->e[i].program);
		free(f->e[i].filter);
	}
	free(f->e);
	for (int i = 0; i < RULE_FILES_MAX; i++)
		free(f->text[i]);
}
