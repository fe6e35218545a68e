/* apps/ktest/net_test.c - rings, filters, frames; the peer is the host's user network, which
 * answers ARP for 10.0.2.2. SPDX-License-Identifier: ISC */
#include "apps/ktest/wire.h"
#include "dpf/build.h"
#include <string.h>

static uint16_t sum_of(const uint8_t *p, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += (uint32_t)p[i] << (i & 1 ? 8 : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void a_frame_goes_out_and_its_answer_comes_in(void)
{
	CHECK(open_ring());
	post_buffers();
	CHECK(insert_arp() > 0);
	write_arp(tx_memory());
	describe(TX_BASE, ARP_LENGTH, 0);
	CHECK_IS(send(), 0);
	CHECK(received(1));
	const volatile struct exo_rx *rx = &ring()->used[0];
	const uint8_t *frame = (const uint8_t *)REGION + RX_BASE + rx->buffer * EXO_BUF_SIZE;
	CHECK(rx->length >= ARP_LENGTH);
	CHECK_IS(frame[21], 2); /* a reply */
	CHECK(memcmp(frame + 28, peer_ip, 4) == 0);
	CHECK_IS(rx->sum, sum_of(frame + 14, rx->length - 14u));
	CHECK_IS(ring()->tx_done, 1);
	CHECK(counters_add_up());
	close_ring();
}

static void a_long_frame_is_sent_from_the_owners_pages(void)
{
	uint64_t sent;

	CHECK(open_ring());
	CHECK(insert_arp() > 0);
	write_arp(tx_memory());
	sent = exo_info()->nic.sent;
	describe(TX_BASE, 100, 1);
	describe(TX_BASE + 4000, 600, 1); /* across a page edge */
	describe(TX_BASE, 814, 0);
	CHECK_IS(send(), 0);
	CHECK_IS(exo_info()->nic.sent, sent + 1);
	CHECK_IS(ring()->tx_refused, 0);
	EVENTUALLY(ring()->tx_done == 3);
	CHECK_IS(ring()->tx_done, 3);
	close_ring();
}

/* More than the device takes at once: who waits for tx_room is told when to go on. */
static void what_the_device_has_no_room_for_is_sent_later(void)
{
	const uint32_t n = EXO_RING_N;
	uint64_t sent;

	CHECK(open_ring());
	CHECK(insert_arp() > 0);
	write_arp(tx_memory());
	sent = exo_info()->nic.sent;
	for (uint32_t i = 0; i < n; i++)
		describe(TX_BASE, ARP_LENGTH, 0);
	uint32_t room = ring()->tx_room;
	CHECK(sys_ring_send(net.ring, SLOT_NIC) > 0);
	for (uint32_t i = 0; i < n && ring()->tx_seen != n; i++) {
		struct exo_wait_term wait = { .address = (uint64_t)&ring()->tx_room,
			                      .value = room, .op = WAIT_NE };

		context_wait(&wait, 1, WAIT_FOREVER);
		room = ring()->tx_room;
		sys_ring_send(net.ring, SLOT_NIC);
	}
	CHECK_IS(ring()->tx_seen, n);
	CHECK_IS(ring()->tx_done, n);
	CHECK_IS(exo_info()->nic.sent, sent + n);
	close_ring();
}

static void refused_frames_are_counted_and_not_sent(void)
{
	static const struct {
		uint32_t offset;
		uint16_t length, more;
	} bad[] = { { TX_BASE, 13, 0 }, { TX_BASE, 1515, 0 },   { PAGES * 4096, 60, 0 },
		    { PAGES * 4096 - 10, 60, 0 }, { 0xfffffff0, 60, 0 }, { TX_BASE, 0, 0 },
		    { TX_BASE, 60, 2 },  { TX_BASE, 60, 1 } };
	const uint32_t n = sizeof bad / sizeof *bad;
	uint64_t sent;

	CHECK(open_ring());
	CHECK(insert_arp() > 0);
	write_arp(tx_memory());
	sent = exo_info()->nic.sent;
	for (uint32_t i = 0; i < n; i++) {
		describe(bad[i].offset, bad[i].length, bad[i].more);
		CHECK_IS(send(), 0);
		CHECK_IS(ring()->tx_refused, i + 1);
	}
	CHECK_IS(ring()->tx_done, n);
	CHECK_IS(exo_info()->nic.sent, sent);
	ring()->tx_head += EXO_RING_N + 1;
	CHECK_IS(send(), -E_INVAL);
	close_ring();
}

/* While the device has a frame: what was taken is not taken again, 2^32 entries long. */
static void a_transmit_head_that_goes_back_is_refused(void)
{
	CHECK(open_ring());
	CHECK(insert_arp() > 0);
	write_arp(tx_memory());
	describe(TX_BASE, 100, 1);
	describe(TX_BASE, 600, 0);
	CHECK_IS(send(), 0);
	ring()->tx_head--;
	CHECK_IS(send(), -E_INVAL);
	CHECK_IS(ring()->tx_seen, 2);
	ring()->tx_head++;
	EVENTUALLY(send() < 0 || ring()->tx_done == 2);
	CHECK_IS(ring()->tx_done, 2);
	close_ring();
}

/* A capability for the interface that lets its holder insert filters and no more. */
static long plain_nic(void)
{
	static struct exo_cap cap;

	sys_cap_mint(SLOT_NIC, RIGHT_RECV, (uint64_t)&cap);
	return sys_cap_bind((uint64_t)&cap);
}

/* Is the ARP request refused once byte `at` is changed? */
static bool refuses_change(uint32_t nic, int at)
{
	uint32_t refused = ring()->tx_refused;

	write_arp(tx_memory());
	tx_memory()[at] ^= 1;
	describe(TX_BASE, ARP_LENGTH, 0);
	return sys_ring_send(net.ring, nic) == 0 && ring()->tx_refused == refused + 1;
}

static void frames_that_are_not_the_senders_to_send_are_refused(void)
{
	/* The interface's address, the type, the sender's IP address. */
	static const int guarded[] = { 6, 7, 8, 9, 10, 11, 12, 13, 28, 29, 30, 31 };

	CHECK(open_ring());
	CHECK(insert_arp() > 0);
	long nic = plain_nic();
	CHECK(nic > 0);
	write_arp(tx_memory());
	describe(TX_BASE, ARP_LENGTH, 0);
	CHECK_IS(sys_ring_send(net.ring, (uint32_t)nic), 0);
	CHECK_IS(ring()->tx_refused, 0);
	for (unsigned i = 0; i < sizeof guarded / sizeof *guarded; i++)
		CHECK(refuses_change((uint32_t)nic, guarded[i]));
	CHECK_IS(sys_cap_drop((uint32_t)nic, 1), 0);
	close_ring();
}

static void without_a_buffer_the_frame_is_dropped_and_counted(void)
{
	uint64_t before;

	CHECK(open_ring());
	CHECK(insert_arp() > 0);
	before = exo_info()->nic.drop[DROP_NOBUF];
	write_arp(tx_memory());
	describe(TX_BASE, ARP_LENGTH, 0);
	CHECK_IS(send(), 0);
	EVENTUALLY(exo_info()->nic.drop[DROP_NOBUF] != before);
	CHECK(exo_info()->nic.drop[DROP_NOBUF] > before);
	CHECK(ring()->dropped > 0);
	CHECK(counters_add_up());
	close_ring();
}

static void wild_buffer_numbers_are_dropped_and_counted(void)
{
	uint64_t before = exo_info()->nic.drop[DROP_RING];

	CHECK(open_ring());
	CHECK(insert_arp() > 0);
	ring()->free[0] = 0xffff;
	ring()->free_head = 1;
	write_arp(tx_memory());
	describe(TX_BASE, ARP_LENGTH, 0);
	CHECK_IS(send(), 0);
	EVENTUALLY(exo_info()->nic.drop[DROP_RING] != before);
	CHECK_IS(exo_info()->nic.drop[DROP_RING], before + 1);
	ring()->free_head = 100000;
	describe(TX_BASE, ARP_LENGTH, 0);
	CHECK_IS(send(), 0);
	EVENTUALLY(exo_info()->nic.drop[DROP_RING] != before + 1);
	CHECK_IS(exo_info()->nic.drop[DROP_RING], before + 2);
	CHECK(counters_add_up());
	close_ring();
}

static void ring_create_checks_its_region(void)
{
	static const uint32_t bad[][2] = { { 0, 16 },    { 2048, 1 },   { 4097, 1 },
		                           { 4096, 0 },  { 4096, 129 }, { 4096, 21 },
		                           { 45056, 1 }, { 0xfffff800, 1 } };

	CHECK(make_region());
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		ring()->rx_base = bad[i][0];
		ring()->rx_buffers = bad[i][1];
		CHECK_IS(sys_ring_create(net.pages, PAGES), -E_INVAL);
	}
	CHECK_IS(sys_ring_create(net.pages, 0), -E_LIMIT);
	CHECK_IS(sys_ring_create(net.pages, EXO_RING_PAGES + 1), -E_LIMIT);
	CHECK_IS(sys_ring_create(SLOT_SELF, 1), -E_PERM);
	CHECK_IS(sys_ring_create(SLOT_MODULES, 1), -E_BUSY); /* executable */
	CHECK_IS(sys_ring_destroy(SLOT_SELF), -E_PERM);
	CHECK_IS(sys_ring_send(SLOT_SELF, SLOT_NIC), -E_PERM);
	CHECK_IS(sys_page_free(net.pages, PAGES), 0);
}

/* Over the same pages, for want of others. */
static void rings_run_out_and_come_back(void)
{
	static uint32_t rings[1024];
	long slot = 0;
	uint32_t n = 0;

	CHECK(make_region());
	while (n < 1024 && (slot = sys_ring_create(net.pages, PAGES)) > 0)
		rings[n++] = (uint32_t)slot;
	CHECK(n > 100);
	CHECK_IS(slot, -E_NOSPC);
	while (n)
		CHECK_IS(sys_ring_destroy(rings[--n]), 0);
	CHECK_IS(sys_page_free(net.pages, PAGES), 0);
}

static void filters_run_out_and_come_back(void)
{
	static uint8_t filter[FILTER_BUILD_MAX];
	static uint32_t filters[EXO_FILTER_MAX];
	long slot = 0;
	uint32_t n = 0;

	CHECK(open_ring());
	for (; n < EXO_FILTER_MAX && slot >= 0; n += slot > 0) {
		const uint8_t ip[4] = { 10, 9, (uint8_t)(n >> 8), (uint8_t)n };

		slot = insert(filter, filter_arp_for(filter, sizeof filter, ip));
		filters[n] = (uint32_t)slot;
	}
	CHECK_IS(slot, -E_NOSPC);
	CHECK_IS(n, EXO_FILTER_MAX - 1);
	while (n)
		CHECK_IS(sys_filter_remove(filters[--n]), 0);
	close_ring();
}

static void ring_pages_cannot_become_executable(void)
{
	CHECK(open_ring());
	CHECK_IS(sys_page_unmap(SLOT_SELF, REGION, PAGES), 0);
	CHECK_IS(sys_page_map(SLOT_SELF, REGION, net.pages, 1, PROT_R | PROT_X), -E_BUSY);
	CHECK_IS(sys_ring_destroy(net.ring), 0);
	CHECK_IS(sys_page_map(SLOT_SELF, REGION, net.pages, 1, PROT_R | PROT_X), 0);
	CHECK_IS(sys_page_free(net.pages, PAGES), 0);
}

static volatile uint32_t *const go = (volatile uint32_t *)KTEST_SHARED + 64;

static uint32_t bind_what_is_shared(uint64_t unused)
{
	const uint64_t cap = KTEST_SHARED; /* a capability for a page of our parent's */

	(void)unused;
	context_init();
	while (!*go)
		context_yield(0);
	long slot = sys_cap_bind(cap);
	if (slot < 0 || sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)slot, 1, PROT_R | PROT_W) < 0)
		return 1;
	return (uint32_t)-sys_ring_create((uint32_t)slot, 1);
}

