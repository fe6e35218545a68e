/* kernel/handler.c - see handler.h. SPDX-License-Identifier: ISC */
#include "kernel/handler.h"
#include "ash/ash.h"
#include "exo/err.h"
#include "exo/layout.h"
#include "kernel/code.h"
#include "kernel/copysum.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/filter.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/pipes.h"
#include "kernel/revoke.h"
#include "kernel/ring.h"
#include "kernel/string.h"
#include "kernel/window.h"

/* An abort costs ABORT_COST points, a good run gives one back; beyond ABORT_MOST it is unbound. */
enum { ABORT_COST = 16, ABORT_MOST = 1024 };

struct handler {
	struct env *env; /* NULL: free */
	struct ring *ring;
	uint32_t filter;
	uint32_t charged; /* pages, as tables of env's */
	uint8_t *code;
	uint32_t code_pages;
	struct ash_code shape;
	struct pipes pipes;
	uint32_t *page; /* [npages], pinned; in a page of the kernel's */
	uint32_t npages, written; /* the first so many may be written */
	uint32_t budget, points;
	struct ash_run run;
};

static struct handler handlers[WINDOW_MAX]; /* each with the window of its number */
static struct {
	struct handler *of[EXO_FILTER_MAX]; /* filter's; valid if filter_info says so */
	struct handler *running;
} state;

static uint32_t number_of(const struct handler *h) { return (uint32_t)(h - handlers); }

/* --- Binding --- */

static struct handler *free_handler(void)
{
	for (uint32_t i = 0; i < WINDOW_MAX; i++)
		if (!handlers[i].env)
			return &handlers[i];
	return NULL;
}

/* Undo everything, however far it had come. */
static void release(struct handler *h)
{
	window_clear(number_of(h));
	for (uint32_t i = 0; i < h->npages; i++) {
		pages[h->page[i]].kernel_writes -= i < h->written;
		page_unpin(h->page[i]);
	}
	if (h->page)
		page_free_kernel((uint32_t)(kmap_phys((uint64_t)h->page) >> EXO_PAGE_SHIFT));
	if (h->code)
		code_give(h->code, h->code_pages);
	pipes_drop(&h->pipes);
	h->env->pub->tables -= h->charged;
	h->env->kernel_pages -= h->charged;
	*h = (struct handler){ .env = NULL };
}

static int charge(struct handler *h, uint32_t n)
{
	if (h->env->pub->table_limit - h->env->pub->tables < n)
		return -E_NOMEM;
	h->env->pub->tables += n;
	h->env->kernel_pages += n;
	h->charged += n;
	return 0;
}

/* Decode and compile in scratch memory that is gone afterwards. */
static int compile_in(struct handler *h, const struct handler_request *q, uint8_t *scratch)
{
	struct ash_workspace *w = (void *)scratch;
	struct ash_program p = { .insn = q->insn, .ninsn = q->head.ninsn, .start = q->head.start };

	w->label = (void *)(w + 1);
	p.function = (void *)(w->label + p.ninsn);
	p.mark = (uint8_t *)(p.function + ASH_FUNCTION_MAX);
	int error = ash_decode(&p, q->entry, q->head.nentry);
	if (error)
		return error;
	size_t bound = ash_code_bound(&p);
	h->code_pages = (uint32_t)((bound + EXO_PAGE_SIZE - 1) >> EXO_PAGE_SHIFT);
	if ((error = charge(h, h->code_pages)) < 0)
		return error;
	h->code = code_take(h->code_pages);
	if (!h->code)
		return -E_NOMEM;
	error = ash_compile(&p, w, h->code, (size_t)h->code_pages << EXO_PAGE_SHIFT, &h->shape,
	                    NULL);
	assert(error == 0);
	code_seal(h->code, h->code_pages);
	return 0;
}

static int compile(struct handler *h, const struct handler_request *q)
{
	size_t bytes = sizeof(struct ash_workspace) + ASH_FUNCTION_MAX * sizeof(uint32_t) +
	               q->head.ninsn * (sizeof(struct x86_label) + 1);
	uint32_t n = (uint32_t)((bytes + EXO_PAGE_SIZE - 1) >> EXO_PAGE_SHIFT);
	uint32_t pfn = page_take_kernel_run(n);

	if (!pfn)
		return -E_NOMEM;
	int error = compile_in(h, q, page_kva(pfn));
	page_free_kernel_run(pfn, n);
	return error;
}

static int add_pipes(struct handler *h, const struct handler_request *q)
{
	int error = pipes_make(&h->pipes, q->pipe, q->head.npipe);

	h->run.dilp = h->pipes.dilp;
	h->run.ndilp = h->pipes.n;
	return error ? error : charge(h, h->pipes.data_pages + h->pipes.code_pages);
}

static void add_extent(struct handler *h, uint32_t first, uint32_t npages, bool writable)
{
	if (npages)
		h->run.extent[h->run.nextent++] =
			(struct ash_extent){ first, npages << EXO_PAGE_SHIFT, writable };
}

