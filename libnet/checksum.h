/* libnet/checksum.h - the Internet checksum (RFC 1071), and using the kernel's.
 * Layer: libnet, pure. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The ones' complement sum of data[0, n), as 16-bit words in memory order, an odd last
 * byte padded with zero; not complemented. */
uint16_t checksum_sum(const void *data, size_t n);

/* Do the IP header's checksum and the TCP or UDP one of this packet hold, given `sum`, the checksum_sum of
 * all n bytes from the IP header on? Reads the headers only. False also means "cannot
 * tell": fragments, extension headers, other protocols, no checksum, bytes after the
 * packet's end; then the stack has to add up for itself. */
bool checksum_holds(const uint8_t *packet, size_t n, uint16_t sum);
