/* libnet/test/tenant_test.c - lwIP over a ring whose kernel is this test: frames in,
 * frames out, nothing kept. Layer: host test. SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "libnet/checksum.h"
#include "libnet/heap.h"
#include "libnet/port/port.h"
#include "libnet/session.h"
#include "libnet/tenant.h"
#include "lwip/igmp.h"
#include "lwip/init.h"
#include "lwip/mld6.h"
#include "lwip/sys.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/udp.h"

enum {
	BUFFERS = 32, RX_BASE = 4096, HEAP_BASE = RX_BASE + BUFFERS * EXO_BUF_SIZE,
	HEAP_PAGES = 64, SIZE = HEAP_BASE + HEAP_PAGES * HEAP_PAGE,
	ENV = 0x1003, ETH = 14, IP = 20, UDP = 8, TCP = 20,
	SYN = 2, RST = 4, PSH = 8, ACK = 16, FIN = 1,
};

static _Alignas(4096) uint8_t region[SIZE];
static struct share share;
static struct share_door door;
static struct share_request request;
static struct tenant tenant;
static uint32_t now;
static uint32_t free_tail; /* the kernel's */

static const uint8_t our_mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
static const uint8_t peer_mac[6] = { 0x52, 0x55, 10, 0, 2, 2 };
static const uint8_t our_ip[4] = { 10, 0, 2, 15 }, peer_ip[4] = { 10, 0, 2, 2 };

/* What went out last, and how many frames did. */
static uint8_t out[2048];
static size_t out_length;
static unsigned out_frames;

uint32_t sys_now(void) { return now; }

_Noreturn void port_panic(const char *why, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, why);
	abort();
}

void port_log(const char *format, ...) { (void)format; }

/* sys_ring_send, as the kernel would do it: everything at once. */
static void kernel_send(struct interface *i)
{
	struct exo_ring *s = i->ring.shared;

	while (s->tx_seen != s->tx_head) {
		out_length = 0;
		const struct exo_tx *tx;
		do {
			tx = &s->tx[s->tx_seen++ % EXO_RING_N];
			assert_true(out_length + tx->length <= EXO_FRAME_MAX);
			memcpy(out + out_length, region + tx->offset, tx->length);
			out_length += tx->length;
		} while (tx->more);
		out_frames++;
	}
	s->tx_done = s->tx_seen;
}

/* Deliver a frame; returns false where the kernel would count DROP_NOBUF. */
static bool deliver(const uint8_t *frame, size_t n)
{
	struct exo_ring *s = (struct exo_ring *)(void *)region;

	if (free_tail == s->free_head)
		return false;
	uint16_t b = s->free[free_tail++ % EXO_RING_N];
	memcpy(region + RX_BASE + b * EXO_BUF_SIZE, frame, n);
	s->used[s->used_head % EXO_RING_N] = (struct exo_rx){
		.buffer = b, .length = (uint16_t)n,
		.sum = n > ETH ? checksum_sum(frame + ETH, n - ETH) : 0,
	};
	s->used_head++;
	return true;
}

static void run(void)
{
	while (interface_poll(&tenant.interface))
		interface_flush(&tenant.interface);
	interface_flush(&tenant.interface);
}

static bool grow(void *context, uint8_t *base, uint32_t n)
{
	(void)context, (void)base, (void)n;
	return true;
}

static void publish(const struct share_lease *lease, bool neighbour)
{
	share_write_begin(&share);
	share.lease = *lease;
	share.neighbour[3] = (struct share_neighbour){
		.ip = share_ip4(peer_ip), .known = neighbour,
	};
	memcpy(share.neighbour[3].mac, peer_mac, 6);
	share_write_end(&share);
	tenant_update(&tenant);
}

static const struct share_lease leased = {
	.address4 = { 10, 0, 2, 15 }, .mask4 = { 255, 255, 255, 0 },
	.gateway4 = { 10, 0, 2, 2 },
};

