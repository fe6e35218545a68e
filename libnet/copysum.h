/* libnet/copysum.h - copy and checksum in one pass over the data: a DILP pipeline (ash/dilp.h), composed when the
 * program starts.
 * Layer: libnet, pure; who has executable memory gives it the loop. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "ash/dilp.h"

/* Emit the loop of copy and checksum into code[0, cap). Returns its length, or -E_NOSPC. */
int copysum_build(uint8_t *code, size_t cap);

/* Use that loop from now on; it is executable and stays. NULL, as at the start: two passes. */
void copysum_use(dilp_entry *loop);

/* Copy n bytes from `from` to `to`, of any alignment, which do not overlap. Returns checksum_sum of them
 * (libnet/checksum.h). */
uint16_t copysum(void *to, const void *from, size_t n);
