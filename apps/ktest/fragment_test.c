/* apps/ktest/fragment_test.c - IP fragments: the later ones go where the first one went, and
 * are sent by whom the first one was. The host's user network answers pings in
 * as many fragments as they have. SPDX-License-Identifier: ISC */
#include "apps/ktest/wire.h"
#include "dpf/build.h"
#include "exo/filter.h"
#include <string.h>

enum {
	IP = 14, DATA = 34, /* offsets in a frame */
	PIECE = 1480,       /* bytes of the ping in its first fragment */
	PING = 2008,        /* in both */
	ICMP = 1, UDP = 17, MORE = 0x2000,
	HELD = 32,          /* FRAGMENT_HELD of kernel/fragment.h */
};

static uint16_t sum_of(const uint8_t *p, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += (uint32_t)p[i] << (i & 1 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* A fragment's frame, but for its data: `place` is the third word of the IP header. */
static void write_head(uint8_t *f, uint8_t proto, uint16_t id, uint16_t place, uint16_t length)
{
	static const uint8_t router[6] = { 0x52, 0x55, 10, 0, 2, 2 };

	memset(f, 0, DATA);
	memcpy(f, router, sizeof router);
	for (int i = 0; i < 6; i++)
		f[6 + i] = exo_info()->nic.mac[i];
	f[12] = 8;
	f[IP] = 0x45;
	put16(f + IP + 2, (uint16_t)(20 + length));
	put16(f + IP + 4, id);
	put16(f + IP + 6, place);
	f[IP + 8] = 64;
	f[IP + 9] = proto;
	memcpy(f + IP + 12, my_ip, 4);
	memcpy(f + IP + 16, peer_ip, 4);
	put16(f + IP + 10, sum_of(f + IP, 20));
}

/* Send one fragment of UDP from port 7. Returns whether it was not refused. */
static bool sends(uint32_t nic, uint16_t id, uint16_t place)
{
	uint32_t refused = ring()->tx_refused;
	long left = 0;

	write_head(tx_memory(), UDP, id, place, 64);
	memset(tx_memory() + DATA, 0, 64);
	put16(tx_memory() + DATA, 7);
	put16(tx_memory() + DATA + 2, 9);
	describe(TX_BASE, DATA + 64, 0);
	EVENTUALLY((left = sys_ring_send(net.ring, nic)) <= 0);
	return left == 0 && ring()->tx_refused == refused;
}

static long insert_udp(uint16_t port)
{
	static uint8_t filter[FILTER_BUILD_MAX];
	const struct filter_local local = { my_ip, NULL };

	return insert(filter, filter_udp_port(filter, sizeof filter, &local, port));
}

static struct exo_cap nic_cap; /* may insert filters and no more; a child's copy is as good */

static uint32_t another_sends_the_rest(uint64_t id)
{
	long nic = sys_cap_bind((uint64_t)&nic_cap);

	context_init();
	if (nic < 0 || !open_ring())
		return 1;
	return sends((uint32_t)nic, (uint16_t)id, 1) ? 2 : 3;
}

static void a_later_fragment_is_sent_by_whom_the_first_was(void)
{
	static uint16_t id = 100; /* not what the first run has sent */
	struct child child;

	id += 100;
	CHECK_IS(sys_cap_mint(SLOT_NIC, RIGHT_RECV, (uint64_t)&nic_cap), 0);
	long nic = sys_cap_bind((uint64_t)&nic_cap);
	CHECK(open_ring());
	CHECK(insert_udp(7) > 0);
	CHECK(!sends((uint32_t)nic, id, 1));
	CHECK(!sends((uint32_t)nic, id, 1 | MORE));
	CHECK(sends((uint32_t)nic, id, MORE));
	CHECK(sends((uint32_t)nic, id, 1 | MORE));
	CHECK(sends((uint32_t)nic, id, 9));
	CHECK(!sends((uint32_t)nic, (uint16_t)(id + 1), 9));
	CHECK(child_start(&child, another_sends_the_rest, id));
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->code, 3);
	child_reap(&child);
	CHECK_IS(sys_cap_drop((uint32_t)nic, 1), 0);
	close_ring();
}

/* Put n VLAN tags with this identifier into the frame of this length. */
static void tag(uint8_t *f, uint32_t length, unsigned n, uint16_t vlan)
{
	memmove(f + 12 + 4 * n, f + 12, length - 12);
	for (unsigned i = 0; i < n; i++) {
		put16(f + 12 + 4 * i, i + 1 < n ? 0x88a8 : 0x8100);
		put16(f + 14 + 4 * i, vlan);
	}
}

static bool sends_tagged(uint32_t nic, uint16_t id, uint16_t place, unsigned tags, uint16_t vlan)
{
	uint32_t refused = ring()->tx_refused;

	write_head(tx_memory(), UDP, id, place, 64);
	memset(tx_memory() + DATA, 0, 64);
	tag(tx_memory(), DATA + 64, tags, vlan);
	describe(TX_BASE, DATA + 64 + 4 * tags, 0);
	return sys_ring_send(net.ring, nic) == 0 && ring()->tx_refused == refused;
}

/* A filter for first fragments of UDP behind so many tags, whose mirror lets them be sent. */
static long insert_first_tagged(unsigned tags)
{
	uint16_t at = (uint16_t)(12 + 4 * tags);
	const struct {
		struct exo_filter head;
		struct exo_path path;
		struct exo_atom atom[3];
	} filter = {
		{ .bytes = sizeof filter, .npaths = 1 },
		{ .natoms = 3 },
		{ { FILTER_IN, 2, at, 0xffff, 0x0800, 0x0800 },
		  { FILTER_IN, 1, (uint16_t)(at + 11), 0xff, UDP, UDP },
		  { FILTER_IN, 2, (uint16_t)(at + 8), 0x1fff, 0, 0 } },
	};
	return insert(&filter, sizeof filter);
}

static void fragments_behind_vlan_tags_follow_too(void)
{
	static uint16_t id = 30000;

	CHECK_IS(sys_cap_mint(SLOT_NIC, RIGHT_RECV, (uint64_t)&nic_cap), 0);
	uint32_t nic = (uint32_t)sys_cap_bind((uint64_t)&nic_cap);
	for (unsigned tags = 1; tags <= 3; tags++) {
		id++;
		CHECK(open_ring());
		CHECK(insert_first_tagged(tags) > 0);
		CHECK(!sends_tagged(nic, id, 1, tags, 5));
		CHECK(sends_tagged(nic, id, MORE, tags, 5));
		CHECK_IS(sends_tagged(nic, id, 1, tags, 5), tags <= 2);
		CHECK_IS(sends_tagged(nic, id, 9, tags, 0xe005), tags <= 2); /* another priority */
		CHECK(!sends_tagged(nic, id, 9, tags, 6));
		CHECK(!sends_tagged(nic, id, 9, tags == 1 ? 2 : 1, 5));
		CHECK(!sends_tagged(nic, id, 9, 0, 5));
		close_ring();
	}
	CHECK_IS(sys_cap_drop(nic, 1), 0);
}

/* Ping the peer, in two fragments. */
static void ping(uint16_t id)
{
	static uint8_t packet[PING];
	uint8_t *f = tx_memory();

	memset(packet, 'x', sizeof packet);
	memset(packet, 0, 8);
	packet[0] = 8;
	put16(packet + 6, id);
	put16(packet + 2, sum_of(packet, sizeof packet));
	write_head(f, ICMP, id, MORE, PIECE);
	memcpy(f + DATA, packet, PIECE);
	describe(TX_BASE, DATA + PIECE, 0);
	f += EXO_PAGE_SIZE;
	write_head(f, ICMP, id, PIECE / 8, PING - PIECE);
	memcpy(f + DATA, packet + PIECE, PING - PIECE);
	describe(TX_BASE + EXO_PAGE_SIZE, DATA + PING - PIECE, 0);
	send();
}

/* A filter for first fragments (and whole packets) of answers to pings. */
static long insert_first_of_ping(void)
{
	static const struct {
		struct exo_filter head;
		struct exo_path path;
		struct exo_atom atom[4];
	} filter = {
		{ .bytes = sizeof filter, .npaths = 1 },
		{ .natoms = 4 },
		{ { FILTER_IN, 2, 12, 0xffff, 0x0800, 0x0800 },
		  { FILTER_IN, 1, 23, 0xff, ICMP, ICMP },
		  { FILTER_IN, 2, 20, 0x1fff, 0, 0 },
		  { FILTER_IN, 1, 34, 0xff, 0, 0 } },
	};
	return insert(&filter, sizeof filter);
}

static void the_rest_of_a_datagram_follows_its_first_fragment(void)
{
	CHECK(open_ring());
	post_buffers();
	long filter = insert_first_of_ping();
	CHECK(filter > 0);
	for (uint16_t id = 1; id <= 4; id++) {
		ping(id);
		CHECK(received(2u * id));
	}
	for (uint32_t i = 0; i < 8; i++) {
		const volatile struct exo_rx *rx = &ring()->used[i];
		const uint8_t *f = (const uint8_t *)REGION + RX_BASE + rx->buffer * EXO_BUF_SIZE;

		CHECK_IS((f[20] & 0x1f) << 8 | f[21], i % 2 ? PIECE / 8 : 0);
		CHECK_IS(rx->filter, ring()->used[0].filter);
	}
	CHECK_IS(exo_info()->nic.held, 0);
	CHECK(counters_add_up());
	close_ring();
}

/* Is an answer to a ping received, and dropped? */
static void ping_for_nobody(uint16_t id)
{
	uint64_t before = exo_info()->nic.received;

	ping(id);
	EVENTUALLY(exo_info()->nic.received >= before + 2);
}

static void fragments_of_what_nobody_claims_are_held_within_a_bound(void)
{
	const volatile struct exo_nic *nic = &exo_info()->nic;
	uint64_t lost = nic->drop[DROP_FRAGMENT], pages;

	CHECK(open_ring());
	pages = exo_info()->free_pages;
	for (uint16_t i = 0; i < HELD + 8; i++) {
		ping_for_nobody(i);
		CHECK(nic->held <= HELD);
		CHECK(counters_add_up());
	}
	CHECK(nic->drop[DROP_FRAGMENT] >= lost + 8);
	CHECK_IS(exo_info()->free_pages, pages);
	EVENTUALLY(nic->held == 0);
	CHECK_IS(nic->drop[DROP_FRAGMENT], lost + HELD + 8);
	CHECK(counters_add_up());
	close_ring();
}

/* Nobody runs and nothing comes: the timer is set for them. (Without, it would be for four seconds, the
 * longest that it can. The host may be busy, hence several tries.) */
static void held_fragments_are_given_up_while_all_sleep(void)
{
	const volatile struct exo_nic *nic = &exo_info()->nic;
	const struct exo_wait_term none_held = { .address = (uint64_t)&nic->held, .op = WAIT_EQ };
	bool in_time = false;

	CHECK(open_ring());
	for (uint16_t id = 500; id < 510 && !in_time; id++) {
		uint64_t now = __builtin_ia32_rdtsc(), second = exo_info()->tsc_hz;

		ping_for_nobody(id);
		context_wait(&none_held, 1, now + 60 * second);
		CHECK_IS(nic->held, 0);
		in_time = __builtin_ia32_rdtsc() - now < 3 * second;
	}
	CHECK(in_time);
	CHECK(counters_add_up());
	close_ring();
}

static void what_a_filter_had_nobody_has_after_it(void)
{
	const volatile struct exo_nic *nic = &exo_info()->nic;

	CHECK(open_ring());
	post_buffers();
	long filter = insert_first_of_ping();
	ping(9);
	CHECK(received(2));
	CHECK_IS(sys_filter_remove((uint32_t)filter), 0);
	uint64_t unclaimed = nic->drop[DROP_UNCLAIMED];
	ping_for_nobody(9);
	CHECK_IS(nic->drop[DROP_UNCLAIMED], unclaimed + 1);
	CHECK_IS(ring()->used_head, 2);
	CHECK(counters_add_up());
	close_ring();
}

const struct ktest fragment_tests[] = {
	{ "a_later_fragment_is_sent_by_whom_the_first_was",
	  a_later_fragment_is_sent_by_whom_the_first_was },
	{ "fragments_behind_vlan_tags_follow_too", fragments_behind_vlan_tags_follow_too },
	{ "the_rest_of_a_datagram_follows_its_first_fragment",
	  the_rest_of_a_datagram_follows_its_first_fragment },
	{ "fragments_of_what_nobody_claims_are_held_within_a_bound",
	  fragments_of_what_nobody_claims_are_held_within_a_bound },
	{ "held_fragments_are_given_up_while_all_sleep", held_fragments_are_given_up_while_all_sleep },
	{ "what_a_filter_had_nobody_has_after_it", what_a_filter_had_nobody_has_after_it },
	{ NULL, NULL },
};
