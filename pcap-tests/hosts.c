/* pcap-tests/hosts.c - answers of the other hosts of the wire.
 *
 * Source: RFC 826, 2131, 2132, 4861, 792. SPDX-License-Identifier: ISC */
#include "pcap-tests/hosts.h"
#include <string.h>

enum {
	DHCP_LENGTH = 300, DHCP_OPTIONS = 240, DHCP_DISCOVER = 1, DHCP_OFFER, DHCP_REQUEST,
	DHCP_ACK = 5, ND_ROUTER = 133, ND_SOLICIT = 135, ND_ADVERT = 136, PING_ID = 0xe0e0,
};

static const uint8_t keeper_ip6[16] = { 0xfe, 0x80, [15] = 0xfe };

void hosts_init(struct hosts *h, const uint8_t mac[6], const uint8_t ip4[4])
{
	static const uint8_t keeper[6] = { 2, 0, 0, 0, 0, 0xfe };

	memset(h, 0, sizeof *h);
	memcpy(h->mac, mac, 6);
	memcpy(h->ip4, ip4, 4);
	memcpy(h->keeper_mac, keeper, 6);
	memcpy(h->keeper_ip4, ip4, 3);
	h->keeper_ip4[3] = 254;
	h->host[0].family = 4;
	memcpy(h->host[0].ip, h->keeper_ip4, 4);
	memcpy(h->host[0].mac, keeper, 6);
	h->host[1].family = 6;
	memcpy(h->host[1].ip, keeper_ip6, 16);
	memcpy(h->host[1].mac, keeper, 6);
	h->n = 2;
}

static const struct host *find(const struct hosts *h, int family, const uint8_t *ip)
{
	for (uint32_t i = 0; i < h->n; i++)
		if (h->host[i].family == family &&
		    memcmp(h->host[i].ip, ip, family == 4 ? 4 : 16) == 0)
			return &h->host[i];
	return NULL;
}

void hosts_learn(struct hosts *h, const struct packet *p)
{
	static const uint8_t none[16];
	int family = p->type == ETH_ARP ? 4 : p->family;
	size_t size = family == 4 ? 4 : 16;

	if (!family || h->n == HOSTS_MAX || memcmp(p->src, none, size) == 0 ||
	    find(h, family, p->src))
		return;
	struct host *new = &h->host[h->n++];

	new->family = (uint8_t)family;
	memcpy(new->ip, p->src, size);
	memcpy(new->mac, p->frame + 6, 6);
}

static void put_ethernet(uint8_t *f, const uint8_t *to, const uint8_t *from, uint16_t type)
{
	memcpy(f, to, 6);
	memcpy(f + 6, from, 6);
	put16(f + 12, type);
}

static void put_ip4(uint8_t *ip, const uint8_t *src, const uint8_t *dst, uint8_t proto,
                    uint32_t length)
{
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put16(ip + 2, length);
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, src, 4);
	memcpy(ip + 16, dst, 4);
}

static void answer_arp(const struct packet *p, const struct host *who, struct wire *w)
{
	uint8_t f[ETH_LENGTH + 28];

	put_ethernet(f, p->frame + 6, who->mac, ETH_ARP);
	memcpy(f + 14, p->body, 6);
	put16(f + 20, 2);
	memcpy(f + 22, who->mac, 6);
	memcpy(f + 28, who->ip, 4);
	memcpy(f + 32, p->body + 8, 10);
	wire_send(w, f, sizeof f);
}

static void answer_solicitation(const struct packet *p, const struct host *who, struct wire *w)
{
	uint8_t f[ETH_LENGTH + 40 + 32] = { 0 };
	uint8_t *ip = f + ETH_LENGTH, *nd = ip + 40;

	put_ethernet(f, p->frame + 6, who->mac, ETH_IP6);
	ip[0] = 0x60;
	put16(ip + 4, 32);
	ip[6] = PROTO_ICMP6;
	ip[7] = 255;
	memcpy(ip + 8, who->ip, 16);
	memcpy(ip + 24, p->src, 16);
	nd[0] = ND_ADVERT;
	nd[4] = 0x60; /* solicited, override */
	memcpy(nd + 8, who->ip, 16);
	nd[24] = 2;
	nd[25] = 1;
	memcpy(nd + 26, who->mac, 6);
	packet_seal(f, sizeof f);
	wire_send(w, f, sizeof f);
}

/* The value of a DHCP option of one byte, 0: absent. */
static int dhcp_kind(const uint8_t *m, uint32_t n)
{
	for (uint32_t i = DHCP_OPTIONS; i + 1 < n && m[i] != 255;) {
		if (m[i] == 0) {
			i++;
			continue;
		}
		if (m[i] == 53 && i + 2 < n)
			return m[i + 2];
		i += 2u + m[i + 1];
	}
	return 0;
}

