/* syn_proxy.h - what ash/handlers/syn_proxy.c and its owner's TCP share, in one page.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>

enum { SYN_FLOWS = 256 };

struct syn_proxy {
	uint64_t key[2]; /* by the owner, secret */
	/* By the handler: who has sent a cookie back. The owner's first sequence number for that
	 * peer is the cookie. Address and port as on the wire. */
	struct syn_flow {
		uint32_t address, cookie;
		uint16_t port, known;
	} flow[SYN_FLOWS];
};
_Static_assert(sizeof(struct syn_proxy) <= 4096, "a page");

static inline struct syn_flow *syn_flow(struct syn_proxy *p, uint32_t address, uint16_t port)
{
	return &p->flow[(address ^ (uint32_t)port << 8) * 2654435761u >> 24];
}