static void rings_are_bound_over_own_pages_which_stay_own(void)
{
	struct child child;

	CHECK(open_ring());
	CHECK_IS(sys_cap_mint(net.pages, RIGHT_READ | RIGHT_WRITE, KTEST_SHARED), 0);
	*go = 0;
	CHECK(child_start(&child, bind_what_is_shared, 0));
	CHECK_IS(sys_cap_give(net.pages, 1, child.env), -E_BUSY);
	*go = 1;
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->code, E_PERM);
	child_reap(&child);
	close_ring();
}

static struct exo_cap lent_nic, lent_ring; /* in a child, copies of ours */

static uint32_t feeds_what_was_lent(uint64_t unused)
{
	static uint8_t filter[FILTER_BUILD_MAX];
	long length = filter_arp_for(filter, sizeof filter, my_ip);

	(void)unused;
	context_init();
	long nic = sys_cap_bind((uint64_t)&lent_nic), ring = sys_cap_bind((uint64_t)&lent_ring);
	if (nic < 0 || ring < 0)
		return 1;
	return (uint32_t)-sys_filter_insert((uint32_t)nic, (uint32_t)ring, (uint64_t)filter,
	                                    (uint32_t)length, 0, 0);
}

/* Its handler would see all pages of the ring. */
static void a_filter_feeds_a_ring_of_its_owners(void)
{
	struct child child;

	CHECK(open_ring());
	CHECK_IS(sys_cap_mint(SLOT_NIC, RIGHT_RECV, (uint64_t)&lent_nic), 0);
	CHECK_IS(sys_cap_mint(net.ring, RIGHT_RECV, (uint64_t)&lent_ring), 0);
	CHECK(child_start(&child, feeds_what_was_lent, 0));
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->code, E_PERM);
	child_reap(&child);
	close_ring();
}

