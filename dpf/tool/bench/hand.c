/* dpf/tool/bench/hand.c - the bench's expressions as one would write them by hand, without
 * knowing more than the filters do. The limit that engines are compared with.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/bench.h"
#include "dpf/tool/bench/headers.h"
#include <stdlib.h>
#include <string.h>

enum { IP6 = 0xdd86, ARP = 0x0608, PORT_80 = 0x5000, PORT_53 = 0x3500 }; /* as loaded */

static inline uint32_t get4(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static inline uint16_t net2(const uint8_t *p) { return __builtin_bswap16(get2(p)); }

static inline bool either(const uint8_t *ports, uint16_t port)
{
	return get2(ports) == port || get2(ports + 2) == port;
}

uint32_t hand_ip(const uint8_t *f, uint32_t n)
{
	return n >= 14 && get2(f + 12) == IP;
}

uint32_t hand_port(const uint8_t *f, uint32_t n)
{
	uint32_t at = tcp(f, n, 4);

	if (at)
		return either(f + at, PORT_80);
	return n >= 58 && get2(f + 12) == IP6 && f[20] == 6 && either(f + 54, PORT_80);
}

uint32_t hand_host(const uint8_t *f, uint32_t n)
{
	uint32_t at = tcp(f, n, 4), us = get4((const uint8_t[]){ 10, 0, 0, 1 });

	return at && (get4(f + 26) == us || get4(f + 30) == us) && either(f + at, PORT_80);
}

uint32_t hand_flags(const uint8_t *f, uint32_t n)
{
	uint32_t at = tcp(f, n, 14);

	return at && f[at + 13] & 3 && f[26] != 10 && f[30] != 10;
}

static inline bool has_ports(uint8_t proto) { return proto == 6 || proto == 17 || proto == 132; }

uint32_t hand_range(const uint8_t *f, uint32_t n)
{
	uint32_t at = 0;

	if (n < 14)
		return 0;
	if (get2(f + 12) == IP)
		at = n >= 34 && has_ports(f[23]) ? above_ip(f, n, 4) : 0;
	else if (get2(f + 12) == IP6 && n >= 58 && has_ports(f[20]))
		at = 54;
	return at && (net2(f + at) <= 6000 || net2(f + at + 2) <= 6000);
}

/* "ip or arp or udp port 53 or icmp6": over IPv4 the first word says it all. */
uint32_t hand_four(const uint8_t *f, uint32_t n)
{
	if (n < 14)
		return 0;
	uint16_t type = get2(f + 12);
	if (type == IP || type == ARP)
		return 1;
	if (type != IP6 || n < 21)
		return 0;
	if (f[20] == 17)
		return n >= 58 && either(f + 54, PORT_53);
	return f[20] == 58 || (f[20] == 44 && n >= 55 && f[54] == 58);
}

uint32_t hand_payload(const uint8_t *f, uint32_t n)
{
	uint32_t at = tcp(f, n, 13);

	return at && either(f + at, PORT_80) &&
	       net2(f + 16) - (f[14] & 15) * 4u != (f[at + 12] & 0xf0u) >> 2;
}

/* N sessions: open addressing, a quarter full. */
static struct slot { uint64_t addresses; uint32_t ports, id; } *slots;
static uint32_t mask;

static inline uint32_t hash(uint64_t addresses, uint32_t ports)
{
	return (uint32_t)((addresses ^ (uint64_t)ports * 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9 >> 32);
}

uint32_t hand_session(const uint8_t *f, uint32_t n)
{
	uint32_t at = tcp(f, n, 4);
	uint64_t addresses;

	if (!at)
		return 0;
	memcpy(&addresses, f + 26, 8);
	uint32_t ports = get4(f + at);
	for (uint32_t i = hash(addresses, ports) & mask; slots[i].id; i = (i + 1) & mask)
		if (slots[i].addresses == addresses && slots[i].ports == ports)
			return slots[i].id;
	return 0;
}

static void add(const struct session *s, uint32_t id)
{
	uint8_t f[FRAME_BYTES];
	uint64_t addresses;

	session_frame(f, s);
	memcpy(&addresses, f + 26, 8);
	uint32_t ports = get4(f + 34), i = hash(addresses, ports) & mask;
	while (slots[i].id)
		i = (i + 1) & mask;
	slots[i] = (struct slot){ addresses, ports, id };
}

void hand_table(const struct session *s, uint32_t n)
{
	for (mask = 15; mask < 4 * n;)
		mask = 2 * mask + 1;
	slots = calloc(mask + 1, sizeof *slots);
	if (!slots)
		exit(2);
	for (uint32_t i = 0; i < n; i++)
		add(&s[i], i + 1);
}

void hand_table_free(void)
{
	free(slots);
	slots = NULL;
}