static void map_run(struct handler *h, uint32_t first, const uint32_t *page, uint32_t n,
                    bool writable)
{
	for (uint32_t i = 0; i < n; i++)
		window_map(number_of(h), first + (i << EXO_PAGE_SHIFT), page[i], writable);
	add_extent(h, first, n, writable);
}

static int reserve(struct handler *h, uint32_t data, uint32_t ring, uint32_t shared)
{
	uint32_t window = number_of(h), tables = 1; /* the list of pages */
	int error = window_reserve(window, ASH_CTX, ASH_OWN_PAGES, &tables);

	if (error == 0 && data)
		error = window_reserve(window, ASH_DATA, data, &tables);
	if (error == 0)
		error = window_reserve(window, ASH_RING, ring, &tables);
	if (error == 0 && shared)
		error = window_reserve(window, ASH_PAGES, shared, &tables);
	if (error == 0)
		error = charge(h, tables);
	uint32_t list = error == 0 ? page_take_kernel() : 0;
	if (!list)
		return -E_NOMEM;
	h->page = page_kva(list);
	return 0;
}

static void pin(struct handler *h, const uint32_t *page, uint32_t n, bool write)
{
	for (uint32_t i = 0; i < n; i++) {
		page_pin(page[i]);
		pages[page[i]].kernel_writes += write;
		h->page[h->npages++] = page[i];
	}
	h->written += write ? n : 0;
}

/* The window: its context, stack and data, the ring as long as it is now, and what is shared. */
static int open_window(struct handler *h, const struct handler_request *q)
{
	uint32_t nring, writable, data = q->npages - ASH_OWN_PAGES;
	const uint32_t *ring = ring_pages(filter_info[h->filter].ring, &nring, &writable);
	int error = reserve(h, data, nring, q->head.nshared);

	if (error)
		return error;
	pin(h, q->page, q->npages, true);
	pin(h, q->page + q->npages, q->head.nshared, q->head.shared_write);
	h->run.window = window_base(number_of(h));
	map_run(h, ASH_CTX, q->page, 1, true);
	map_run(h, ASH_STACK, q->page + 1, ASH_OWN_PAGES - 1, true);
	map_run(h, ASH_DATA, q->page + ASH_OWN_PAGES, data, true);
	map_run(h, ASH_RING, ring, writable, true);
	map_run(h, ASH_RING + (writable << EXO_PAGE_SHIFT), ring + writable, nring - writable,
	        false);
	h->run.shared = q->head.nshared << EXO_PAGE_SHIFT;
	map_run(h, ASH_PAGES, q->page + q->npages, q->head.nshared, q->head.shared_write);
	return 0;
}

_Static_assert(ASH_CTX + EXO_PAGE_SIZE <= ASH_STACK &&
               ASH_STACK_TOP - ASH_STACK == (ASH_OWN_PAGES - 1) * EXO_PAGE_SIZE, "exo/ash.h");
_Static_assert((ASH_OWN_PAGES + ASH_DATA_PAGES + ASH_SHARED_PAGES) * sizeof(uint32_t) <=
               EXO_PAGE_SIZE, "one page");

int handler_bind(struct env *env, uint32_t id, const struct handler_request *q)
{
	struct handler *h = free_handler();

	if (!h)
		return -E_NOSPC;
	*h = (struct handler){ .env = env, .filter = id, .ring = ring_of(filter_info[id].ring),
		               .budget = q->head.budget ? q->head.budget : ASH_BUDGET };
	h->run.helper = ash_helper;
	if (!cpu_random(&h->run.random))
		h->run.random = rdtsc();
	int error = compile(h, q);
	if (error == 0)
		error = add_pipes(h, q);
	if (error == 0)
		error = open_window(h, q);
	if (error) {
		release(h);
		return error;
	}
	handler_unbind(id);
	state.of[id] = h;
	filter_info[id].handler = HANDLER_BOUND;
	return 0;
}

void handler_unbind(uint32_t id)
{
	if (filter_info[id].handler == HANDLER_BOUND)
		release(state.of[id]);
	filter_info[id].handler = HANDLER_NONE;
}

/* --- Running --- */

bool handler_fault(uint64_t *rip, uint64_t address)
{
	const struct handler *h = state.running;

	if (!h)
		return false;
	uint64_t at = *rip - (uint64_t)h->code;
	uint64_t low = (uint64_t)h->run.window - ASH_GUARD;
	if (at < h->shape.body || at >= h->shape.end ||
	    address - low >= (1ull << 32) + 2ull * ASH_GUARD)
		return false;
	*rip = (uint64_t)h->code + h->shape.fault_exit;
	return true;
}

/* Nanoseconds since boot, of a time stamp. */
static uint64_t nanoseconds(uint64_t tsc)
{
	static uint64_t scale; /* of a cycle, times 2^32 */

	if (!scale)
		scale = (1000000000ull << 32) / info.tsc_hz;
	return (uint64_t)((unsigned __int128)(tsc - info.boot_tsc) * scale >> 32);
}