static void pages_freed_under_a_ring_wait_in_quarantine(void)
{
	uint32_t before = exo_info()->free_pages;

	CHECK(open_ring());
	CHECK_IS(sys_page_free(net.pages, PAGES), 0);
	CHECK(exo_info()->free_pages < before);
	CHECK_IS(sys_ring_destroy(net.ring), 0);
}

static void filters_are_vetted(void)
{
	static uint8_t filter[FILTER_BUILD_MAX];
	long length = filter_udp_port(filter, sizeof filter, NULL, 7);

	CHECK(open_ring());
	CHECK_IS(insert(filter, 0), -E_INVAL);
	CHECK_IS(insert(filter, length - 1), -E_INVAL);
	CHECK_IS(insert(filter, 1 << 20), -E_LIMIT);
	CHECK_IS(insert((void *)0x10, length), -E_FAULT);
	CHECK_IS(insert((void *)0xffffffff80101000, length), -E_FAULT);
	CHECK_IS(sys_filter_insert(SLOT_NIC, net.ring, (uint64_t)filter, (uint32_t)length, 0, 17),
	         -E_LIMIT);
	CHECK_IS(sys_filter_insert(SLOT_SELF, net.ring, (uint64_t)filter, (uint32_t)length, 0, 0),
	         -E_PERM);
	CHECK_IS(sys_filter_insert(SLOT_NIC, SLOT_SELF, (uint64_t)filter, (uint32_t)length, 0, 0),
	         -E_PERM);
	memset(filter + 16, 0xff, 64);
	CHECK_IS(insert(filter, length), -E_INVAL);
	CHECK_IS(sys_filter_remove(net.ring), -E_PERM);
	close_ring();
}

