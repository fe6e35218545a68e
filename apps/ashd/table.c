/* apps/ashd/table.c - see table.h. SPDX-License-Identifier: ISC */
#include "apps/ashd/table.h"
#include <string.h>
#include "exo/cap.h"
#include "exo/ash.h"
#include "exo/err.h"
#include "exo/page.h"
#include "exo/stub.h"
#include "libnet/exos/exposed.h"
#include "libnet/exos/memory.h"
#include "libnet/handler.h"
#include "libnet/nic.h"
#include "libnet/stack.h"

/* A handler's pages are seen at one of two places, so that the next one is there before it goes. */
enum { PLACE = 2 << 20 };
_Static_assert(EXOS_HANDLERS + 2 * LOAD_HANDLERS * PLACE <= EXOS_IMAGE, "libnet/exos/memory.h");

struct loaded {
	char name[LOAD_NAME]; /* empty: free */
	struct handler handler;
	uint32_t side; /* 0 or 1 */
	uint32_t shared, nshared; /* slots of its pages; they stay when it is replaced */
};

static struct loaded table[LOAD_HANDLERS];

static struct loaded *find(const char *name)
{
	for (int i = 0; i < LOAD_HANDLERS; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

/* --- What is loaded --- */

static uint32_t filter_index(const struct loaded *l)
{
	struct exo_cap cap = { 0 };

	sys_cap_mint(l->handler.filter, RIGHT_READ, (uint64_t)&cap);
	return cap.name & 0xfffffff;
}

static struct load_entry describe(const struct loaded *l)
{
	uint32_t index = filter_index(l);
	const volatile struct exo_filter_info *f = &exo_filters()[index];
	struct load_entry e = { .filter = index, .state = f->handler, .frames = f->frames,
		                .runs = f->runs, .replied = f->replied, .handled = f->handled,
		                .aborted = f->aborted, .dropped = f->dropped,
		                .charged = f->charged, .cycles = f->cycles };

	memcpy(e.name, l->name, sizeof e.name);
	return e;
}

static void list(struct load_reply *reply)
{
	for (int i = 0; i < LOAD_HANDLERS; i++)
		if (table[i].name[0])
			reply->entry[reply->count++] = describe(&table[i]);
}

/* --- Changes. Each returns 0, or the error with the stage set. --- */

static long refuse(struct load_reply *reply, enum load_stage stage, long error)
{
	reply->stage = stage;
	return error;
}

/* Bind the object to `slot`, in the entry's other place. */
static long bind(struct loaded *l, uint32_t slot, const struct load_request *r,
                 const uint8_t *object, struct load_reply *reply)
{
	uint64_t at = EXOS_HANDLERS + PLACE * (2 * (uint64_t)(l - table) + !l->side);
	struct handler new = { .shared = l->shared, .nshared = l->nshared };
	long error = handler_load(&new, slot, at, object, r->object, r->program);

	if (error < 0) {
		reply->bad = new.bad;
		return refuse(reply, error == -E_NOMEM ? LOAD_AT_MEMORY : LOAD_AT_OBJECT, error);
	}
	l->handler = new;
	l->side = !l->side;
	return 0;
}

static long take_shared(struct loaded *l, uint32_t n)
{
	long slot = 0;

	if (n > ASH_SHARED_PAGES)
		return -E_LIMIT;
	if (n && (slot = sys_page_alloc(PAGE_ANY, n)) < 0)
		return slot;
	l->shared = (uint32_t)slot;
	l->nshared = n;
	return 0;
}

static void give_shared(struct loaded *l)
{
	if (l->nshared)
		sys_page_free(l->shared, l->nshared);
	l->nshared = 0;
}

static long add(const struct load_request *r, const uint8_t *body, struct load_reply *reply)
{
	struct loaded *l = find("");

	if (find(r->name))
		return refuse(reply, LOAD_AT_NAME, -E_BUSY);
	if (!l)
		return refuse(reply, LOAD_AT_MEMORY, -E_NOSPC);
	long slot = r->over ? nic_filter_over(body, r->filter) : stack_filter(body, r->filter);
	if (slot < 0)
		return refuse(reply, LOAD_AT_FILTER, slot);
	long error = take_shared(l, r->shared);
	error = error < 0 ? refuse(reply, LOAD_AT_MEMORY, error)
	                  : bind(l, (uint32_t)slot, r, body + r->filter, reply);
	if (error == 0) {
		memcpy(l->name, r->name, sizeof l->name);
		return 0;
	}
	stack_release(slot);
	give_shared(l);
	return error;
}

/* The kernel puts one in place of the other between two frames. */
static long replace(const struct load_request *r, const uint8_t *object,
                    struct load_reply *reply)
{
	struct loaded *l = find(r->name);

	if (!l)
		return refuse(reply, LOAD_AT_NAME, -E_NOSYS);
	struct handler old = l->handler;
	long error = bind(l, old.filter, r, object, reply);
	if (error == 0)
		sys_page_free(old.slot, old.pages);
	return error;
}

static long take_away(const struct load_request *r, struct load_reply *reply)
{
	struct loaded *l = find(r->name);

	if (!l)
		return refuse(reply, LOAD_AT_NAME, -E_NOSYS);
	handler_unload(&l->handler);
	stack_release(l->handler.filter);
	give_shared(l);
	l->name[0] = '\0';
	return 0;
}

static long act(const struct load_request *r, const uint8_t *body, struct load_reply *reply)
{
	if (r->command == LOAD_LIST)
		return 0;
	if (!r->name[0])
		return refuse(reply, LOAD_AT_NAME, -E_INVAL);
	switch (r->command) {
	case LOAD_BIND: return r->filter ? add(r, body, reply) : replace(r, body, reply);
	case LOAD_REMOVE: return take_away(r, reply);
	default: return refuse(reply, LOAD_AT_REQUEST, -E_INVAL);
	}
}

void table_do(const struct load_request *r, const uint8_t *body, struct load_reply *reply)
{
	memset(reply, 0, sizeof *reply);
	reply->error = (uint32_t)-act(r, body, reply);
	list(reply);
}
