/* libnet/handler.h - handlers (exo/ash.h) for our own filters, from objects that clang wrote.
 * Layer: libnet. SPDX-License-Identifier: ISC */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct handler {
	/* In: own pages that it is to share at ASH_PAGES, and may write; they stay the caller's. */
	uint32_t shared, nshared; /* first slot, how many (at most ASH_SHARED_PAGES) */
	/* Out. */
	uint32_t filter;      /* slot of CAP_FILTER */
	uint32_t slot, pages; /* its own pages: context, stack, data */
	uint8_t *data;        /* its data (at ASH_DATA), which we may read and change */
	uint32_t data_length;
	uint32_t bad;         /* enum ash_object_bad (ash/object.h): why it could not be linked */
};

/* Link the object (untrusted) and run it for the frames that `filter` takes, in place of the
 * handler it had. `at` is the address of our view of the handler's pages, nothing else's:
 * EXOS_HANDLERS and above. `program` names one of the object's; NULL or empty: it has only one.
 * Returns 0, or with nothing changed but `bad` what ash_object_link, sys_page_alloc or
 * sys_ash_bind returns. */
long handler_load(struct handler *, uint32_t filter, uint64_t at, const void *object,
                  size_t size, const char *program);

/* The filter's frames go to the ring again; the pages are free. */
void handler_unload(struct handler *);