static enum ash_verdict run(struct handler *h, const struct ash_frame *f, uint32_t *first,
                            uint32_t *length)
{
	struct exo_filter_info *fi = &filter_info[h->filter];

	h->run.budget = h->budget;
	ash_frame_begin(&h->run, f);
	state.running = h;
	((ash_entry *)(uint64_t)h->code)(&h->run);
	state.running = NULL;
	fi->runs++;
	fi->charged += h->budget - h->run.budget;
	return ash_frame_end(&h->run, f, first, length);
}

/* The frame as it is in the buffer now, to its owner. */
static void pass(struct handler *h, uint32_t buffer, uint32_t length)
{
	uint8_t *bytes = ring_buffer(h->ring, buffer) + EXO_FRAME_MIN;

	ring_publish(h->ring, buffer, length, copysum(bytes, bytes, length - EXO_FRAME_MIN),
	             h->filter);
}

/* The frame that lies at `bytes` in a buffer, out, as the owner's. False: it did not go. */
static bool reply(struct handler *h, uint32_t buffer, const uint8_t *bytes, uint32_t length)
{
	struct exo_filter_info *fi = &filter_info[h->filter];
	bool sent = ring_reply(h->ring, buffer, bytes, length);

	if (sent) {
		fi->replied++;
	} else {
		fi->dropped++; /* refused, or no room */
		ring_return(h->ring, buffer);
	}
	return sent;
}

/* A frame beside the one that came: what is sent or delivered is a copy of our own. */
static void emit(struct handler *h, const struct ash_effect_frame *f)
{
	int taken = ring_take(h->ring);

	if (taken < 0) {
		filter_info[h->filter].dropped++;
		return;
	}
	uint32_t buffer = (uint32_t)taken;
	uint8_t *to = ring_buffer(h->ring, buffer);
	memcpy(to, h->run.window + f->at, f->length);
	if (f->send)
		reply(h, buffer, to, f->length);
	else
		pass(h, buffer, f->length);
}

static void queue_calls(struct handler *h)
{
	volatile struct ash_calls *q = (volatile void *)(h->run.window + ASH_CTX + ASH_CALLS);
	uint32_t head = q->head;

	for (int i = 0; i < h->run.effects.ncall; i++) {
		volatile struct ash_call *c = &q->call[head++ % ASH_CALL_RING];
		c->entry = h->run.effects.call[i].entry;
		c->filter = h->filter;
		c->arg = h->run.effects.call[i].arg;
	}
	q->head = head;
	h->env->page->pending |= UPCALL_HANDLER;
}

/* What the handler asked for, now that it has ended well. */
static void do_effects(struct handler *h)
{
	uint64_t *count = (uint64_t *)(void *)(h->run.window + ASH_CTX + ASH_COUNTS);
	const struct ash_effects *e = &h->run.effects;

	if (e->wake)
		h->env->page->pending |= UPCALL_HANDLER;
	for (int i = 0; e->counted && i < ASH_COUNTERS; i++)
		count[i] += e->count[i];
	if (e->ncall)
		queue_calls(h);
	for (int i = 0; i < e->nframe; i++)
		emit(h, &e->frame[i]);
}

/* Too many aborts: the frames go to the ring from now on, and the owner is told. */
static void count_abort(struct handler *h)
{
	struct env *env = h->env;
	uint32_t id = h->filter;

	filter_info[id].aborted++;
	h->points += ABORT_COST;
	if (h->points <= ABORT_MOST)
		return;
	handler_unbind(id);
	filter_info[id].handler = HANDLER_LOST;
	revoke_note(env, CAP_FILTER, id);
}

int handler_deliver(uint32_t id, const uint8_t *frame, uint32_t length, uint64_t arrived)
{
	struct exo_filter_info *fi = &filter_info[id];
	struct handler *h = state.of[id];
	int taken = ring_take(h->ring);

	if (taken < 0)
		return -taken;
	uint32_t buffer = (uint32_t)taken, nfree = ring_posted(h->ring), first, n;
	struct ash_frame f = { .at = ASH_RING + ring_offset(h->ring, buffer), .length = length,
		               .room = EXO_BUF_SIZE, .filter = id, .time = nanoseconds(arrived),
		               .ring_free = nfree, .ring_used = ring_buffers(h->ring) - nfree };
	memcpy(h->run.window + f.at, frame, length);
	enum ash_verdict verdict = run(h, &f, &first, &n);
	if (verdict == ASH_ABORTED) {
		memcpy(h->run.window + f.at, frame, length); /* as it came */
		pass(h, buffer, length);
		count_abort(h);
		return DROP_NONE;
	}
	h->points -= h->points > 0;
	if (h->run.effects.any)
		do_effects(h);
	if (verdict == ASH_PASS) {
		pass(h, buffer, length);
	} else if (verdict == ASH_REPLY) {
		fi->handled += reply(h, buffer, h->run.window + first, n);
	} else {
		fi->handled++;
		ring_return(h->ring, buffer);
	}
	return DROP_NONE;
}
