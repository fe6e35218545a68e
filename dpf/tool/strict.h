/* dpf/tool/strict.h - the strict meaning of expressions (dpf-filter(7)), as classic BPF.
 *
 * Words mean protocols, wherever they are: tags are looked through, whatever their number
 * and the order of the words, and so are IPv6 extension headers.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/tool/code.h"
#include "dpf/tool/syntax.h"

/* Scratch memory that the beginning of a program fills in. */
enum {
	STRICT_NETWORK,     /* offset of the network header */
	STRICT_TYPE,        /* its EtherType; 0: none */
	STRICT_PROTO,       /* IP protocol, behind the extension headers */
	STRICT_TRANSPORT,   /* offset of its header; 0: not in this frame, a later fragment */
	STRICT_SESSION,     /* PPPoE's | STRICT_THERE; or of an LLC header, its offset | STRICT_LLC;
	                       0: neither */
	STRICT_VLAN,        /* identifiers, each | STRICT_THERE */
	STRICT_MPLS = STRICT_VLAN + 3,
	STRICT_TEMPORARY = STRICT_MPLS + 3, /* from here on: for arithmetic */
	STRICT_SLOTS = 16,
};
enum {
	STRICT_VLANS = 3, STRICT_LABELS = 3, /* looked through */
	STRICT_HEADERS = 8,                  /* IPv6 extension headers looked through */
	STRICT_THERE = 1 << 24,
	STRICT_LLC = 1 << 25,
};

/* How far the headers must be found. */
enum strict_depth { STRICT_FRAME, STRICT_TO_NETWORK, STRICT_TO_TRANSPORT };

/* Write the beginning for a link type. False when it is none of those that dpf reads. */
bool strict_dissect(struct code *c, int link, enum strict_depth depth);

/* Translate. The program is *c's, or false with *message and *where: what the strict meaning
 * does not cover. */
bool strict_compile(struct code *c, const struct syntax *s, int link, uint32_t snaplen,
                    const char **message, struct token *where);
