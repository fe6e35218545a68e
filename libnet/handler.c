/* libnet/handler.c - see handler.h. SPDX-License-Identifier: ISC */
#include "libnet/handler.h"
#include <string.h>
#include "ash/object.h"
#include "exo/cap.h"
#include "exo/err.h"
#include "exo/layout.h"
#include "exo/page.h"
#include "exo/stub.h"
#include "libnet/exos/memory.h"

/* What linking works in; only for that long. The image is what sys_ash_bind takes: its parts
 * follow each other. */
struct scratch {
	struct ash_object object;
	uint32_t entry[ASH_FUNCTION_MAX];
	uint8_t data[ASH_DATA_PAGES * EXO_PAGE_SIZE];
	struct ash_image head;
	struct ash_insn insn[ASH_INSN_MAX]; /* [ninsn], and from there on pipes and entries */
	uint8_t rest[ASH_PIPES * sizeof(struct ash_pipe) + ASH_FUNCTION_MAX * sizeof(uint32_t)];
};
enum { SCRATCH_PAGES = (sizeof(struct scratch) + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE };
_Static_assert(offsetof(struct scratch, insn) ==
               offsetof(struct scratch, head) + sizeof(struct ash_image), "no hole");

static long make_pages(struct handler *h, const struct scratch *s, uint64_t at)
{
	uint32_t data = (s->object.data_length + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE;
	long slot = memory_new(at, ASH_OWN_PAGES + data);

	if (slot < 0)
		return slot;
	h->slot = (uint32_t)slot;
	h->pages = ASH_OWN_PAGES + data;
	h->data = (uint8_t *)at + ASH_OWN_PAGES * EXO_PAGE_SIZE;
	h->data_length = s->object.data_length;
	memcpy(h->data, s->data, h->data_length);
	return 0;
}

static long bind(struct handler *h, struct scratch *s)
{
	const struct ash_object *o = &s->object;
	size_t code = o->ninsn * sizeof *s->insn, pipes = o->npipe * sizeof *o->pipe;
	size_t entries = o->nentry * sizeof *s->entry;
	uint8_t *rest = (uint8_t *)s->insn + code;

	s->head = (struct ash_image){ .ninsn = o->ninsn, .nentry = o->nentry, .start = o->start,
		                       .shared = h->shared, .nshared = h->nshared,
		                       .shared_write = 1, .npipe = o->npipe };
	memcpy(rest, o->pipe, pipes);
	memcpy(rest + pipes, s->entry, entries);
	long error = sys_ash_bind(h->filter, (uint64_t)&s->head,
	                          (uint32_t)(sizeof s->head + code + pipes + entries), h->slot, h->pages);
	if (error < 0)
		sys_page_free(h->slot, h->pages);
	return error;
}

static long load(struct handler *h, uint64_t at, struct scratch *s)
{
	s->object.insn = s->insn;
	s->object.data = s->data;
	s->object.entry = s->entry;
	long error = ash_object_link(&s->object);

	h->bad = s->object.bad;
	if (error == 0)
		error = make_pages(h, s, at);
	return error < 0 ? error : bind(h, s);
}

long handler_load(struct handler *h, uint32_t filter, uint64_t at, const void *object,
                  size_t size, const char *program)
{
	struct scratch *s = (struct scratch *)EXOS_WINDOW;
	long slot = memory_new(EXOS_WINDOW, SCRATCH_PAGES);

	h->bad = ASH_OBJECT_NONE;
	if (slot < 0)
		return slot;
	s->object.file = object;
	s->object.size = size;
	s->object.program = program && *program ? program : NULL;
	h->filter = filter;
	long error = load(h, at, s);
	sys_page_free((uint32_t)slot, SCRATCH_PAGES);
	return error;
}

void handler_unload(struct handler *h)
{
	sys_ash_unbind(h->filter);
	sys_page_free(h->slot, h->pages);
}
