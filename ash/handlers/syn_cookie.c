/* syn_cookie.c - a SYN reaches the owner only from a source that has shown that it receives
 * what is sent to it: a flood of forged ones costs the owner nothing.
 *
 * A source that is not known gets a SYN-ACK whose acknowledgement is a cookie instead of the
 * number it waits for. RFC 9293, 3.5.2, then has it send a RST with the cookie as sequence
 * number, and stay in SYN-SENT: it sends its SYN again, and as it is known by now, the owner
 * gets that and all that follows. No application notices, and there is no state before the
 * cookie is back. It is SipHash-2-4 of addresses, ports and the minute, under `key`, which
 * the owner sets before it binds the handler. SPDX-License-Identifier: ISC
 */
#include "handler.h"
#include "siphash.h"

enum { PORT = 80, SOURCES = 4096, MINUTE_BITS = 36 /* of nanoseconds: 69 s */, KNOWN_MINUTES = 10 };

uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 }; /* the owner's, secret */

static struct source {
	be32 address;
	uint32_t until; /* minute */
} sources[SOURCES];

static be32 cookie(const struct ipv4 *ip, const struct tcp *tcp, uint32_t minute)
{
	uint64_t word[2] = { (uint64_t)ip->from << 32 | ip->to,
		             (uint64_t)minute << 32 | (uint32_t)tcp->from << 16 | tcp->to };

	return (be32)siphash(key, word, 2);
}

static struct source *slot(be32 address)
{
	return &sources[address * 2654435761u >> 20];
}

static bool is_known(be32 address, uint32_t minute)
{
	struct source *s = slot(address);

	if (s->address != address || s->until < minute)
		return false;
	s->until = minute + KNOWN_MINUTES;
	return true;
}

/* The SYN becomes a SYN-ACK with a cookie, and no options. */
static uint32_t challenge(struct ash_ctx *c, struct ipv4_frame *f, struct tcp *tcp, be32 value)
{
	struct ipv4 *ip = f->ip;
	be16 port = tcp->from;

	swap_ethernet(f->ethernet);
	swap_ipv4(ip);
	ip->length = swap16(sizeof *ip + sizeof *tcp);
	ipv4_checksum(ip);
	tcp->from = tcp->to;
	tcp->to = port;
	tcp->acknowledged = value;
	tcp->sequence = 0;
	tcp->offset = sizeof *tcp / 4 << 4;
	tcp->flags = TCP_SYN | TCP_ACK;
	tcp->window = 0;
	tcp->urgent = 0;
	transport_checksum(ip, tcp, sizeof *tcp, &tcp->checksum);
	c->data_end = c->data + (uint32_t)(f->payload - frame_begin(c) + sizeof *tcp);
	return ASH_REPLY;
}

ASH_HANDLER(syn_cookie)
{
	struct ipv4_frame f;

	if (!ipv4_open(ctx, TCP, &f))
		return ASH_PASS;
	struct tcp *tcp = (struct tcp *)f.payload;
	if ((uint8_t *)(tcp + 1) > f.end || tcp->to != swap16(PORT))
		return ASH_PASS;
	/* From 1 on: a table of zeros knows nobody. */
	uint32_t minute = (uint32_t)(ctx->time >> MINUTE_BITS) + 1;
	bool syn = (tcp->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
	if (syn && !is_known(f.ip->from, minute))
		return challenge(ctx, &f, tcp, cookie(f.ip, tcp, minute));
	if (!(tcp->flags & TCP_RST) || (tcp->sequence != cookie(f.ip, tcp, minute) &&
	                                tcp->sequence != cookie(f.ip, tcp, minute - 1)))
		return ASH_PASS;
	*slot(f.ip->from) = (struct source){ f.ip->from, minute + KNOWN_MINUTES };
	return ASH_CONSUME;
}
