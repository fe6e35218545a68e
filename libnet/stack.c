/* libnet/stack.c - see stack.h. SPDX-License-Identifier: ISC */
#include "libnet/stack.h"
#include <stdbool.h>
#include "dpf/build.h"
#include "exo/stub.h"
#include "libnet/copysum.h"
#include "libnet/exos/args.h"
#include "libnet/exos/context.h"
#include "libnet/exos/exposed.h"
#include "libnet/exos/memory.h"
#include "libnet/nic.h"
#include "libnet/port/port.h"
#include "libnet/tenant.h"
#include "lwip/timeouts.h"

enum { UPDATE_MS = 1000, EPHEMERAL_TRIES = 64, INSERT_TRIES = 16 };

static struct tenant tenant;

static const struct share *share(void) { return (const struct share *)EXOS_SHARE; }

static uint32_t share_version(void)
{
	return *(const volatile uint32_t *)&share()->version;
}

/* What waits for its next hop is given up, or asked for again, in time. */
static void update_timer(void *unused)
{
	(void)unused;
	tenant_update(&tenant);
	sys_timeout(UPDATE_MS, update_timer, NULL);
}

/* Compose the loop that copies and adds up at once. Without the memory, the stack makes two passes. */
static void fuse(void)
{
	uint8_t *code = (uint8_t *)EXOS_CODE;
	long slot = memory_new(EXOS_CODE, 1);

	if (slot < 0)
		return;
	if (copysum_build(code, EXO_PAGE_SIZE) > 0 && memory_make_code(EXOS_CODE, (uint32_t)slot, 1) == 0)
		copysum_use((dilp_entry *)EXOS_CODE);
	else
		sys_page_free((uint32_t)slot, 1);
}

long stack_start(void)
{
	long error = nic_open();
	uint8_t mac[6];

	if (error < 0)
		return error;
	fuse();
	nic_mac(mac);
	tenant_init(&tenant, nic_ring(), mac, nic_mtu(), nic_send, share(),
	            (struct share_door *)(EXOS_SHARE + EXO_PAGE_SIZE),
	            (struct share_request *)(EXOS_SHARE + 2 * EXO_PAGE_SIZE),
	            &exos_args()->request, exo_self());
	sys_timeout(UPDATE_MS, update_timer, NULL);
	return 0;
}

/* The owner of the address has all that nobody claims, and lets everybody take from it. When it
 * comes up in the middle of this, its frames seem taken: then the share page has changed. */
static long insert(const void *filter, long length)
{
	long slot = -E_OVERLAP;

	for (int i = 0; i < INSERT_TRIES && slot == -E_OVERLAP; i++) {
		uint32_t version = share_version();
		struct exo_cap carve = share()->carve;

		slot = nic_filter(filter, length, share()->owner ? &carve : NULL);
		if (version % 2 == 0 && share_version() == version)
			break;
		context_yield(0);
	}
	return slot;
}

static uint8_t built[FILTER_BUILD_MAX];

long stack_reserve(enum stack_protocol protocol, uint16_t port)
{
	return insert(built, protocol == STACK_TCP
	                             ? filter_tcp_listen(built, sizeof built, NULL, port)
	                             : filter_udp_port(built, sizeof built, NULL, port));
}

long stack_filter(const void *filter, uint32_t length) { return insert(filter, length); }

long stack_ephemeral(enum stack_protocol protocol, uint16_t *port)
{
	for (int i = 0; i < EPHEMERAL_TRIES; i++) {
		*port = (uint16_t)(SHARE_PORT_EPHEMERAL |
		                   (port_random() & (UINT16_MAX - SHARE_PORT_EPHEMERAL)));
		long reservation = stack_reserve(protocol, *port);
		if (reservation != -E_OVERLAP)
			return reservation;
	}
	return -E_BUSY;
}

long stack_subscribe(uint16_t port)
{
	return insert(built, filter_udp_group(built, sizeof built, port));
}

void stack_release(long reservation) { sys_filter_remove((uint32_t)reservation); }

void stack_turn(void)
{
	uint32_t version = share_version();

	if (version != tenant.version)
		tenant_update(&tenant);
	/* What was seen, not what was taken over: an owner that ended while it wrote left nothing to take. */
	const struct exo_wait_term also = { .address = (uint64_t)&share()->version,
		                            .value = version };
	if (!nic_work(&tenant.interface))
		nic_sleep(&tenant.interface, &also, 1);
}
