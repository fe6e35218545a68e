/* limit.c - a drop list and a limit for each source: what a flood should meet first.
 *
 * Sources in a listed prefix are dropped. Every other source may send `rate` frames a second,
 * and `burst` at once (the virtual scheduling algorithm of ITU-T I.371: one time for each
 * source, when its next frame would conform). The table remembers the 4096 busiest sources
 * or so: a new one takes the place, among four, of the one that has been quiet for longest.
 * The owner changes `limit` and reads `counts` at any time. SPDX-License-Identifier: ISC
 */
#include "handler.h"

enum { PREFIXES = 64, SETS = 1024, WAYS = 4 };

struct {
	uint64_t interval; /* nanoseconds for each frame: 1e9 / rate */
	uint64_t burst;    /* frames */
	uint32_t prefixes; /* in use */
	struct prefix {
		be32 address, mask;
	} drop[PREFIXES];
} limit = {
	.interval = 10000000,
	.burst = 5,
	.prefixes = 1,
	.drop = { { 0x000200c0, 0x00ffffff } }, /* 192.0.2.0/24, in memory order */
};

struct {
	uint64_t listed, limited, passed;
} counts;

static struct source {
	be32 address;
	uint64_t next; /* when its next frame conforms exactly */
} sources[SETS][WAYS];

static bool is_listed(be32 address)
{
	for (uint32_t k = 0; k < limit.prefixes && k < PREFIXES; k++)
		if ((address & limit.drop[k].mask) == limit.drop[k].address)
			return true;
	return false;
}

static struct source *find(be32 address)
{
	struct source *set = sources[(address * 2654435761u) >> 22], *oldest = &set[0];

	for (uint32_t k = 0; k < WAYS; k++) {
		if (set[k].address == address)
			return &set[k];
		if (set[k].next < oldest->next)
			oldest = &set[k];
	}
	*oldest = (struct source){ .address = address };
	return oldest;
}

static bool conforms(struct source *s, uint64_t now)
{
	if (s->next < now)
		s->next = now;
	if (s->next - now + limit.interval > limit.interval * limit.burst)
		return false;
	s->next += limit.interval;
	return true;
}

ASH_HANDLER(limit_sources)
{
	uint8_t *begin = frame_begin(ctx);
	struct ethernet *ethernet = (struct ethernet *)begin;
	struct ipv4 *ip = (struct ipv4 *)(begin + sizeof *ethernet);

	if ((uint8_t *)(ip + 1) > frame_end(ctx) || ethernet->type != swap16(TYPE_IPV4))
		return ASH_PASS;
	if (is_listed(ip->from)) {
		counts.listed++;
		return ASH_CONSUME;
	}
	if (!conforms(find(ip->from), ctx->time)) {
		counts.limited++;
		return ASH_CONSUME;
	}
	counts.passed++;
	return ASH_PASS;
}
