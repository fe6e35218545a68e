/* kernel/fragment.h - IP fragments, beside the filters: later ones show no ports.
 *
 * What comes in: a later fragment goes where the first one of its datagram went. One that
 * comes before the first is held for a while. What goes out: a later fragment
 * may be sent by whom the first one was.
 *
 * A datagram is named by a keyed hash of its addresses, identification and (IPv4) protocol,
 * which nobody outside can aim. Each environment has entries of its own, so that one that gets
 * many datagrams pushes out its own only. Entries go stale with the filter they name.
 * Behind up to two VLAN tags, which are part of the name: each VLAN has datagrams of its own.
 * Source: RFC 791, section 3.2; RFC 8200, section 4.5; IEEE 802.1Q, section 9. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/ring.h"

struct nic_frame;

enum {
	FRAGMENT_OWN = 16,      /* datagrams remembered for an environment, each way */
	FRAGMENT_MS = 30000,    /* how long (Linux waits as long for the rest of a datagram) */
	FRAGMENT_COPIES = 3,    /* subscribers to the first fragment that get the later ones */
	FRAGMENT_HELD = 32,     /* fragments held; one more gives up the oldest */
	FRAGMENT_HELD_MS = 500, /* how long */
	FRAGMENT_TAGS = 2,      /* VLAN tags looked through */
	FRAGMENT_HEADERS = 8,   /* IPv6 extension headers looked through for a fragment header */
};

void fragment_init(void);

/* One fragment of a datagram. */
struct fragment {
	uint64_t name; /* the datagram's */
	bool first;
};

/* Does a VLAN tag begin here, in place of an EtherType? */
static inline bool fragment_tagged(const uint8_t *type)
{
	uint32_t v = (uint32_t)type[0] << 8 | type[1];

	return v == 0x8100 || v == 0x88a8 || v == 0x9100;
}

/* Could it be one? Cheap, and mostly no. */
static inline bool fragment_possible(const uint8_t *frame, uint32_t captured)
{
	const uint64_t extensions = 1ull << 0 | 1ull << 43 | 1ull << 44 | 1ull << 60;

	if (captured < 34)
		return false;
	if (frame[12] == 0x08 && frame[13] == 0x00)
		return (frame[20] & 0x3f) | frame[21]; /* more to come, or an offset */
	if (frame[12] == 0x86 && frame[13] == 0xdd)
		return frame[20] < 64 && extensions >> frame[20] & 1;
	return fragment_tagged(frame + 12);
}

/* fragment_read for a frame that passed fragment_possible. */
bool fragment_parse(const uint8_t *frame, uint32_t captured, struct fragment *out);

/* Is this frame, of which `captured` bytes are there, a fragment? Sets *out if so. */
static inline bool fragment_read(const uint8_t *frame, uint32_t captured, struct fragment *out)
{
	return fragment_possible(frame, captured) && fragment_parse(frame, captured, out);
}

/* Where a datagram's first fragment went: filters, by number. */
struct fragment_route {
	uint32_t winner; /* 0: nobody */
	uint32_t n;
	uint32_t copy[FRAGMENT_COPIES];
};

/* A first fragment went there. */
void fragment_went(const struct fragment *f, const struct fragment_route *to);

/* Where this later fragment goes. False: its first one is not known. */
bool fragment_route(const struct fragment *f, struct fragment_route *out);

/* Keep a copy of a later fragment. REQUIRES that fragment_overdue(true, ...) said no. */
void fragment_hold(const struct fragment *f, const struct nic_frame *frame);

/* Take the oldest fragment held of this datagram, or the oldest one whose time is over (or,
 * with make_room, for which there is no room). The bytes stay there until the next
 * fragment_hold. False: there is none. */
bool fragment_held(const struct fragment *f, struct nic_frame *out);
bool fragment_overdue(bool make_room, struct nic_frame *out);

/* When the time of the oldest one held is over, in cycles of the time stamp counter; UINT64_MAX: none is
 * held. */
uint64_t fragment_deadline(void);

/* Environment `id` sends a first fragment. Which one sent the first of this later one's
 * datagram? (0: unknown) */
void fragment_sent(const struct fragment *f, uint32_t id);
uint32_t fragment_sender(const struct fragment *f);