/* lwIP cannot be stopped: one instance serves all tests, and each leaves it as it was. */
static int start(void **state)
{
	static const uint64_t key[2] = { 1, 2 };
	static const struct exo_cap page = { 7, 8 };
	struct ring ring;

	(void)state;
	heap_init(&port_heap, region + HEAP_BASE, HEAP_PAGES, 8, grow, NULL);
	port_seed(key);
	lwip_init();
	ring_init(&ring, region, sizeof region, RX_BASE, BUFFERS);
	tenant_init(&tenant, &ring, our_mac, 1500, kernel_send, &share, &door, &request, &page,
	            ENV);
	publish(&leased, true);
	return tenant.interface.netif.mtu == 1500 ? 0 : -1;
}

static void nothing_is_kept(void)
{
	assert_int_equal(tenant.interface.posted, BUFFERS);
	assert_int_equal(heap_used(&port_heap), 0);
	assert_int_equal(tenant.queued, 0);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *p) { return p[0] << 8 | p[1]; }

static uint32_t get32(const uint8_t *p) { return (uint32_t)get16(p) << 16 | get16(p + 2); }

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static void seal(uint8_t *sum, const uint8_t *from, size_t n, const uint8_t *pseudo, size_t m)
{
	uint32_t s;
	uint16_t word;

	memset(sum, 0, 2);
	s = checksum_sum(from, n);
	s += pseudo ? checksum_sum(pseudo, m) : 0;
	word = (uint16_t)~((s & 0xffff) + (s >> 16));
	memcpy(sum, &word, 2);
}

/* Wrap `length` bytes at f + ETH + IP in IPv4 and Ethernet, from the peer to us. */
static size_t finish(uint8_t *f, unsigned protocol, size_t length, size_t sum)
{
	uint8_t *ip = f + ETH, pseudo[12];

	memcpy(f, our_mac, 6);
	memcpy(f + 6, peer_mac, 6);
	put16(f + 12, 0x0800);
	memset(ip, 0, IP);
	ip[0] = 0x45;
	put16(ip + 2, (unsigned)(IP + length));
	ip[8] = 64;
	ip[9] = (uint8_t)protocol;
	memcpy(ip + 12, peer_ip, 4);
	memcpy(ip + 16, our_ip, 4);
	seal(ip + 10, ip, IP, NULL, 0);
	memcpy(pseudo, ip + 12, 8);
	put16(pseudo + 8, protocol);
	put16(pseudo + 10, (unsigned)length);
	seal(ip + IP + sum, ip + IP, length, pseudo, sizeof pseudo);
	return ETH + IP + length;
}

static size_t udp_frame(uint8_t *f, unsigned port, size_t payload)
{
	uint8_t *udp = f + ETH + IP;

	put16(udp, 4000);
	put16(udp + 2, port);
	put16(udp + 4, (unsigned)(UDP + payload));
	for (size_t i = 0; i < payload; i++)
		udp[UDP + i] = (uint8_t)i;
	return finish(f, 17, UDP + payload, 6);
}

static size_t tcp_frame(uint8_t *f, unsigned port, uint32_t seq, uint32_t ack, unsigned flags,
                        size_t payload)
{
	uint8_t *tcp = f + ETH + IP;

	memset(tcp, 0, TCP);
	put16(tcp, 4000);
	put16(tcp + 2, port);
	put32(tcp + 4, seq);
	put32(tcp + 8, ack);
	tcp[12] = TCP / 4 << 4;
	tcp[13] = (uint8_t)flags;
	put16(tcp + 14, 0xffff);
	memset(tcp + TCP, 'x', payload);
	return finish(f, 6, TCP + payload, 16);
}

static void udp_echo(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                     u16_t port)
{
	(void)arg;
	assert_int_equal(udp_sendto(pcb, p, from, port), ERR_OK);
	pbuf_free(p);
}

static struct udp_pcb *udp_open(uint16_t port)
{
	struct udp_pcb *pcb = udp_new();

	assert_int_equal(udp_bind(pcb, IP_ANY_TYPE, port), ERR_OK);
	udp_recv(pcb, udp_echo, NULL);
	return pcb;
}

