/* apps/raw/main.c - a protocol stack in one file: ARP, ICMP echo, and UDP echo on port 7, over a
 * packet ring, with nothing between it and the kernel. A first program.
 *
 * Its address is on the kernel's command line, "address=10.0.2.15". A reply is made in the
 * buffer that the request came in and sent from there; the buffer goes back to the ring once
 * the device is done with it. What a filter here receives is what the program may answer: the
 * filters are all of its permissions. On the console, 's' prints the counters of the
 * interface and the time it has run, 'q' ends the machine.
 * Source: RFC 826, 792, 768, 791. SPDX-License-Identifier: ISC */
#include <stdbool.h>
#include <string.h>
#include "dpf/build.h"
#include "exo/cap.h"
#include "exo/page.h"
#include "exo/stub.h"
#include "libnet/exos/context.h"
#include "libnet/exos/exposed.h"
#include "libnet/checksum.h"
#include "libnet/decimal.h"
#include "libnet/ring.h"

int first_main(uint32_t data_slot);
_Noreturn void __assert_func(const char *file, int line, const char *function,
                             const char *why);

enum {
	REGION = 0x10000000,
	BUFFERS = EXO_RING_N,
	RX_BASE = EXO_PAGE_SIZE,
	PAGES = 1 + BUFFERS * EXO_BUF_SIZE / EXO_PAGE_SIZE,
	ETHERNET = 14, ARP_LENGTH = ETHERNET + 28, ECHO_PORT = 7,
	ICMP_ECHO = 8, PROTO_ICMP = 1, PROTO_UDP = 17,
};

static struct {
	uint8_t ip[4], mac[6];
	struct ring ring;
	uint32_t slot;                 /* of the ring */
	uint16_t lent[EXO_RING_N];     /* the buffer that a transmit entry sends from */
} raw;

static void print(const char *text)
{
	sys_console_write(SLOT_MACHINE, (uint64_t)text, (uint32_t)strlen(text));
}

static void print_count(const char *before, uint64_t n)
{
	char digits[DECIMAL_MAX];

	print(before);
	print(decimal(digits, n));
}

