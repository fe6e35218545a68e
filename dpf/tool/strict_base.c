/* dpf/tool/strict_base.c - see strict_parts.h: protocols, loads, comparisons.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/strict_parts.h"

static const struct protocol protocols[] = {
	{ "ip", IP4, false, false }, { "ip6", IP6, false, false }, { "ipv6", IP6, false, false },
	{ "pppoed", 0x8863, false, false }, { "aarp", 0x80f3, false, false },
	{ "atalk", 0x809b, false, false }, { "decnet", 0x6003, false, false },
	{ "lat", 0x6004, false, false }, { "sca", 0x6007, false, false },
	{ "moprc", 0x6002, false, false }, { "mopdl", 0x6001, false, false }, { "arp", ARP, false, false }, { "rarp", RARP, false, false },
	{ "tcp", TCP, true, true }, { "udp", UDP, true, true }, { "sctp", SCTP, true, true },
	{ "icmp", 1, true, false }, { "icmp6", 58, false, true }, { "icmpv6", 58, false, true },
	{ "igmp", 2, true, false }, { "igrp", 9, true, false }, { "pim", 103, true, true },
	{ "vrrp", 112, true, true }, { "carp", 112, true, true }, { "ah", 51, true, true },
	{ "esp", 50, true, true },
};

const char strict_not_covered[] =
	"strict meaning: this word is not covered; --libpcap-compat takes it";

void strict_refuse(struct strict *x, const struct token *t, const char *message)
{
	if (x->message)
		return;
	x->message = message;
	x->where = *t;
}

const struct protocol *strict_protocol(const struct token *t)
{
	for (unsigned i = 0; i < sizeof protocols / sizeof *protocols; i++)
		if (token_is(t, protocols[i].name))
			return &protocols[i];
	return NULL;
}

void strict_load_slot(struct strict *x, unsigned slot)
{
	code_put(x->c, BPF_LD | BPF_MEM, slot);
}

/* A = big-endian load of this width (1, 2, 4) at M[slot] + offset */
void strict_load_at(struct strict *x, unsigned slot, unsigned width, uint32_t offset)
{
	unsigned size = width == 4 ? BPF_W : width == 2 ? BPF_H : BPF_B;

	code_put(x->c, BPF_LDX | BPF_MEM, slot);
	code_put(x->c, (uint16_t)(BPF_LD | size | BPF_IND), offset);
}

void strict_if_type(struct strict *x, uint32_t type, uint16_t yes, uint16_t no)
{
	strict_load_slot(x, STRICT_TYPE);
	code_if(x->c, BPF_JEQ, type, yes, no);
}

/* Go to no unless the packet is of this protocol. */
void strict_need(struct strict *x, const struct protocol *p, uint16_t no)
{
	uint16_t right = code_label(x->c);

	if (!p->ip4 && !p->ip6) {
		strict_if_type(x, p->number, FALL, no);
		return;
	}
	strict_load_slot(x, STRICT_TYPE);
	if (p->ip4)
		code_if(x->c, BPF_JEQ, IP4, right, p->ip6 ? FALL : no);
	if (p->ip6)
		code_if(x->c, BPF_JEQ, IP6, right, no);
	code_place(x->c, right);
	strict_load_slot(x, STRICT_PROTO);
	code_if(x->c, BPF_JEQ, p->number, FALL, no);
}

bool strict_is_ethernet(struct strict *x, const struct token *t)
{
	if (x->link == DLT_EN10MB)
		return true;
	strict_refuse(x, t, "strict meaning: only Ethernet has such addresses");
	return false;
}

/* Six bytes at an offset of the frame. */
void strict_if_mac(struct strict *x, uint32_t offset, const uint8_t mac[6], uint16_t yes,
                   uint16_t no)
{
	code_put(x->c, BPF_LD | BPF_W | BPF_ABS, offset + 2);
	code_if(x->c, BPF_JEQ, (uint32_t)mac[2] << 24 | (uint32_t)mac[3] << 16 | mac[4] << 8 | mac[5],
	        FALL, no);
	code_put(x->c, BPF_LD | BPF_H | BPF_ABS, offset);
	code_if(x->c, BPF_JEQ, (uint32_t)(mac[0] << 8 | mac[1]), yes, no);
}

/* Source, destination, either or both. */
void strict_sides(struct strict *x, const struct node *n, side_fn *side, const void *what,
                  uint16_t yes, uint16_t no)
{
	uint16_t second = code_label(x->c);

	switch (n->q.direction) {
	case DIRECTION_SRC: side(x, what, true, yes, no); break;
	case DIRECTION_DST: side(x, what, false, yes, no); break;
	case DIRECTION_BOTH:
		side(x, what, true, second, no);
		code_place(x->c, second);
		side(x, what, false, yes, no);
		break;
	case DIRECTION_OTHER: strict_refuse(x, &n->token, "strict meaning: not for 802.11"); break;
	default:
		side(x, what, true, yes, second);
		code_place(x->c, second);
		side(x, what, false, yes, no);
	}
}

