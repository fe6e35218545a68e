/* pcap-tests/packet.c - take frames apart.
 *
 * Source: RFC 791, 826, 768, 792, 8200, 4443, 9293, 1071. SPDX-License-Identifier: ISC */
#include "pcap-tests/packet.h"
#include <string.h>

static uint32_t add_up(const uint8_t *p, uint32_t n, uint32_t sum)
{
	for (; n > 1; n -= 2, p += 2)
		sum += get16(p);
	return n ? sum + (uint32_t)(*p << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Of the transport, with its pseudo header; 0xffff when the packet is right. */
static uint16_t body_sum(const struct packet *p)
{
	uint32_t sum = 0;

	if (p->proto != PROTO_ICMP)
		sum = add_up(p->src, p->family == 4 ? 8 : 32, p->proto + p->body_length);
	return fold(add_up(p->body, p->body_length, sum));
}

/* Where the transport's checksum is, or -1 when it has none. */
static int sum_at(const struct packet *p)
{
	if (p->fragment || !p->family)
		return -1;
	switch (p->proto) {
	case PROTO_TCP:
		return 16;
	case PROTO_UDP:
		return 6;
	case PROTO_ICMP:
		return p->family == 4 ? 2 : -1;
	case PROTO_ICMP6:
		return p->family == 6 ? 2 : -1;
	}
	return -1;
}

static const char *parse_tcp(struct packet *p)
{
	uint32_t header = p->body_length < 20 ? 0 : (p->body[12] >> 4) * 4u;

	if (header < 20 || header > p->body_length)
		return "TCP header length";
	p->seq = get32(p->body + 4);
	p->ack = get32(p->body + 8);
	p->flags = p->body[13];
	p->window = get16(p->body + 14);
	p->options = p->body + 20;
	p->options_length = header - 20;
	p->data = p->body + header;
	p->data_length = p->body_length - header;
	return NULL;
}

static const char *parse_body(struct packet *p)
{
	if (p->fragment)
		return NULL;
	if (p->proto == PROTO_ICMP || p->proto == PROTO_ICMP6)
		return p->body_length < 8 ? "ICMP shorter than its header" : NULL;
	if (p->proto != PROTO_TCP && p->proto != PROTO_UDP)
		return NULL;
	if (p->body_length < 8)
		return "transport header cut off";
	p->sport = get16(p->body);
	p->dport = get16(p->body + 2);
	if (p->proto == PROTO_TCP)
		return parse_tcp(p);
	return get16(p->body + 4) == p->body_length ? NULL : "UDP length";
}

static const char *parse_ip4(struct packet *p, uint32_t n)
{
	const uint8_t *ip = p->body;
	uint32_t header = n < 20 ? 0 : (ip[0] & 15) * 4u, total = n < 20 ? 0 : get16(ip + 2);

	if (n < 20 || ip[0] >> 4 != 4 || header < 20 || header > total || total > n)
		return "IPv4 header";
	p->family = 4;
	p->length = ETH_LENGTH + total;
	p->proto = ip[9];
	p->fragment = get16(ip + 6) & 0x3fff;
	p->src = ip + 12;
	p->dst = ip + 16;
	p->body = ip + header;
	p->body_length = total - header;
	return parse_body(p);
}

static const char *parse_ip6(struct packet *p, uint32_t n)
{
	const uint8_t *ip = p->body;

	if (n < 40 || ip[0] >> 4 != 6 || get16(ip + 4) + 40u > n)
		return "IPv6 header";
	p->family = 6;
	p->length = ETH_LENGTH + 40 + get16(ip + 4);
	p->proto = ip[6];
	p->fragment = p->proto == 44;
	p->src = ip + 8;
	p->dst = ip + 24;
	p->body = ip + 40;
	p->body_length = get16(ip + 4);
	return parse_body(p);
}

static const char *parse_arp(struct packet *p, uint32_t n)
{
	if (n < 28 || get32(p->body) != 0x00010800 || get16(p->body + 4) != 0x0604)
		return "ARP of a kind unknown";
	p->length = ETH_LENGTH + 28;
	p->src = p->body + 14;
	p->dst = p->body + 24;
	return NULL;
}

const char *packet_parse(struct packet *p, const uint8_t *frame, uint32_t length)
{
	memset(p, 0, sizeof *p);
	p->frame = frame;
	p->length = length;
	if (length < ETH_LENGTH)
		return "frame shorter than its header";
	p->type = get16(frame + 12);
	p->body = frame + ETH_LENGTH;
	p->body_length = length - ETH_LENGTH;
	switch (p->type) {
	case ETH_IP4:
		return parse_ip4(p, p->body_length);
	case ETH_IP6:
		return parse_ip6(p, p->body_length);
	case ETH_ARP:
		return parse_arp(p, p->body_length);
	}
	return NULL;
}

const char *packet_checksums(const struct packet *p)
{
	const uint8_t *ip = p->frame + ETH_LENGTH;
	int at = sum_at(p);

	if (p->family == 4 && fold(add_up(ip, (ip[0] & 15) * 4u, 0)) != 0xffff)
		return "IPv4 header checksum";
	if (at < 0)
		return NULL;
	if (p->proto == PROTO_UDP && get16(p->body + at) == 0)
		return p->family == 4 ? NULL : "UDP over IPv6 without a checksum";
	return body_sum(p) == 0xffff ? NULL : "transport checksum";
}

int packet_field(const char *name)
{
	static const char *const names[] = {
#define X(field, text) text,
		PACKET_FIELDS(X)
#undef X
	};

	for (int i = 0; i < FIELD_COUNT; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

static bool is_error(const struct packet *p)
{
	if (p->fragment)
		return false;
	if (p->family == 4 && p->proto == PROTO_ICMP)
		return p->body[0] == 3 || p->body[0] == 11 || p->body[0] == 12;
	return p->family == 6 && p->proto == PROTO_ICMP6 && p->body[0] < 128;
}

/* Bytes of an ICMP error up to 8 bytes into the quoted packet's payload. */
static uint32_t short_quote(const struct packet *p)
{
	uint32_t quoted = p->family == 4 ? 20 : 40;

	if (p->family == 4 && p->body_length > 8)
		quoted = (p->body[8] & 15) * 4u;
	return (uint32_t)(p->body - p->frame) + 8 + quoted + 8;
}

static void forget4(uint8_t *ip, uint32_t ignored)
{
	if (ignored & 1 << FIELD_IP4_TOS)
		ip[1] = 0;
	if (ignored & 1 << FIELD_IP4_ID)
		put16(ip + 4, 0);
	if (ignored & 1 << FIELD_IP4_DF)
		ip[6] &= 0xbf;
	if (ignored & 1 << FIELD_IP4_TTL)
		ip[8] = 0;
	put16(ip + 10, 0);
}

static void forget6(uint8_t *ip, uint32_t ignored)
{
	if (ignored & 1 << FIELD_IP6_FLOW)
		put32(ip, get32(ip) & 0xfff00000);
	if (ignored & 1 << FIELD_IP6_HOPS)
		ip[7] = 0;
}

uint32_t packet_normal(const struct packet *p, uint32_t ignored, uint8_t *out)
{
	uint8_t *ip = out + ETH_LENGTH, *body = out + (p->body - p->frame);
	uint32_t length = p->length;
	int at = sum_at(p);

	memcpy(out, p->frame, length);
	if (p->family == 4)
		forget4(ip, ignored);
	else if (p->family == 6)
		forget6(ip, ignored);
	/* Whether UDP has a checksum at all still shows. */
	if (at >= 0)
		put16(body + at, p->proto != PROTO_UDP || get16(body + at) != 0);
	if (ignored & 1 << FIELD_ICMP_QUOTE && is_error(p) && short_quote(p) <= length) {
		length = short_quote(p);
		put16(p->family == 4 ? ip + 2 : ip + 4, 0);
	}
	return length;
}

void packet_seal(uint8_t *frame, uint32_t length)
{
	struct packet p;
	uint8_t *ip = frame + ETH_LENGTH;

	if (packet_parse(&p, frame, length) || !p.family)
		return;
	int at = sum_at(&p);
	uint8_t *body = frame + (p.body - p.frame);

	if (p.family == 4) {
		put16(ip + 10, 0);
		put16(ip + 10, ~fold(add_up(ip, (ip[0] & 15) * 4u, 0)));
	}
	if (at < 0)
		return;
	put16(body + at, 0);
	uint16_t sum = (uint16_t)~body_sum(&p);

	put16(body + at, sum == 0 && p.proto == PROTO_UDP ? 0xffff : sum);
}