static void echoes_udp_without_a_copy(void **state)
{
	struct udp_pcb *pcb = udp_open(7);
	uint8_t f[2048];

	(void)state;
	for (size_t payload = 0; payload <= 1472; payload += 92) {
		size_t n = udp_frame(f, 7, payload);
		out_frames = 0;
		assert_true(deliver(f, n));
		run();
		assert_int_equal(out_frames, 1);
		assert_int_equal(out_length, n);
		assert_memory_equal(out, peer_mac, 6);
		assert_memory_equal(out + ETH + IP + UDP, f + ETH + IP + UDP, payload);
		assert_true(checksum_holds(out + ETH, out_length - ETH,
		                           checksum_sum(out + ETH, out_length - ETH)));
		nothing_is_kept();
	}
	assert_int_equal(tenant.interface.counts.copied_out, 0);
	udp_remove(pcb);
}

static void wrong_checksums_and_short_frames_end_in_lwip(void **state)
{
	struct udp_pcb *pcb = udp_open(7);
	uint8_t f[2048];
	size_t n = udp_frame(f, 7, 100);

	(void)state;
	out_frames = 0;
	f[ETH + IP + UDP + 50] ^= 1;
	assert_true(deliver(f, n));
	for (size_t cut = 0; cut < n; cut++) {
		assert_true(deliver(f, cut));
		run();
	}
	for (unsigned type = 0; type < 0x10000; type += 0x101) {
		put16(f + 12, type);
		assert_true(deliver(f, n));
		run();
	}
	assert_int_equal(out_frames, 0);
	nothing_is_kept();
	udp_remove(pcb);
}

static struct pbuf *kept[2 * BUFFERS];
static unsigned keeping;

static void udp_keep(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                     u16_t port)
{
	(void)arg, (void)pcb, (void)from, (void)port;
	kept[keeping++] = p;
}

static void a_hoarder_keeps_copies_not_the_ring(void **state)
{
	struct udp_pcb *pcb = udp_open(9);
	uint8_t f[2048];
	size_t n = udp_frame(f, 9, 64);

	(void)state;
	udp_recv(pcb, udp_keep, NULL);
	for (int i = 0; i < 2 * BUFFERS; i++) {
		assert_true(deliver(f, n));
		run();
	}
	assert_int_equal(keeping, 2 * BUFFERS);
	assert_true(tenant.interface.posted >= INTERFACE_LOW_WATER - 1);
	while (keeping > 0)
		pbuf_free(kept[--keeping]);
	nothing_is_kept();
	udp_remove(pcb);
}

static void waits_for_the_next_hop(void **state)
{
	struct udp_pcb *pcb = udp_open(7);
	uint8_t f[2048];
	size_t n = udp_frame(f, 7, 10);
	struct share_ip hop = share_ip4(peer_ip);
	uint32_t bell = door.bell, serial = request.serial;

	(void)state;
	publish(&leased, false);
	out_frames = 0;
	for (int i = 0; i < 3; i++) {
		assert_true(deliver(f, n));
		run();
	}
	assert_int_equal(out_frames, 0);
	assert_int_equal(tenant.queued, 3);
	assert_int_equal(request.serial, serial + 1);
	assert_true(door.bell != bell);
	assert_memory_equal(&request.wanted[request.serial % SHARE_REQUESTS], &hop, sizeof hop);
	publish(&leased, true);
	interface_flush(&tenant.interface);
	assert_int_equal(out_frames, 3);
	nothing_is_kept();
	udp_remove(pcb);
}

static void gives_up_on_a_next_hop(void **state)
{
	struct udp_pcb *pcb = udp_open(7);
	uint64_t unresolved = tenant.interface.counts.unresolved;
	uint8_t f[2048];
	size_t n = udp_frame(f, 7, 10);

	(void)state;
	udp_recv(pcb, udp_keep, NULL);
	publish(&leased, false);
	assert_true(deliver(f, n));
	run();
	ip_addr_t to = IPADDR4_INIT_BYTES(10, 0, 2, 2);
	for (int i = 0; i < TENANT_QUEUE; i++)
		assert_int_equal(udp_sendto(pcb, kept[0], &to, 5), ERR_OK);
	assert_int_equal(udp_sendto(pcb, kept[0], &to, 5), ERR_OK);
	now += TENANT_PATIENCE + 1;
	tenant_update(&tenant);
	assert_int_equal(tenant.interface.counts.unresolved, unresolved + TENANT_QUEUE + 1);
	pbuf_free(kept[--keeping]);
	publish(&leased, true);
	nothing_is_kept();
	udp_remove(pcb);
}

