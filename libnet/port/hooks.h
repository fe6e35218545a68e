/* libnet/port/hooks.h - lwIP's hooks. Included by lwIP where it has its types.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>
#include "lwip/ip_addr.h"

/* RFC 6528: a clock of 4 microseconds plus a keyed hash of the connection. */
uint32_t port_tcp_isn(const ip_addr_t *local, uint16_t local_port, const ip_addr_t *remote,
                      uint16_t remote_port);
