/* dpf/tool/strict_parts.h - what the translators of the strict meaning share. Each writes code that
 * goes to the label `yes` or `no`, one of which may be FALL. SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/tool/strict.h"

enum { IP4 = 0x0800, ARP = 0x0806, RARP = 0x8035, IP6 = 0x86dd };
enum { TCP = 6, UDP = 17, SCTP = 132 };

/* A protocol by name. Under no type the number is an EtherType; else an IP protocol, in IPv4
 * or IPv6 or (both set) in either. */
struct protocol {
	const char *name;
	uint32_t number;
	bool ip4, ip6;
};

struct strict {
	struct code *c;
	const struct syntax *s;
	int link;
	unsigned temporaries; /* in use */
	const char *message;
	struct token where;
};

/* What is said of words that only libpcap's meaning has. */
extern const char strict_not_covered[];

/* The expression is refused, at this token. The first time counts. */
void strict_refuse(struct strict *x, const struct token *t, const char *message);

/* The protocol of this name, or NULL. */
const struct protocol *strict_protocol(const struct token *t);

/* A = M[slot]; A = big-endian load of this width (1, 2, 4) at M[slot] + offset */
void strict_load_slot(struct strict *x, unsigned slot);
void strict_load_at(struct strict *x, unsigned slot, unsigned width, uint32_t offset);

void strict_if_type(struct strict *x, uint32_t type, uint16_t yes, uint16_t no);

/* Go to no unless the packet is of this protocol. */
void strict_need(struct strict *x, const struct protocol *p, uint16_t no);

/* False after a refusal: the link type has no MAC addresses. */
bool strict_is_ethernet(struct strict *x, const struct token *t);

/* Six bytes at an offset of the frame. */
void strict_if_mac(struct strict *x, uint32_t offset, const uint8_t mac[6], uint16_t yes, uint16_t no);

/* What is compared for one direction; source, destination, either or both, as n says. */
typedef void side_fn(struct strict *x, const void *what, bool source, uint16_t yes, uint16_t no);
void strict_sides(struct strict *x, const struct node *n, side_fn *side, const void *what,
                  uint16_t yes, uint16_t no);

/* Primitives, by what they compare. */
void strict_mac(struct strict *x, const struct node *n, uint16_t yes, uint16_t no);
void strict_network(struct strict *x, const struct node *n, uint16_t yes, uint16_t no);
void strict_port(struct strict *x, const struct node *n, uint16_t yes, uint16_t no);
void strict_proto(struct strict *x, const struct node *n, uint16_t yes, uint16_t no);
/* A protocol of 802.3, without EtherType: stp, ipx, netbeui, iso and its parts. False, with nothing
 * done: t is none of them. */
bool strict_without_type(struct strict *x, const struct token *t, uint16_t yes, uint16_t no);
/* A frame with this destination SAP in its LLC header. */
void strict_sap(struct strict *x, uint32_t sap, uint16_t yes, uint16_t no);
void strict_llc(struct strict *x, const struct node *n, uint16_t yes, uint16_t no);
/* `inbound`, `outbound` */
void strict_way(struct strict *x, const struct node *n, uint16_t yes, uint16_t no);
void strict_geneve(struct strict *x, const struct node *n, uint16_t yes, uint16_t no);
void strict_compare(struct strict *x, const struct node *n, uint16_t yes, uint16_t no);