/* Nobody answers for most of them: who asks later must not wait for that. */
static void packets_to_nobody_keep_no_one_waiting(void **state)
{
	struct udp_pcb *pcb = udp_open(7);
	uint32_t serial = request.serial;
	uint8_t f[2048];

	(void)state;
	udp_recv(pcb, udp_keep, NULL);
	publish(&leased, false);
	assert_true(deliver(f, udp_frame(f, 7, 10)));
	run();
	for (uint8_t i = 0; i < 2 * TENANT_QUEUE; i++) {
		ip_addr_t to = IPADDR4_INIT_BYTES(10, 0, 2, (u8_t)(100 + i));
		assert_int_equal(udp_sendto(pcb, kept[0], &to, 5), ERR_OK);
	}
	ip_addr_t peer = IPADDR4_INIT_BYTES(10, 0, 2, 2);
	assert_int_equal(udp_sendto(pcb, kept[0], &peer, 5), ERR_OK);
	assert_int_equal(tenant.queued, TENANT_QUEUE);
	assert_int_equal(request.serial, serial + 2 * TENANT_QUEUE + 1);
	out_frames = 0;
	publish(&leased, true);
	interface_flush(&tenant.interface);
	assert_int_equal(out_frames, 1);
	now += TENANT_PATIENCE + 1;
	tenant_update(&tenant);
	pbuf_free(kept[--keeping]);
	nothing_is_kept();
	udp_remove(pcb);
}

static void asks_again_for_a_next_hop(void **state)
{
	struct udp_pcb *pcb = udp_open(7);
	uint8_t f[2048];
	size_t n = udp_frame(f, 7, 10);

	(void)state;
	publish(&leased, false);
	assert_true(deliver(f, n) && deliver(f, n));
	run();
	uint32_t serial = request.serial, bell = door.bell;
	tenant_update(&tenant);
	assert_int_equal(request.serial, serial);
	now += TENANT_AGAIN;
	tenant_update(&tenant);
	assert_int_equal(request.serial, serial + 1);
	assert_int_equal(door.bell, bell + 1);
	tenant_update(&tenant);
	assert_int_equal(request.serial, serial + 1);
	publish(&leased, true);
	interface_flush(&tenant.interface);
	nothing_is_kept();
	udp_remove(pcb);
}

static void joins_again_when_somebody_wrote_over_it(void **state)
{
	struct share_join *j = &door.join[2], was = *j;
	uint8_t f[2048];
	struct udp_pcb *pcb = udp_open(7);

	(void)state;
	assert_int_equal(was.env, ENV);
	memset(j, 0xee, sizeof *j);
	publish(&leased, false);
	assert_true(deliver(f, udp_frame(f, 7, 1)));
	run();
	assert_int_equal(j->env, ENV);
	assert_memory_equal(&j->page, &was.page, sizeof was.page);
	publish(&leased, true);
	interface_flush(&tenant.interface);
	nothing_is_kept();
	udp_remove(pcb);
}

static err_t tcp_echo(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	(void)arg, (void)err;
	if (!p)
		return tcp_close(pcb);
	tcp_recved(pcb, p->tot_len);
	for (struct pbuf *q = p; q; q = q->next)
		assert_int_equal(tcp_write(pcb, q->payload, q->len, TCP_WRITE_FLAG_COPY), ERR_OK);
	pbuf_free(p);
	return ERR_OK;
}

static err_t tcp_arrived(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)arg, (void)err;
	tcp_recv(pcb, tcp_echo);
	return ERR_OK;
}

static struct tcp_pcb *tcp_open(uint16_t port)
{
	struct tcp_pcb *pcb = tcp_new(), *listener;

	assert_int_equal(tcp_bind(pcb, IP_ANY_TYPE, port), ERR_OK);
	listener = tcp_listen(pcb);
	tcp_accept(listener, tcp_arrived);
	return listener;
}

static void segment(uint32_t seq, uint32_t ack, unsigned flags, size_t payload)
{
	uint8_t f[2048];

	out_length = 0;
	assert_true(deliver(f, tcp_frame(f, 7, seq, ack, flags, payload)));
	run();
}

