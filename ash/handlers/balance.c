/* balance.c - a load balancer of layer 4 with consistent hashing: two programs.
 *
 *   balance_direct  frames to the service go to a backend's Ethernet address, unchanged
 *                   otherwise: backends own the service's address too, and answer clients
 *                   directly
 *   balance_nat     the destination becomes the backend's; what backends answer comes back
 *                   here, and gets the service's address as its source
 *
 * Backends are chosen by a table that is filled as Maglev does it (Eisenbud et al., NSDI
 * 2016): no state for a flow, and few flows move when a backend comes or goes. The owner
 * changes `service` and then its version; the next frame fills the table, in the handler.
 * SPDX-License-Identifier: ISC
 */
#include "handler.h"

enum { BACKENDS = 16, TABLE = 251 /* a prime */ };

struct {
	be32 address;
	be16 port;
	uint8_t gateway[6]; /* where answers go, for balance_nat */
	uint32_t backends, version;
	struct backend {
		be32 address;
		uint8_t ethernet[6];
	} backend[BACKENDS];
} service = {
	.address = 0x6400000a, /* 10.0.0.100, in memory order */
	.port = 0x5000,        /* 80 */
	.gateway = { 2, 0, 0, 0, 0, 0xfe },
	.backends = 3,
	.version = 1,
	.backend = {
		{ 0x0b00000a, { 2, 0, 0, 0, 1, 1 } },
		{ 0x0c00000a, { 2, 0, 0, 0, 1, 2 } },
		{ 0x0d00000a, { 2, 0, 0, 0, 1, 3 } },
	},
};

static uint32_t filled; /* the version that `table` was filled for */
static uint8_t table[TABLE];

static uint32_t mix(uint32_t h) /* MurmurHash3's last step */
{
	h = (h ^ h >> 16) * 0x85ebca6b;
	h = (h ^ h >> 13) * 0xc2b2ae35;
	return h ^ h >> 16;
}

/* In turns, each backend takes the next free place of its own permutation. */
static void fill(uint32_t n)
{
	uint32_t next[BACKENDS] = { 0 }, taken = 0;

	for (uint32_t k = 0; k < TABLE; k++)
		table[k] = BACKENDS;
	for (uint32_t b = 0; taken < TABLE; b = b + 1 == n ? 0 : b + 1) {
		uint32_t h = mix(service.backend[b].address), at;
		do
			at = (h % TABLE + next[b]++ * (mix(h + 1) % (TABLE - 1) + 1)) % TABLE;
		while (table[at] != BACKENDS);
		table[at] = (uint8_t)b;
		taken++;
	}
	filled = service.version;
}

struct flow {
	struct ipv4_frame lower;
	be16 *ports; /* source, destination */
	be16 *checksum;
};

/* TCP or UDP over IPv4. */
static bool open_flow(const struct ash_ctx *c, struct flow *f)
{
	uint32_t checksum = 16, length = sizeof(struct tcp);

	if (!ipv4_open(c, TCP, &f->lower)) {
		if (!ipv4_open(c, UDP, &f->lower))
			return false;
		checksum = 6;
		length = sizeof(struct udp);
	}
	f->ports = (be16 *)f->lower.payload;
	f->checksum = (be16 *)(f->lower.payload + checksum);
	return f->lower.payload + length <= f->lower.end;
}

/* The backend of a frame to the service, or null. */
static const struct backend *choose(const struct flow *f)
{
	uint32_t n = service.backends < BACKENDS ? service.backends : BACKENDS;

	if (n == 0 || f->lower.ip->to != service.address || f->ports[1] != service.port)
		return 0;
	if (filled != service.version)
		fill(n);
	uint32_t at = mix(f->lower.ip->from ^ mix(f->ports[0])) % TABLE;
	return table[at] < n ? &service.backend[table[at]] : 0;
}

static uint32_t forward(struct ethernet *e, const uint8_t *to)
{
	for (int k = 0; k < 6; k++) {
		e->from[k] = e->to[k];
		e->to[k] = to[k];
	}
	return ASH_REPLY;
}

static void set_address(struct flow *f, be32 *field, be32 value)
{
	struct ipv4 *ip = f->lower.ip;

	ip->checksum = checksum_update32(ip->checksum, *field, value);
	if (ip->protocol == TCP || *f->checksum)
		*f->checksum = checksum_update32(*f->checksum, *field, value);
	*field = value;
}

ASH_HANDLER(balance_direct)
{
	struct flow f;

	if (!open_flow(ctx, &f))
		return ASH_PASS;
	const struct backend *b = choose(&f);
	return b ? forward(f.lower.ethernet, b->ethernet) : ASH_PASS;
}

ASH_HANDLER(balance_nat)
{
	struct flow f;

	if (!open_flow(ctx, &f))
		return ASH_PASS;
	const struct backend *b = choose(&f);
	if (b) {
		set_address(&f, &f.lower.ip->to, b->address);
		return forward(f.lower.ethernet, b->ethernet);
	}
	for (uint32_t k = 0; k < service.backends && k < BACKENDS; k++)
		if (f.lower.ip->from == service.backend[k].address && f.ports[0] == service.port) {
			set_address(&f, &f.lower.ip->from, service.address);
			return forward(f.lower.ethernet, service.gateway);
		}
	return ASH_PASS;
}