/* The number of the one filter of ours. */
static uint32_t only_filter(void)
{
	uint32_t i = 1;

	while (i < EXO_FILTER_MAX && exo_filters()[i].owner != exo_self())
		i++;
	return i;
}

static void taking_anothers_packets_needs_its_capability(void)
{
	static uint8_t all[FILTER_BUILD_MAX], port[FILTER_BUILD_MAX];
	const struct filter_local local = { my_ip, NULL };
	long all_length = filter_address(all, sizeof all, &local);
	long port_length = filter_udp_port(port, sizeof port, &local, 53);
	uint32_t carve[1];

	CHECK(open_ring());
	long nic = plain_nic();
	long rest = insert(all, all_length);
	CHECK(rest > 0);
	CHECK_IS(sys_filter_insert((uint32_t)nic, net.ring, (uint64_t)port, (uint32_t)port_length,
	                           0, 0),
	         -E_OVERLAP);
	CHECK_IS(envpage()->conflict, only_filter());
	carve[0] = net.ring;
	CHECK_IS(sys_filter_insert((uint32_t)nic, net.ring, (uint64_t)port, (uint32_t)port_length,
	                           (uint64_t)carve, 1),
	         -E_PERM);
	carve[0] = (uint32_t)rest;
	long dns = sys_filter_insert((uint32_t)nic, net.ring, (uint64_t)port,
	                             (uint32_t)port_length, (uint64_t)carve, 1);
	CHECK(dns > 0);
	CHECK_IS(sys_filter_remove((uint32_t)dns), 0);
	CHECK_IS(sys_filter_remove((uint32_t)dns), -E_PERM);
	CHECK_IS(envpage()->conflict, 0);
	CHECK_IS(sys_cap_drop((uint32_t)nic, 1), 0);
	close_ring();
}

