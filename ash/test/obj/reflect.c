/* reflect.c - for boot/linux/bench.py: datagrams to port 7 that begin with 'd' are dropped, all
 * others go back as they came.
 *
 * Compiled for version 3 of the instruction set, and without the lengths that udp_open checks, so that
 * Linux 6.1 takes the same object as an XDP program: its verifier loses a length when its
 * bytes are swapped. SPDX-License-Identifier: ISC
 */
#include "handler.h"

enum { PORT = 7 };

ASH_HANDLER(reflect)
{
	struct ethernet *ethernet = (struct ethernet *)frame_begin(ctx);
	struct ipv4 *ip = (struct ipv4 *)(ethernet + 1);
	struct udp *udp = (struct udp *)(ip + 1);
	uint8_t *payload = (uint8_t *)(udp + 1);

	if (payload + 1 > frame_end(ctx) || ethernet->type != swap16(TYPE_IPV4) ||
	    ip->version_length != 0x45 || ip->protocol != UDP || udp->to != swap16(PORT))
		return ASH_PASS;
	if (*payload == 'd')
		return ASH_CONSUME;
	be16 port = udp->from;
	udp->from = udp->to;
	udp->to = port;
	swap_ipv4(ip);
	swap_ethernet(ethernet);
	return ASH_REPLY;
}
