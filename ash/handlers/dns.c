/* dns.c - an authoritative DNS server for a small zone (RFC 1034, 1035), over UDP.
 *
 * One question of class IN is answered from the table below; a name of the zone that has no
 * such record, or does not exist, with the SOA record (RFC 2308); names of other zones are
 * refused. All else (several questions, other operations) is left to the owner. EDNS options
 * are ignored, as a server without EDNS does (RFC 6891, 6.1.1): answers fit 512 bytes.
 * SPDX-License-Identifier: ISC
 */
#include "handler.h"

enum { PORT = 53, NAME_MAX = 255, RECORDS = 6, HEADER = 12, TTL_SECONDS = 300 };
enum { A = 1, NS = 2, SOA = 6, TXT = 16, AAAA = 28, ANY = 255, IN = 1 };
enum { OUTSIDE = -1 };
enum { NO_ERROR = 0, NO_NAME = 3, REFUSED = 5 };
enum { RESPONSE = 0x8000, AUTHORITATIVE = 0x0400, RECURSION_DESIRED = 0x0100,
       OPERATION = 0x7800, POINTER = 0xc000 };

struct dns {
	be16 id, flags, questions, answers, authorities, additionals;
};

struct record {
	char name[48]; /* as on the wire, in lower case, with its last 0 */
	uint8_t name_length, type, length;
	char data[77];
};
#define NAME(text) .name = text, .name_length = sizeof text
#define DATA(bytes) .data = bytes, .length = sizeof bytes - 1

static const char zone[] = "\7example\4test";
/* mname ns.example.test, rname admin.example.test, serial, refresh, retry, expire, minimum */
static const char soa[] = "\2ns\7example\4test\0\5admin\7example\4test\0"
			  "\0\0\0\1\0\0\x0e\x10\0\0\3\x84\0\x09\x3a\x80\0\0\1\x2c";

static const struct record records[RECORDS] = {
	{ NAME("\7example\4test"), .type = NS, DATA("\2ns\7example\4test\0") },
	{ NAME("\7example\4test"), .type = A, DATA("\xc0\0\2\1") },
	{ NAME("\7example\4test"), .type = TXT, DATA("\6answer\7in ring") },
	{ NAME("\2ns\7example\4test"), .type = A, DATA("\xc0\0\2\x35") },
	{ NAME("\3www\7example\4test"), .type = A, DATA("\xc0\0\2\x50") },
	{ NAME("\3www\7example\4test"), .type = AAAA,
	  DATA("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x50") },
};

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

static bool same(const uint8_t *wire, const char *name, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		if (lower(wire[k]) != (uint8_t)name[k])
			return false;
	return true;
}

/* Bytes of the name at `wire`, its last 0 included; 0 if it is not one without pointers. */
static uint32_t name_length(const uint8_t *wire, uint32_t room)
{
	uint32_t n = 0;

	while (n < room && n < NAME_MAX) {
		if (wire[n] == 0)
			return n + 1;
		if (wire[n] > 63)
			return 0;
		n += 1 + wire[n];
	}
	return 0;
}

/* Where in the name, at the start of a label, the zone's name begins; or OUTSIDE. */
static int32_t find_zone(const uint8_t *wire, uint32_t n)
{
	for (uint32_t at = 0; at < n; at += 1 + wire[at])
		if (n - at == sizeof zone)
			return same(wire + at, zone, sizeof zone) ? (int32_t)at : OUTSIDE;
	return OUTSIDE;
}

static uint8_t *put16(uint8_t *to, uint32_t v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
	return to + 2;
}

/* A record whose name is at `name` in the message. */
static uint8_t *put_record(uint8_t *to, uint32_t name, uint32_t type, const char *data,
                           uint32_t n)
{
	to = put16(to, POINTER | name);
	to = put16(to, type);
	to = put16(to, IN);
	to = put16(to, 0);
	to = put16(to, TTL_SECONDS);
	to = put16(to, n);
	ash_copy(to, data, n);
	return to + n;
}

struct answer {
	uint8_t *end;
	uint32_t count;
	bool exists; /* the name has some record */
};

static void put_answers(struct answer *a, const uint8_t *name, uint32_t n, uint32_t type)
{
	for (uint32_t k = 0; k < RECORDS; k++) {
		const struct record *r = &records[k];
		if (r->name_length != n || !same(name, r->name, n))
			continue;
		a->exists = true;
		if (type != r->type && type != ANY)
			continue;
		a->end = put_record(a->end, HEADER, r->type, r->data, r->length);
		a->count++;
	}
}

ASH_HANDLER(dns)
{
	struct udp_frame f;

	if (!udp_open(ctx, PORT, &f) || f.length < HEADER || f.payload + 512 > frame_limit(ctx))
		return ASH_PASS;
	struct dns *d = (struct dns *)f.payload;
	uint32_t flags = swap16(d->flags);
	if (flags & (RESPONSE | OPERATION) || d->questions != swap16(1) || d->answers ||
	    d->authorities)
		return ASH_PASS;
	const uint8_t *name = f.payload + HEADER;
	uint32_t n = name_length(name, f.length - HEADER);
	if (n == 0 || HEADER + n + 4 > f.length || name[n + 2] != 0 || name[n + 3] != IN)
		return ASH_PASS;

	uint32_t type = (uint32_t)name[n] << 8 | name[n + 1], code = NO_ERROR;
	struct answer a = { .end = f.payload + HEADER + n + 4 };
	int32_t at = find_zone(name, n);
	d->authorities = d->additionals = 0;
	if (at == OUTSIDE) {
		code = REFUSED;
	} else if (at == 0 && type == SOA) {
		a.end = put_record(a.end, HEADER, SOA, soa, sizeof soa - 1);
		a.count = 1;
	} else {
		put_answers(&a, name, n, type);
		code = a.exists ? NO_ERROR : NO_NAME;
		if (a.count == 0) {
			a.end = put_record(a.end, HEADER + (uint32_t)at, SOA, soa, sizeof soa - 1);
			d->authorities = swap16(1);
		}
	}
	d->answers = swap16((uint16_t)a.count);
	d->flags = swap16((uint16_t)(RESPONSE | (at == OUTSIDE ? 0 : AUTHORITATIVE) |
	                             (flags & RECURSION_DESIRED) | code));
	return udp_reply(ctx, &f, (uint32_t)(a.end - f.payload));
}
