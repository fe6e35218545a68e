/* offload.c - the checksum offload of IPv4 and UDP, for data on its way to memory: a remote write
 * whose bytes are copied to their place, added up and put through CRC-32C in one pass, by a
 * DILP pipeline that was made native code when the handler was loaded.
 *
 *   request   UDP to port 2002: offset (32 bits), data
 *   reply     offset, length (32 bits), CRC-32C of the data (32 bits); network order
 * The data go to the pages that the owner shares with its handlers, or else to the handler's
 * own. A datagram whose checksum is wrong gets no reply: until there is one, what is there
 * does not count. Counter 0 has the wrong ones. SPDX-License-Identifier: ISC
 */
#include "handler.h"

enum { PORT = 2002, OFFSET = 4, OWN = 1 << 16, WRONG = 0 };

ASH_PIPE_LIST = { { .kind = DILP_COPY }, { .kind = DILP_SUM }, { .kind = DILP_CRC } };

struct answer {
	be32 offset, length, crc;
};

uint8_t own[OWN];

/* The datagram's sum, pseudo-header and all, where its data have `data`. */
static bool sum_is_right(const struct udp_frame *f, uint64_t data)
{
	const struct ipv4 *ip = f->lower.ip;
	uint64_t sum = data + UDP + swap16(f->udp->length);

	if (f->udp->checksum == 0)
		return true; /* RFC 768: none */
	sum = ash_sum(&ip->from, 8, sum);
	return ash_sum(f->udp, sizeof *f->udp + OFFSET, sum) == 0xffff;
}

ASH_HANDLER(offload)
{
	uint32_t size = ctx->shared ? ctx->shared : OWN;
	uint8_t *memory = ctx->shared ? (uint8_t *)(uintptr_t)ASH_PAGES : own;
	struct ash_dilp_result result;
	struct udp_frame f;

	if (!udp_open(ctx, PORT, &f) || f.length <= OFFSET ||
	    f.payload + sizeof(struct answer) > frame_limit(ctx) ||
	    ash_sum(f.lower.ip, sizeof *f.lower.ip, 0) != 0xffff)
		return ASH_PASS;
	uint32_t offset = swap32(*(be32 *)f.payload), length = f.length - OFFSET;
	if (offset > size || length > size - offset)
		return ASH_PASS;
	if (ash_dilp(0, memory + offset, f.payload + OFFSET, length, &result))
		return ASH_PASS;
	if (!sum_is_right(&f, result.sum)) {
		ash_count(WRONG, 1);
		return ASH_CONSUME;
	}
	struct answer *a = (struct answer *)f.payload;
	*a = (struct answer){ swap32(offset), swap32(length), swap32(result.crc) };
	return udp_reply(ctx, &f, sizeof *a);
}