static void answer_dhcp(struct hosts *h, const struct packet *p, struct wire *w)
{
	const uint8_t *m = p->body + 8;
	uint8_t f[ETH_LENGTH + 20 + 8 + DHCP_LENGTH] = { 0 };
	uint8_t *ip = f + ETH_LENGTH, *udp = ip + 20, *r = udp + 8;
	int kind = p->body_length < 8 + DHCP_OPTIONS ? 0 : dhcp_kind(m, p->body_length - 8);
	const uint8_t *server = h->keeper_ip4;

	if (kind != DHCP_DISCOVER && kind != DHCP_REQUEST)
		return;
	put_ethernet(f, h->mac, h->keeper_mac, ETH_IP4);
	put_ip4(ip, server, h->ip4, PROTO_UDP, sizeof f - ETH_LENGTH);
	put16(udp, 67);
	put16(udp + 2, 68);
	put16(udp + 4, 8 + DHCP_LENGTH);
	memcpy(r, m, 44); /* client's hardware address, transaction */
	r[0] = 2;
	memcpy(r + 16, h->ip4, 4);
	memcpy(r + 20, server, 4);
	const uint8_t options[] = { 99, 130, 83, 99,
		53, 1, kind == DHCP_DISCOVER ? DHCP_OFFER : DHCP_ACK,
		54, 4, server[0], server[1], server[2], server[3],
		51, 4, 0, 1, 0x51, 0x80, 1, 4, 255, 255, 255, 0,
		3, 4, server[0], server[1], server[2], server[3], 255 };
	memcpy(r + DHCP_OPTIONS - 4, options, sizeof options);
	packet_seal(f, sizeof f);
	wire_send(w, f, sizeof f);
	h->leased |= kind == DHCP_REQUEST;
}

static bool is_icmp6(const struct packet *p, int lo, int hi)
{
	return p->family == 6 && p->proto == PROTO_ICMP6 && p->body[0] >= lo && p->body[0] <= hi;
}

/* Reports of group membership: IGMP, and MLD behind a hop-by-hop header or without. */
static bool is_membership(const struct packet *p)
{
	return (p->family == 4 && p->proto == 2) || is_icmp6(p, 130, 132) || is_icmp6(p, 143, 143) ||
	       (p->family == 6 && p->proto == 0 && p->body_length >= 9 &&
	        (p->body[8] == 143 || (p->body[8] >= 130 && p->body[8] <= 132)));
}

bool hosts_own_accord(const struct packet *p)
{
	if (p->type == ETH_ARP)
		return get16(p->body + 6) == 1;
	if (p->family == 4 && p->proto == PROTO_UDP && !p->fragment && p->dport == 67)
		return true;
	return is_icmp6(p, ND_ROUTER, ND_ROUTER) || is_icmp6(p, ND_SOLICIT, ND_SOLICIT) ||
	       is_membership(p);
}

bool hosts_answer(struct hosts *h, const struct packet *p, struct wire *w)
{
	static const uint8_t none[16];
	const struct host *who;

	if (!hosts_own_accord(p))
		return false;
	if (p->type == ETH_ARP && memcmp(p->src, none, 4) != 0) {
		who = find(h, 4, p->dst);
		if (who)
			answer_arp(p, who, w);
	} else if (p->family == 6 && p->body[0] == ND_SOLICIT && p->body_length >= 24 &&
	           memcmp(p->src, none, 16) != 0) {
		who = find(h, 6, p->body + 8);
		if (who)
			answer_solicitation(p, who, w);
	} else if (p->family == 4 && p->proto == PROTO_UDP) {
		answer_dhcp(h, p, w);
	}
	return true;
}

/* RFC 4291, appendix A */
static void link_local(uint8_t ip6[16], const uint8_t mac[6])
{
	memset(ip6, 0, 16);
	ip6[0] = 0xfe;
	ip6[1] = 0x80;
	memcpy(ip6 + 8, mac, 3);
	ip6[8] ^= 2;
	ip6[11] = 0xff;
	ip6[12] = 0xfe;
	memcpy(ip6 + 13, mac + 3, 3);
}

void hosts_solicit(struct hosts *h, struct wire *w)
{
	uint8_t f[ETH_LENGTH + 40 + 32] = { 0 };
	uint8_t *ip = f + ETH_LENGTH, *nd = ip + 40;

	put_ethernet(f, h->mac, h->keeper_mac, ETH_IP6);
	ip[0] = 0x60;
	put16(ip + 4, 32);
	ip[6] = PROTO_ICMP6;
	ip[7] = 255;
	memcpy(ip + 8, keeper_ip6, 16);
	link_local(ip + 24, h->mac);
	nd[0] = ND_SOLICIT;
	memcpy(nd + 8, ip + 24, 16);
	nd[24] = nd[25] = 1;
	memcpy(nd + 26, h->keeper_mac, 6);
	packet_seal(f, sizeof f);
	wire_send(w, f, sizeof f);
}

bool hosts_advertised(const struct hosts *h, const struct packet *p)
{
	uint8_t own[16];

	link_local(own, h->mac);
	return p->family == 6 && p->proto == PROTO_ICMP6 && p->body[0] == ND_ADVERT &&
	       p->body_length >= 24 && memcmp(p->body + 8, own, 16) == 0 &&
	       memcmp(p->dst, keeper_ip6, 16) == 0;
}

void hosts_ping(struct hosts *h, struct wire *w, uint16_t number)
{
	uint8_t f[ETH_LENGTH + 20 + 8] = { 0 };
	uint8_t *ip = f + ETH_LENGTH;

	put_ethernet(f, h->mac, h->keeper_mac, ETH_IP4);
	put_ip4(ip, h->keeper_ip4, h->ip4, PROTO_ICMP, 28);
	ip[20] = 8;
	put16(ip + 24, PING_ID);
	put16(ip + 26, number);
	packet_seal(f, sizeof f);
	wire_send(w, f, sizeof f);
}

int hosts_pong(const struct hosts *h, const struct packet *p)
{
	if (p->family != 4 || p->proto != PROTO_ICMP || p->fragment || p->body[0] != 0 ||
	    memcmp(p->dst, h->keeper_ip4, 4) != 0 || get16(p->body + 4) != PING_ID)
		return -1;
	return get16(p->body + 6);
}
