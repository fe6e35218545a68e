/* libnet/share.c - see share.h. SPDX-License-Identifier: ISC */
#include "libnet/share.h"
#include <string.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* The writer can be interrupted at any instruction, and a reader run then; there is one
 * CPU, or the CPUs keep stores in order: the compiler is all that must be held back. */
static uint32_t read_version(const struct share *s)
{
	uint32_t v = *(const volatile uint32_t *)&s->version;

	__asm__ volatile("" ::: "memory");
	return v;
}

static bool unchanged(const struct share *s, uint32_t version)
{
	__asm__ volatile("" ::: "memory");
	return read_version(s) == version;
}

struct share_ip share_ip4(const uint8_t address[4])
{
	struct share_ip ip;

	memcpy(ip.byte, mapped, sizeof mapped);
	memcpy(ip.byte + 12, address, 4);
	return ip;
}

bool share_is_ip4(const struct share_ip *ip)
{
	return memcmp(ip->byte, mapped, sizeof mapped) == 0;
}

bool share_ip_equal(const struct share_ip *a, const struct share_ip *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

bool share_read_lease(const struct share *s, struct share_lease *out, uint32_t *version)
{
	uint32_t v = read_version(s);
	struct share_lease lease = s->lease;

	if (v == 0 || v & 1 || !unchanged(s, v))
		return false;
	*out = lease;
	*version = v;
	return true;
}

static bool is_none(const struct share_ip *ip)
{
	static const struct share_ip none;

	return share_ip_equal(ip, &none);
}

/* As it lies in memory: enough for masks and comparisons. */
static uint32_t word(const uint8_t *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

static bool on_link4(const struct share_lease *l, const uint8_t *dst)
{
	return ((word(dst) ^ word(l->address4)) & word(l->mask4)) == 0;
}

static bool is_link_local(const struct share_ip *ip)
{
	return ip->byte[0] == 0xfe && (ip->byte[1] & 0xc0) == 0x80;
}

static bool on_link6(const struct share_lease *l, const struct share_ip *dst)
{
	if (is_link_local(dst))
		return true;
	for (int i = 1; i < SHARE_ADDRESSES6; i++)
		if (!is_none(&l->address6[i]) &&
		    memcmp(dst->byte, l->address6[i].byte, 8) == 0)
			return true;
	return false;
}

static bool next_hop4(const struct share_lease *l, const struct share_ip *dst,
                      struct share_ip *hop)
{
	if (word(l->address4) == 0)
		return false;
	if (on_link4(l, dst->byte + 12)) {
		*hop = *dst;
		return true;
	}
	*hop = share_ip4(l->gateway4);
	return word(l->gateway4) != 0;
}

bool share_next_hop(const struct share_lease *l, const struct share_ip *dst,
                    struct share_ip *hop)
{
	if (share_is_ip4(dst))
		return next_hop4(l, dst, hop);
	*hop = on_link6(l, dst) ? *dst : l->router6;
	return !is_none(hop);
}

/* All ones, or this network's last address. */
static bool is_broadcast4(const struct share_lease *l, const uint8_t *dst)
{
	uint32_t to = word(dst), mask = word(l->mask4);
	bool has_hosts = mask != 0 && mask != UINT32_MAX;

	return to == UINT32_MAX || (has_hosts && on_link4(l, dst) && (to | mask) == UINT32_MAX);
}

bool share_group_mac(const struct share_lease *l, const struct share_ip *dst, uint8_t mac[6])
{
	const uint8_t *b = dst->byte;

	if (!share_is_ip4(dst)) {
		memcpy(mac, (uint8_t[]){ 0x33, 0x33, b[12], b[13], b[14], b[15] }, 6);
		return b[0] == 0xff;
	}
	if ((b[12] & 0xf0) == 0xe0) {
		memcpy(mac, (uint8_t[]){ 0x01, 0x00, 0x5e, b[13] & 0x7f, b[14], b[15] }, 6);
		return true;
	}
	memset(mac, 0xff, 6);
	return is_broadcast4(l, b + 12);
}

bool share_neighbour_mac(const struct share *s, const struct share_ip *hop, uint8_t mac[6])
{
	uint32_t v = read_version(s);

	if (v & 1)
		return false;
	for (int i = 0; i < SHARE_NEIGHBOURS; i++) {
		const struct share_neighbour n = s->neighbour[i];
		if (!n.known || !share_ip_equal(&n.ip, hop))
			continue;
		if (!unchanged(s, v))
			return false;
		memcpy(mac, n.mac, 6);
		return true;
	}
	return false;
}

static void set_version(struct share *s, uint32_t v)
{
	__asm__ volatile("" ::: "memory");
	*(volatile uint32_t *)&s->version = v;
	__asm__ volatile("" ::: "memory");
}

/* A writer that ended in the middle left an odd version: the next one goes on from it. */
void share_write_begin(struct share *s) { set_version(s, s->version | 1); }

void share_write_end(struct share *s) { set_version(s, s->version + 1); }