static void a_tcp_session_opens_echoes_and_closes(void **state)
{
	struct tcp_pcb *listener = tcp_open(7);

	(void)state;
	segment(1000, 0, SYN, 0);
	const uint8_t *tcp = out + ETH + IP;
	assert_int_equal(tcp[13], SYN | ACK);
	assert_int_equal(get32(tcp + 8), 1001);
	uint32_t theirs = get32(tcp + 4) + 1;
	segment(1001, theirs, ACK, 0);
	segment(1001, theirs, ACK | PSH, 500);
	assert_int_equal(out_length, ETH + IP + TCP + 500);
	assert_int_equal(get32(tcp + 8), 1501);
	segment(1501, theirs + 500, ACK | FIN, 0);
	assert_true(tcp[13] & FIN);
	segment(1502, theirs + 501, ACK, 0);
	assert_null(tcp_active_pcbs);
	tcp_close(listener);
	nothing_is_kept();
}

static void a_lost_segment_is_sent_again(void **state)
{
	struct tcp_pcb *listener = tcp_open(7);
	const uint8_t *tcp = out + ETH + IP;

	(void)state;
	segment(1000, 0, SYN, 0);
	uint32_t theirs = get32(tcp + 4) + 1;
	segment(1001, theirs, ACK, 0);
	segment(1001, theirs, ACK | PSH, 100);
	out_frames = 0;
	for (int i = 0; i < 100 && out_frames == 0; i++) {
		now += 100;
		sys_check_timeouts();
		interface_flush(&tenant.interface);
	}
	assert_int_equal(out_length, ETH + IP + TCP + 100);
	assert_int_equal(get32(tcp + 4), theirs);
	segment(1101, theirs + 100, RST | ACK, 0);
	assert_null(tcp_active_pcbs);
	tcp_close(listener);
	nothing_is_kept();
}

static struct pbuf *unread;

static err_t tcp_hoard(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	(void)arg, (void)pcb, (void)err;
	return p ? session_hold(&unread, p) : ERR_OK;
}

/* A window of single bytes would be 64,240 pieces. What is refused comes once there is room. */
static void crumbs_that_nobody_reads_are_few(void **state)
{
	struct tcp_pcb *listener = tcp_open(7);

	(void)state;
	segment(1000, 0, SYN, 0);
	uint32_t theirs = get32(out + ETH + IP + 4) + 1;
	segment(1001, theirs, ACK, 0);
	tcp_recv(tcp_active_pcbs, tcp_hoard);
	for (uint32_t i = 0; i < 500; i++)
		segment(1001 + i, theirs, ACK | PSH, 1);
	assert_int_equal(pbuf_clen(unread), SESSION_PIECES);
	assert_true(tenant.interface.posted >= INTERFACE_LOW_WATER - 1);
	tcp_recved(tcp_active_pcbs, unread->tot_len - 1);
	session_release(&unread, (uint16_t)(unread->tot_len - 1));
	assert_int_equal(pbuf_clen(unread), 1);
	for (int i = 0; i < 4; i++)
		now += 250, sys_check_timeouts();
	assert_int_equal(unread->tot_len, 2);
	session_release_all(&unread);
	tcp_abort(tcp_active_pcbs);
	tcp_close(listener);
	interface_flush(&tenant.interface);
	nothing_is_kept();
}

/* Frames with one byte changed, at every place, in every state of a session: nothing
 * worse than a drop, and nothing kept. The sanitizers watch lwIP. */
