/* icmp_echo.c - answers ping: RFC 792's echo request becomes its reply, in place.
 *
 * Only the type changes, so the checksum is updated, not computed: a request with a bad one
 * gets a reply with a bad one. The same object runs on Linux as an XDP program.
 * SPDX-License-Identifier: ISC
 */
#include "handler.h"

enum { ECHO_REPLY = 0, ECHO_REQUEST = 8 };

ASH_HANDLER(icmp_echo)
{
	struct ipv4_frame f;

	if (!ipv4_open(ctx, ICMP, &f))
		return ASH_PASS;
	struct icmp *icmp = (struct icmp *)f.payload;
	if (f.payload + sizeof *icmp > frame_end(ctx) || icmp->type != ECHO_REQUEST || icmp->code)
		return ASH_PASS;
	icmp->type = ECHO_REPLY;
	icmp->checksum = checksum_update(icmp->checksum, ECHO_REQUEST, ECHO_REPLY);
	swap_ipv4(f.ip);
	swap_ethernet(f.ethernet);
	return ASH_REPLY;
}
