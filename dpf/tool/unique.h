/* dpf/tool/unique.h - other IP addresses in each round of a capture, so that its flows are new
 * ones. SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>

/* Change an Ethernet frame's source and destination by `by`, one up and the other down, as
 * tcpreplay's --unique-ip does: the greater becomes smaller, the smaller greater. Of IPv6
 * addresses the last 32 bits change. The sum of both stays, hence every checksum too, but for
 * addresses that would wrap: those stay as they are. Frames that are not IP stay, too. */
void unique_addresses(uint8_t *frame, uint32_t n, uint32_t by);