static void survives_changed_bytes(void **state)
{
	struct tcp_pcb *listener = tcp_open(7);
	uint8_t f[2048];

	(void)state;
	srand(5);
	for (int i = 0; i < 30000; i++) {
		unsigned flags = (unsigned)rand() & 0x3f;
		size_t n = tcp_frame(f, 7, 1000 + (unsigned)rand() % 64, get32(out + 38),
		                     i % 3 ? flags : SYN, (size_t)rand() % 64);
		if (i % 2)
			f[rand() % (int)n] = (uint8_t)rand();
		put16(f + ETH + IP, 4000 + (unsigned)rand() % 4);
		finish(f, 6, n - ETH - IP, 16);
		if (i % 5 == 0) {
			f[ETH + rand() % IP] = (uint8_t)rand();
			seal(f + ETH + 10, f + ETH, IP, NULL, 0);
		}
		assert_true(deliver(f, n - (i % 7 == 0 ? (size_t)rand() % n : 0)));
		run();
	}
	while (tcp_active_pcbs)
		tcp_abort(tcp_active_pcbs);
	while (tcp_tw_pcbs)
		tcp_abort(tcp_tw_pcbs);
	tcp_close(listener);
	now += 100000;
	for (int i = 0; i < 400; i++)
		sys_check_timeouts(), now += 250;
	interface_flush(&tenant.interface);
	nothing_is_kept();
}

static unsigned group_datagrams;

static void count_datagram(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                           u16_t port)
{
	(void)arg, (void)pcb, (void)from, (void)port;
	group_datagrams++;
	pbuf_free(p);
}

/* The report is the owner's to send; the packets are ours. */
static void a_group_is_joined_by_asking_for_it(void **state)
{
	static const uint8_t group[4] = { 224, 0, 0, 251 };
	static const uint8_t group_mac[6] = { 1, 0, 0x5e, 0, 0, 251 };
	struct share_ip ip = share_ip4(group), ip6 = { { 0xff, 0x02, [15] = 0xfb } };
	struct udp_pcb *pcb = udp_new();
	uint8_t f[2048];
	ip4_addr_t group4;
	ip6_addr_t group6 = { 0 };
	size_t n = udp_frame(f, 5353, 10);

	(void)state;
	memcpy(f, group_mac, sizeof group_mac);
	memcpy(f + ETH + 16, group, sizeof group);
	put16(f + ETH + IP + 6, 0); /* no checksum */
	seal(f + ETH + 10, f + ETH, IP, NULL, 0);
	memcpy(&group4.addr, group, sizeof group);
	memcpy(group6.addr, ip6.byte, sizeof ip6.byte);
	assert_int_equal(udp_bind(pcb, IP_ANY_TYPE, 5353), ERR_OK);
	udp_recv(pcb, count_datagram, NULL);
	group_datagrams = out_frames = 0;
	assert_true(deliver(f, n));
	run();
	assert_int_equal(group_datagrams, 0);
	assert_int_equal(igmp_joingroup_netif(&tenant.interface.netif, &group4), ERR_OK);
	assert_true(share_ip_equal(&request.wanted[request.serial % SHARE_REQUESTS], &ip));
	assert_int_equal(mld6_joingroup_netif(&tenant.interface.netif, &group6), ERR_OK);
	assert_true(share_ip_equal(&request.wanted[request.serial % SHARE_REQUESTS], &ip6));
	assert_true(deliver(f, n));
	run();
	assert_int_equal(group_datagrams, 1);
	for (int i = 0; i < 100; i++)
		sys_check_timeouts(), now += 100;
	run();
	assert_int_equal(out_frames, 0);
	udp_remove(pcb);
	igmp_leavegroup_netif(&tenant.interface.netif, &group4);
	mld6_leavegroup_netif(&tenant.interface.netif, &group6);
	run();
	assert_int_equal(out_frames, 0);
	nothing_is_kept();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echoes_udp_without_a_copy),
		cmocka_unit_test(wrong_checksums_and_short_frames_end_in_lwip),
		cmocka_unit_test(a_hoarder_keeps_copies_not_the_ring),
		cmocka_unit_test(waits_for_the_next_hop),
		cmocka_unit_test(gives_up_on_a_next_hop),
		cmocka_unit_test(packets_to_nobody_keep_no_one_waiting),
		cmocka_unit_test(asks_again_for_a_next_hop),
		cmocka_unit_test(joins_again_when_somebody_wrote_over_it),
		cmocka_unit_test(a_group_is_joined_by_asking_for_it),
		cmocka_unit_test(a_tcp_session_opens_echoes_and_closes),
		cmocka_unit_test(a_lost_segment_is_sent_again),
		cmocka_unit_test(crumbs_that_nobody_reads_are_few),
		cmocka_unit_test(survives_changed_bytes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, NULL);
}