/* A second ring, with two buffers. */
static volatile struct exo_ring *second_ring(uint32_t *pages, uint32_t *slot)
{
	volatile struct exo_ring *r = (volatile struct exo_ring *)(REGION + 0x100000);

	*pages = (uint32_t)sys_page_alloc(PAGE_ANY, 2);
	if (sys_page_map(SLOT_SELF, (uint64_t)r, *pages, 2, PROT_R | PROT_W) < 0)
		return NULL;
	r->rx_base = RX_BASE;
	r->rx_buffers = 2;
	r->free[1] = 1;
	r->free_head = 2;
	*slot = (uint32_t)sys_ring_create(*pages, 2);
	return r;
}

/* The same, with subscriptions to what is sent to us. */
static volatile struct exo_ring *subscriber(uint32_t *pages, uint32_t *slot)
{
	static uint8_t filter[FILTER_BUILD_MAX];
	volatile struct exo_ring *r = second_ring(pages, slot);
	uint8_t mac[6];

	for (int i = 0; i < 6; i++)
		mac[i] = exo_info()->nic.mac[i];
	long length = filter_mac(filter, sizeof filter, mac);
	for (int i = 0; r && i < 2; i++) /* both rings twice, and never more than once */
		if (insert(filter, length) < 0 ||
		    sys_filter_insert(SLOT_NIC, *slot, (uint64_t)filter, (uint32_t)length, 0, 0) < 0)
			return NULL;
	return r;
}

static void every_subscriber_gets_a_copy_and_the_owner_its_frame(void)
{
	uint64_t delivered = exo_info()->nic.delivered, copies = exo_info()->nic.copies;
	uint32_t pages, slot;

	CHECK(open_ring());
	post_buffers();
	CHECK(insert_arp() > 0);
	volatile struct exo_ring *other = subscriber(&pages, &slot);
	CHECK(other);
	write_arp(tx_memory());
	describe(TX_BASE, ARP_LENGTH, 0);
	CHECK_IS(send(), 0);
	CHECK(received(1));
	CHECK_IS(ring()->used_head, 1);
	CHECK_IS(other->used_head, 1);
	CHECK_IS(other->used[0].sum, ring()->used[0].sum);
	CHECK_IS(exo_info()->nic.delivered - delivered, 1);
	CHECK_IS(exo_info()->nic.copies - copies, 2);
	CHECK(counters_add_up());
	CHECK_IS(sys_ring_destroy(slot), 0);
	CHECK_IS(sys_page_free(pages, 2), 0);
	close_ring();
}

static void ask_for_the_peer(void)
{
	write_arp(tx_memory());
	describe(TX_BASE, ARP_LENGTH, 0);
	send();
}

static void a_tee_copies_what_it_may_read_and_nothing_else(void)
{
	static uint8_t filter[FILTER_BUILD_MAX];
	uint32_t pages, slot, read[1];

	CHECK(open_ring());
	post_buffers();
	long nic = plain_nic(), arp = insert_arp();
	volatile struct exo_ring *other = second_ring(&pages, &slot);
	CHECK(other && arp > 0);
	uint32_t length = (uint32_t)filter_arp_for(filter, sizeof filter, my_ip);
	filter_set_shared(filter);
	CHECK_IS(sys_filter_insert((uint32_t)nic, slot, (uint64_t)filter, length, 0, 0), -E_OVERLAP);
	CHECK_IS(envpage()->conflict, only_filter());
	read[0] = slot;
	CHECK_IS(sys_filter_insert((uint32_t)nic, slot, (uint64_t)filter, length, (uint64_t)read, 1),
	         -E_PERM);
	read[0] = (uint32_t)arp;
	CHECK(sys_filter_insert((uint32_t)nic, slot, (uint64_t)filter, length, (uint64_t)read, 1) > 0);
	ask_for_the_peer();
	CHECK(received(1));
	CHECK_IS(other->used_head, 1);
	CHECK_IS(sys_filter_remove((uint32_t)arp), 0);
	CHECK(insert_arp() > 0); /* another filter, perhaps of the same number */
	ask_for_the_peer();
	CHECK(received(2));
	CHECK_IS(other->used_head, 1);
	CHECK(counters_add_up());
	CHECK_IS(sys_ring_destroy(slot), 0);
	CHECK_IS(sys_page_free(pages, 2), 0);
	CHECK_IS(sys_cap_drop((uint32_t)nic, 1), 0);
	close_ring();
}

