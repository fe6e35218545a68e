/* syn_proxy.c - a SYN proxy: the handler shakes hands in its owner's place, with a cookie for its
 * first sequence number and no state (Bernstein, 1996; RFC 4987, 3.6). A peer that sends the
 * cookie back exists: then its SYN is made anew and delivered, and its ACK after it.
 *
 * The owner's TCP answers with the cookie as its own first sequence number (it finds it in the
 * page that both share: syn_proxy.h), so that what both have said is the same, and no segment has to
 * be changed afterwards. The peer's maximum segment size is in the cookie; its other options
 * are not used. Counter 0 has the SYNs answered, counter 1 the peers let in.
 * SPDX-License-Identifier: ISC
 */
#include "handler.h"
#include "siphash.h"
#include "syn_proxy.h"

enum { MINUTE_BITS = 36 /* of nanoseconds: 69 s */, WINDOW = 64240, OUR_MSS = 1460,
       OPTION_END = 0, OPTION_NONE = 1, OPTION_MSS = 2, MSS_LENGTH = 4 };

static const uint16_t sizes[] = { 536, 1220, 1440, 1460 };

/* TCP with the one option. */
struct syn {
	struct tcp tcp;
	uint8_t kind, length;
	be16 mss;
};
_Static_assert(sizeof(struct syn) == 24, "no padding");

/* A frame of our own; IPv4's header begins at a multiple of four. */
static struct {
	uint16_t zero;
	struct ethernet ethernet;
	struct ipv4 ip;
	struct syn syn;
} made;
enum { MADE_LENGTH = sizeof(struct ethernet) + sizeof(struct ipv4) + sizeof(struct syn) };
_Static_assert(sizeof made == 2 + MADE_LENGTH, "no padding");

struct syn_proxy own = { .key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };

/* About a SYN, `known` is four times the minute, and which of sizes[] it takes. The three lowest bits
 * of a cookie are known's; the rest is SipHash of the flow, the peer's first sequence number,
 * and known. */
static uint32_t cookie(const struct syn_proxy *p, const struct ipv4 *ip, const struct tcp *tcp,
                       uint32_t first, uint64_t known)
{
	uint64_t word[3] = { (uint64_t)ip->from << 32 | ip->to,
		             (uint64_t)first << 32 | (uint32_t)tcp->from << 16 | tcp->to, known };

	return ((uint32_t)siphash(p->key, word, 3) & ~7u) | (known & 7);
}

/* Which of sizes[] the peer takes: its option, or else the least. */
static uint32_t size_of(const struct tcp *tcp, const uint8_t *end)
{
	const uint8_t *at = (const uint8_t *)(tcp + 1), *stop = (const uint8_t *)tcp + (tcp->offset >> 4) * 4;
	uint32_t size = 0;

	if (stop > end)
		stop = end;
	while (at < stop && *at != OPTION_END) {
		if (*at == OPTION_NONE) {
			at++;
			continue;
		}
		if (at + 2 > stop || at[1] < 2 || at + at[1] > stop)
			break;
		if (at[0] == OPTION_MSS && at[1] == MSS_LENGTH)
			while (size < 3 && sizes[size + 1] <= (at[2] << 8 | at[3]))
				size++;
		at += at[1];
	}
	return size;
}

static void put_syn(struct syn *s, struct ipv4 *ip, uint8_t flags, uint32_t mss)
{
	s->tcp.offset = sizeof *s / 4 << 4;
	s->tcp.flags = flags;
	s->tcp.urgent = 0;
	s->kind = OPTION_MSS;
	s->length = MSS_LENGTH;
	s->mss = swap16((uint16_t)mss);
	ip->length = swap16(sizeof *ip + sizeof *s);
	ipv4_checksum(ip);
	transport_checksum(ip, &s->tcp, sizeof *s, &s->tcp.checksum);
}

/* The SYN becomes a SYN-ACK with a cookie. */
static uint32_t challenge(struct ash_ctx *c, struct syn_proxy *p, struct ipv4_frame *f,
                          struct tcp *tcp, uint64_t minute)
{
	struct ipv4 *ip = f->ip;
	uint32_t first = swap32(tcp->sequence);
	uint32_t value = cookie(p, ip, tcp, first, minute << 2 | size_of(tcp, f->end));
	struct syn_flow *flow = syn_flow(p, ip->from, tcp->from);
	be16 port = tcp->from;

	if (f->payload + sizeof(struct syn) > frame_limit(c))
		return ASH_PASS;
	if (flow->address == ip->from && flow->port == port)
		flow->known = 0; /* it begins anew */
	swap_ethernet(f->ethernet);
	swap_ipv4(ip);
	tcp->from = tcp->to;
	tcp->to = port;
	tcp->acknowledged = swap32(first + 1);
	tcp->sequence = swap32(value);
	tcp->window = swap16(WINDOW);
	put_syn((struct syn *)tcp, ip, TCP_SYN | TCP_ACK, OUR_MSS);
	c->data_end = c->data + (uint32_t)(f->payload - frame_begin(c) + sizeof(struct syn));
	ash_count(0, 1);
	return ASH_REPLY;
}

/* The SYN that the peer once sent, as far as we know it, before the ACK that came. */
static void admit(struct syn_proxy *p, const struct ipv4_frame *f, const struct tcp *tcp,
                  uint32_t value)
{
	struct syn_flow *flow = syn_flow(p, f->ip->from, tcp->from);

	made.ethernet = *f->ethernet;
	made.ip = *f->ip;
	made.syn.tcp = *tcp;
	made.syn.tcp.sequence = swap32(swap32(tcp->sequence) - 1);
	made.syn.tcp.acknowledged = 0;
	put_syn(&made.syn, &made.ip, TCP_SYN, sizes[value & 3]);
	if (ash_deliver(&made.ethernet, MADE_LENGTH))
		return;
	*flow = (struct syn_flow){ f->ip->from, value, tcp->from, 1 };
	ash_count(1, 1);
}

ASH_HANDLER(syn_proxy)
{
	struct syn_proxy *p = ctx->shared >= sizeof *p ? (struct syn_proxy *)(uintptr_t)ASH_PAGES : &own;
	struct ipv4_frame f;

	if (!ipv4_open(ctx, TCP, &f))
		return ASH_PASS;
	struct tcp *tcp = (struct tcp *)f.payload;
	if ((uint8_t *)(tcp + 1) > f.end || tcp->offset >> 4 < 5)
		return ASH_PASS;
	uint64_t minute = (ctx->time >> MINUTE_BITS) + 1;
	uint32_t kind = tcp->flags & (TCP_SYN | TCP_ACK | TCP_RST);
	if (kind == TCP_SYN)
		return challenge(ctx, p, &f, tcp, minute);
	const struct syn_flow *flow = syn_flow(p, f.ip->from, tcp->from);
	if (kind != TCP_ACK ||
	    (flow->known && flow->address == f.ip->from && flow->port == tcp->from))
		return ASH_PASS;
	uint32_t value = swap32(tcp->acknowledged) - 1;
	if ((minute & 1) != (value >> 2 & 1))
		minute--;
	if (value == cookie(p, f.ip, tcp, swap32(tcp->sequence) - 1, minute << 2 | (value & 3)))
		admit(p, &f, tcp, value);
	return ASH_PASS;
}
