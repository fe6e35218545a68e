/* libnet/syn_proxy.c - see syn_proxy.h. SPDX-License-Identifier: ISC */
#include "libnet/syn_proxy.h"
#include <stdbool.h>
#include "ash/include/syn_proxy.h"
#include "exo/ash.h"
#include "exo/err.h"
#include "exo/layout.h"
#include "exo/stub.h"
#include "libnet/exos/memory.h"
#include "libnet/exos/random.h"
#include "libnet/port/port.h"

/* Behind the handler's own pages. */
enum { PAGE_AT = (ASH_OWN_PAGES + ASH_DATA_PAGES) * EXO_PAGE_SIZE };

static struct syn_proxy *shared;

static bool known_isn(uint32_t address, uint16_t port, uint32_t *isn)
{
	const struct syn_flow *f = syn_flow(shared, address, port);
	bool known = f->known && f->address == address && f->port == port;

	if (known)
		*isn = f->cookie;
	return known;
}

long syn_proxy_load(struct handler *h, uint32_t filter, uint64_t at, const void *object,
                    size_t size)
{
	long slot = memory_new(at + PAGE_AT, 1), error = -E_NOSYS;

	if (slot < 0)
		return slot;
	shared = (struct syn_proxy *)(at + PAGE_AT);
	h->shared = (uint32_t)slot;
	h->nshared = 1;
	if (random_key(shared->key))
		error = handler_load(h, filter, at, object, size, "syn_proxy");
	if (error == 0) {
		port_known_isn = known_isn;
		return 0;
	}
	sys_page_free((uint32_t)slot, 1);
	h->nshared = 0;
	return error;
}
