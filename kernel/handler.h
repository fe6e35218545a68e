/* kernel/handler.h - application-specific handlers, bound to filters: programs of their owners'
 * that run, sandboxed, when a frame arrives (exo/ash.h, ash/ash.h).
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/ash.h"

struct env;

/* A handler to be: everything is the kernel's private copy, vetted as far as said. */
struct handler_request {
	struct ash_image head;
	const struct ash_insn *insn; /* [head.ninsn] */
	const struct ash_pipe *pipe; /* [head.npipe] */
	const uint32_t *entry;       /* [head.nentry] */
	const uint32_t *page;        /* [npages + head.nshared]; those that the handler may write
	                                are not executable */
	uint32_t npages;             /* ASH_OWN_PAGES to ASH_OWN_PAGES + ASH_DATA_PAGES */
};

/* Run a handler for filter `id` of env's, in place of the one it had. Returns 0, or with nothing
 * changed
 *   -E_INVAL, -E_LIMIT, -E_NOSYS  as ash_decode, or pipes_make (kernel/pipes.h)
 *   -E_NOSPC  WINDOW_MAX handlers      -E_NOMEM  no pages, or table_limit */
int handler_bind(struct env *env, uint32_t id, const struct handler_request *request);

/* The filter has no handler any more; nothing happens if it had none. */
void handler_unbind(uint32_t id);

/* ring_deliver, for a filter with a handler: it sees the frame first, which arrived at this time
 * stamp. */
int handler_deliver(uint32_t id, const uint8_t *frame, uint32_t length, uint64_t arrived);

/* Was this page fault in the kernel a handler's own? Then *rip is where the kernel goes on. */
bool handler_fault(uint64_t *rip, uint64_t address);
