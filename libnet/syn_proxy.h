/* libnet/syn_proxy.h - the handler ash/handlers/syn_proxy.c for a TCP port of ours, and its part in
 * our TCP: our first sequence number for a peer is the cookie that it sent back.
 * Layer: libnet. SPDX-License-Identifier: ISC */
#pragma once
#include "libnet/handler.h"

/* As handler_load, of the object's program syn_proxy; a page behind the handler's is shared with it,
 * under a key that nobody can guess. One for a program. Also returns -E_NOSYS: there are no random
 * numbers. */
long syn_proxy_load(struct handler *, uint32_t filter, uint64_t at, const void *object,
                    size_t size);
