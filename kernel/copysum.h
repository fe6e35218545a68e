/* kernel/copysum.h - copy and checksum in one pass. SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>

/* Copy n bytes and return their Internet checksum (RFC 1071), folded to 16 bits and not
 * complemented, in network byte order as it lies in memory. `to` may be `from`, to sum only. */
uint16_t copysum(void *to, const void *from, uint32_t n);
