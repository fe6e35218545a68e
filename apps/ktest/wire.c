/* apps/ktest/wire.c - see wire.h. SPDX-License-Identifier: ISC */
#include "apps/ktest/wire.h"
#include "dpf/build.h"
#include <string.h>

const uint8_t my_ip[4] = { 10, 0, 2, 15 }, peer_ip[4] = { 10, 0, 2, 2 };
struct net net;

bool make_region(void)
{
	net.pages = (uint32_t)sys_page_alloc(PAGE_ANY, PAGES);
	if (sys_page_map(SLOT_SELF, REGION, net.pages, PAGES, PROT_R | PROT_W) < 0)
		return false;
	ring()->rx_base = RX_BASE;
	ring()->rx_buffers = BUFFERS;
	return true;
}

void post_buffers(void)
{
	for (uint16_t i = 0; i < BUFFERS; i++)
		ring()->free[i] = i;
	ring()->free_head = BUFFERS;
}

bool open_ring(void)
{
	if (!make_region())
		return false;
	long slot = sys_ring_create(net.pages, PAGES);
	net.ring = (uint32_t)slot;
	return slot > 0;
}

long insert(const void *filter, long length)
{
	return sys_filter_insert(SLOT_NIC, net.ring, (uint64_t)filter, (uint32_t)length, 0, 0);
}

long insert_arp(void)
{
	static uint8_t filter[FILTER_BUILD_MAX];
	long length = filter_arp_for(filter, sizeof filter, my_ip);

	return insert(filter, length);
}

void close_ring(void)
{
	sys_ring_destroy(net.ring);
	sys_page_free(net.pages, PAGES);
}

void write_arp(uint8_t *f)
{
	static const uint8_t fixed[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 };
	uint8_t mac[6];

	for (int i = 0; i < 6; i++)
		mac[i] = exo_info()->nic.mac[i];
	memset(f, 0xff, 6);
	memcpy(f + 6, mac, 6);
	memcpy(f + 12, fixed, sizeof fixed);
	memcpy(f + 22, mac, 6);
	memcpy(f + 28, my_ip, 4);
	memset(f + 32, 0, 6);
	memcpy(f + 38, peer_ip, 4);
}

void describe(uint32_t offset, uint16_t length, uint16_t more)
{
	volatile struct exo_tx *t = &ring()->tx[ring()->tx_head % EXO_RING_N];

	t->offset = offset;
	t->length = length;
	t->more = more;
	ring()->tx_head++;
}

long send(void)
{
	long left = 0;

	EVENTUALLY((left = sys_ring_send(net.ring, SLOT_NIC)) <= 0);
	return left;
}

bool received(uint32_t n)
{
	struct exo_wait_term t = { .address = (uint64_t)&ring()->used_head, .value = n,
		                   .op = WAIT_GE };

	context_wait(&t, 1, __builtin_ia32_rdtsc() + 60 * exo_info()->tsc_hz);
	return ring()->used_head >= n;
}

bool counters_add_up(void)
{
	const volatile struct exo_nic *n = &exo_info()->nic;
	uint64_t drops = n->held;

	for (int i = 0; i < DROP_COUNT; i++)
		drops += n->drop[i];
	return n->received == n->delivered + drops;
}