/* What the C library's assert calls. */
_Noreturn void __assert_func(const char *file, int line, const char *function, const char *why)
{
	print_count("raw: ", (uint64_t)line);
	print(file);
	print(function);
	print(why);
	sys_power(SLOT_MACHINE, POWER_OFF, 1);
	for (;;)
		context_yield(0);
}

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The Internet checksum's sum of bytes and a number, not complemented. */
static uint16_t sum(const uint8_t *p, uint32_t n, uint32_t start)
{
	uint64_t total = checksum_sum(p, n);

	total = (total >> 8 | (total << 8 & 0xff00)) + start;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

/* Both fields of n <= 4 bytes, a constant. */
static inline void exchange(uint8_t *a, uint8_t *b, uint32_t n)
{
	uint8_t t[4];

	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

static void turn_ethernet(uint8_t *f)
{
	memcpy(f, f + 6, 6);
	memcpy(f + 6, raw.mac, 6);
}

/* Each of these makes a request into its reply, in place. Returns the reply's length, or 0:
 * there is no answer to that. */

static uint32_t answer_arp(uint8_t *f, uint32_t n)
{
	static const uint8_t request[] = { 0, 1, 8, 0, 6, 4, 0, 1 };

	if (n < ARP_LENGTH || memcmp(f + 14, request, sizeof request) != 0 ||
	    memcmp(f + 38, raw.ip, 4) != 0)
		return 0;
	turn_ethernet(f);
	put16(f + 20, 2);
	memcpy(f + 32, f + 22, 10);
	memcpy(f + 22, raw.mac, 6);
	memcpy(f + 28, raw.ip, 4);
	return ARP_LENGTH;
}

static bool answer_icmp(uint8_t *icmp, uint32_t n)
{
	if (n < 8 || icmp[0] != ICMP_ECHO || icmp[1] != 0 || sum(icmp, n, 0) != 0xffff)
		return false;
	icmp[0] = 0;
	put16(icmp + 2, 0);
	put16(icmp + 2, ~sum(icmp, n, 0));
	return true;
}

/* Exchanging addresses and ports leaves every sum, and so the checksum, as it is. */
static bool answer_udp(const uint8_t *ip, uint8_t *udp, uint32_t n, bool holds)
{
	if (n < 8 || get16(udp + 4) != n || get16(udp + 2) != ECHO_PORT)
		return false;
	if (!holds && get16(udp + 6) && sum(udp, n, sum(ip + 12, 8, PROTO_UDP + n)) != 0xffff)
		return false;
	exchange(udp, udp + 2, 2);
	return true;
}

/* A new time to live, and the checksum with it (RFC 1624). */
static void set_ttl(uint8_t *ip, uint8_t ttl)
{
	uint32_t changed = (uint16_t)~get16(ip + 10) + (uint16_t)~(uint32_t)(ip[8] << 8) +
	                   (uint32_t)(ttl << 8);

	changed = (changed & 0xffff) + (changed >> 16);
	changed += changed >> 16;
	ip[8] = ttl;
	put16(ip + 10, ~changed);
}

/* added: what the kernel added up while it copied the bytes from the IP header on. */
static uint32_t answer_ip(uint8_t *f, uint32_t n, uint16_t added)
{
	uint8_t *ip = f + ETHERNET;
	uint32_t header = n < ETHERNET + 20 ? 0 : (ip[0] & 15) * 4u;
	uint32_t total = n < ETHERNET + 20 ? 0 : get16(ip + 2);

	if (header < 20 || ip[0] >> 4 != 4 || total < header || total > n - ETHERNET)
		return 0;
	bool holds = checksum_holds(ip, n - ETHERNET, added);
	if ((!holds && sum(ip, header, 0) != 0xffff) || get16(ip + 6) & 0x3fff ||
	    memcmp(ip + 16, raw.ip, 4) != 0)
		return 0;
	if (ip[9] == PROTO_ICMP ? !answer_icmp(ip + header, total - header) :
	    ip[9] == PROTO_UDP ? !answer_udp(ip, ip + header, total - header, holds) : true)
		return 0;
	turn_ethernet(f);
	exchange(ip + 12, ip + 16, 4);
	set_ttl(ip, 64);
	return ETHERNET + total;
}

static uint32_t answer(uint8_t *f, uint32_t n, uint16_t added)
{
	switch (n < ETHERNET ? 0 : get16(f + 12)) {
	case 0x0800:
		return answer_ip(f, n, added);
	case 0x0806:
		return answer_arp(f, n);
	}
	return 0;
}

/* Buffers whose frames have left are free again. */
static void reclaim(void)
{
	for (int entry; (entry = ring_reclaim(&raw.ring)) >= 0;)
		ring_give(&raw.ring, raw.lent[entry]);
}

static void serve(void)
{
	struct exo_rx rx;
	uint8_t *f;

	while ((f = ring_next(&raw.ring, &rx)) != NULL) {
		uint32_t n = answer(f, rx.length, rx.sum);
		struct ring_piece piece = { f, (uint16_t)n };
		int entry = n ? ring_put(&raw.ring, &piece, 1) : -E_INVAL;

		if (entry < 0)
			ring_give(&raw.ring, rx.buffer);
		else
			raw.lent[entry] = rx.buffer;
	}
	if (ring_unsent(&raw.ring))
		sys_ring_send(raw.slot, SLOT_NIC);
}

static void print_counters(void)
{
	static const char *const name[DROP_COUNT] = {
#define X(drop, text) [DROP_##drop] = #drop,
		EXO_DROPS(X)
#undef X
	};
	const volatile struct exo_nic *n = &exo_info()->nic;

	print_count("received ", n->received);
	print_count(" = delivered ", n->delivered);
	for (int i = 0; i < DROP_COUNT; i++) {
		print(" + ");
		print(name[i]);
		print_count(" ", n->drop[i]);
	}
	print_count(" + held ", n->held);
	print_count("\nbusy us ", (exo_env(exo_self())->cycles +
	                           exo_info()->kernel_cycles) / (exo_info()->tsc_hz / 1000000));
	print_count("\nsent ", n->sent);
	print_count(", refused ", n->refused);
	print("\n");
}

static void console(void)
{
	for (long c; (c = sys_console_read(SLOT_MACHINE)) >= 0;) {
		if (c == 's')
			print_counters();
		else if (c == 'q')
			sys_power(SLOT_MACHINE, POWER_OFF, 0);
	}
}

/* A number up to 255 at *text, which moves past it and the character behind. -1: none. */
static int number(const char **text)
{
	int v = -1;

	for (; **text >= '0' && **text <= '9' && v < 256; ++*text)
		v = (v < 0 ? 0 : v * 10) + **text - '0';
	if (**text)
		++*text;
	return v < 256 ? v : -1;
}

static bool read_address(void)
{
	char line[sizeof ((struct exo_info *)NULL)->cmdline];
	const char *at;

	for (size_t i = 0; i < sizeof line; i++)
		line[i] = exo_info()->cmdline[i];
	line[sizeof line - 1] = '\0';
	at = strstr(line, "address=");
	if (!at)
		return false;
	at += strlen("address=");
	for (int i = 0; i < 4; i++) {
		int v = number(&at);

		if (v < 0)
			return false;
		raw.ip[i] = (uint8_t)v;
	}
	return true;
}

static bool insert(const void *filter, long length)
{
	return length > 0 && sys_filter_insert(SLOT_NIC, raw.slot, (uint64_t)filter,
	                                       (uint32_t)length, 0, 0) > 0;
}

static bool open_ring(void)
{
	static uint8_t filter[FILTER_BUILD_MAX];
	const struct filter_local local = { .ip4 = raw.ip };
	long pages = sys_page_alloc(PAGE_ANY, PAGES), slot;

	if (pages < 0 ||
	    sys_page_map(SLOT_SELF, REGION, (uint32_t)pages, PAGES, PROT_R | PROT_W) < 0)
		return false;
	ring_init(&raw.ring, (void *)REGION, PAGES * EXO_PAGE_SIZE, RX_BASE, BUFFERS);
	slot = sys_ring_create((uint32_t)pages, PAGES);
	raw.slot = (uint32_t)slot;
	return slot > 0 && insert(filter, filter_arp_for(filter, sizeof filter, raw.ip)) &&
	       insert(filter, filter_udp_port(filter, sizeof filter, &local, ECHO_PORT)) &&
	       insert(filter, filter_ip_proto(filter, sizeof filter, &local, PROTO_ICMP));
}

static struct exo_wait_term changed(const volatile uint32_t *word, uint32_t was)
{
	return (struct exo_wait_term){ .address = (uint64_t)word, .value = was, .op = WAIT_NE,
		                       .or_ = 1 };
}

/* Sleep until there is a frame or a character; until the device has sent what it was given, or
 * has room for what it was not. */
static void rest(uint32_t typed, uint32_t room)
{
	const struct exo_ring *shared = raw.ring.shared;
	struct exo_wait_term wait[4];
	uint32_t n = 0;

	wait[n++] = changed(&shared->used_head, raw.ring.used_tail);
	wait[n++] = changed(&exo_info()->console_in, typed);
	if (raw.ring.tx_head != raw.ring.tx_tail)
		wait[n++] = changed(&shared->tx_done, raw.ring.tx_tail);
	if (ring_unsent(&raw.ring))
		wait[n++] = changed(&shared->tx_room, room);
	context_wait(wait, n, WAIT_FOREVER);
}

int first_main(uint32_t data_slot)
{
	(void)data_slot;
	context_init();
	for (int i = 0; i < 6; i++)
		raw.mac[i] = exo_info()->nic.mac[i];
	if (!read_address()) {
		print("raw: no address: give the kernel address=A.B.C.D\n");
		return 1;
	}
	if (!open_ring()) {
		print("raw: no ring, or a filter was refused\n");
		return 1;
	}
	print("raw: serving\n");
	for (;;) {
		uint32_t typed = exo_info()->console_in, room = raw.ring.shared->tx_room;

		console();
		serve();
		reclaim();
		rest(typed, room);
	}
}
