/* udp_echo.c - RFC 862 over UDP: every datagram to port 7 goes back as it came.
 *
 * Nothing but swapped addresses, so that no checksum of the payload is needed. Datagrams
 * from low ports are left alone: two echo services must not talk to each other for ever.
 * The same object runs on Linux as an XDP program. SPDX-License-Identifier: ISC
 */
#include "handler.h"

enum { PORT = 7, LOW_PORTS = 1024 };

ASH_HANDLER(udp_echo)
{
	struct udp_frame f;

	if (!udp_open(ctx, PORT, &f) || swap16(f.udp->from) < LOW_PORTS)
		return ASH_PASS;
	be16 port = f.udp->from;
	f.udp->from = f.udp->to;
	f.udp->to = port;
	swap_ipv4(f.lower.ip);
	swap_ethernet(f.lower.ethernet);
	return ASH_REPLY;
}