static const uint8_t sleepers_ip[4] = { 10, 0, 2, 16 };
static volatile uint32_t *const asleep = (volatile uint32_t *)KTEST_SHARED + 8;

/* Children that sleep for good; one of them has a filter, and no buffers. */
static _Noreturn uint32_t sleep_on(uint64_t has_filter)
{
	static uint8_t filter[FILTER_BUILD_MAX];

	context_init();
	if (has_filter) {
		uint32_t nic = (uint32_t)sys_cap_bind(KTEST_SHARED);

		make_region();
		net.ring = (uint32_t)sys_ring_create(net.pages, PAGES);
		long length = filter_arp_for(filter, sizeof filter, sleepers_ip);
		sys_filter_insert(nic, net.ring, (uint64_t)filter, (uint32_t)length, 0, 0);
	}
	*asleep += 1;
	for (;;)
		context_wait(NULL, 0, WAIT_FOREVER - 1);
}

static uint64_t frames_of(uint32_t owner)
{
	uint64_t frames = 0;

	for (int i = 0; i < EXO_FILTER_MAX; i++)
		if (exo_filters()[i].owner == owner)
			frames += exo_filters()[i].frames;
	return frames;
}

static void the_kernels_work_for_a_filter_is_charged_to_its_owner(void)
{
	enum { FRAMES = 50, LEAST = 100 }; /* cycles for each */
	struct child a, b;

	*asleep = 0;
	CHECK_IS(sys_cap_mint(SLOT_NIC, RIGHT_RECV, KTEST_SHARED), 0);
	CHECK(child_start(&a, sleep_on, 1));
	CHECK(child_start(&b, sleep_on, 0));
	EVENTUALLY(*asleep == 2 && child_record(&a)->state == ENV_WAITING &&
	           child_record(&b)->state == ENV_WAITING);
	uint64_t of_a = child_record(&a)->cycles, of_b = child_record(&b)->cycles;
	uint64_t slices = child_record(&a)->slices;
	CHECK(open_ring());
	for (uint64_t i = 0; i < FRAMES; i++) {
		write_arp(tx_memory());
		memcpy(tx_memory() + 28, sleepers_ip, 4);
		describe(TX_BASE, ARP_LENGTH, 0);
		CHECK_IS(send(), 0);
		EVENTUALLY(frames_of(a.id) > i);
	}
	CHECK_IS(frames_of(a.id), FRAMES);
	CHECK(child_record(&a)->cycles - of_a > FRAMES * LEAST);
	CHECK_IS(child_record(&a)->slices, slices); /* it has slept all the time */
	CHECK_IS(child_record(&b)->cycles, of_b);
	close_ring();
	child_reap(&a);
	child_reap(&b);
}

/* The counters, while frames arrive at any instruction; the copy is long, so that some do. */
static void a_snapshot_is_of_one_moment(void)
{
	static struct exo_info seen;
	uint64_t interruptions = exo_info()->interruptions;

	CHECK(open_ring());
	CHECK(insert_arp() > 0);
	for (int i = 0; i < 200; i++) {
		uint64_t sum = 0;

		write_arp(tx_memory());
		describe(TX_BASE, ARP_LENGTH, 0);
		EVENTUALLY(send() == 0);
		exo_snapshot(&seen, exo_info(), sizeof seen);
		for (int k = 0; k < DROP_COUNT; k++)
			sum += seen.nic.drop[k];
		CHECK_IS(seen.nic.delivered + sum, seen.nic.received);
	}
	CHECK(exo_info()->interruptions > interruptions);
	close_ring();
}

/* Each yield begins a slice and puts its timer off: a yield a slice after the last look takes one. */
static void who_only_yields_keeps_nobody_from_looking_at_the_interface(void)
{
	uint64_t looked = __builtin_ia32_rdtsc(), polls = exo_info()->nic.polls;

	for (int looks = 0; looks < 20;) {
		bool due = __builtin_ia32_rdtsc() - looked >= exo_info()->slice_cycles;

		context_yield(0);
		if (exo_info()->nic.polls == polls) {
			CHECK(!due);
			continue;
		}
		polls = exo_info()->nic.polls;
		looked = __builtin_ia32_rdtsc();
		looks++;
	}
}

static void ring_extend_checks_its_arguments(void)
{
	CHECK(open_ring());
	long more = sys_page_alloc(PAGE_ANY, 1);
	CHECK(more > 0);
	CHECK_IS(sys_ring_extend(SLOT_SELF, (uint32_t)more, 1), -E_PERM);
	CHECK_IS(sys_ring_extend(net.ring, SLOT_SELF, 1), -E_PERM);
	CHECK_IS(sys_ring_extend(net.ring, (uint32_t)more, 0), -E_LIMIT);
	CHECK_IS(sys_ring_extend(net.ring, (uint32_t)more, EXO_RING_PAGES + 1), -E_LIMIT);
	CHECK_IS(sys_ring_extend(net.ring, (uint32_t)more, 1), PAGES * EXO_PAGE_SIZE);
	CHECK_IS(sys_ring_destroy(net.ring), 0);
	CHECK_IS(sys_page_free((uint32_t)more, 1), 0);
	CHECK_IS(sys_page_free(net.pages, PAGES), 0);
}

const struct ktest net_tests[] = {
	{ "a_frame_goes_out_and_its_answer_comes_in", a_frame_goes_out_and_its_answer_comes_in },
	{ "a_long_frame_is_sent_from_the_owners_pages",
	  a_long_frame_is_sent_from_the_owners_pages },
	{ "what_the_device_has_no_room_for_is_sent_later",
	  what_the_device_has_no_room_for_is_sent_later },
	{ "refused_frames_are_counted_and_not_sent", refused_frames_are_counted_and_not_sent },
	{ "a_transmit_head_that_goes_back_is_refused", a_transmit_head_that_goes_back_is_refused },
	{ "frames_that_are_not_the_senders_to_send_are_refused",
	  frames_that_are_not_the_senders_to_send_are_refused },
	{ "without_a_buffer_the_frame_is_dropped_and_counted",
	  without_a_buffer_the_frame_is_dropped_and_counted },
	{ "wild_buffer_numbers_are_dropped_and_counted",
	  wild_buffer_numbers_are_dropped_and_counted },
	{ "ring_create_checks_its_region", ring_create_checks_its_region },
	{ "rings_run_out_and_come_back", rings_run_out_and_come_back },
	{ "filters_run_out_and_come_back", filters_run_out_and_come_back },
	{ "ring_pages_cannot_become_executable", ring_pages_cannot_become_executable },
	{ "rings_are_bound_over_own_pages_which_stay_own",
	  rings_are_bound_over_own_pages_which_stay_own },
	{ "pages_freed_under_a_ring_wait_in_quarantine",
	  pages_freed_under_a_ring_wait_in_quarantine },
	{ "a_filter_feeds_a_ring_of_its_owners", a_filter_feeds_a_ring_of_its_owners },
	{ "filters_are_vetted", filters_are_vetted },
	{ "taking_anothers_packets_needs_its_capability",
	  taking_anothers_packets_needs_its_capability },
	{ "every_subscriber_gets_a_copy_and_the_owner_its_frame",
	  every_subscriber_gets_a_copy_and_the_owner_its_frame },
	{ "a_tee_copies_what_it_may_read_and_nothing_else",
	  a_tee_copies_what_it_may_read_and_nothing_else },
	{ "the_kernels_work_for_a_filter_is_charged_to_its_owner",
	  the_kernels_work_for_a_filter_is_charged_to_its_owner },
	{ "a_snapshot_is_of_one_moment", a_snapshot_is_of_one_moment },
	{ "who_only_yields_keeps_nobody_from_looking_at_the_interface",
	  who_only_yields_keeps_nobody_from_looking_at_the_interface },
	{ "ring_extend_checks_its_arguments", ring_extend_checks_its_arguments },
	{ NULL, NULL },
};
