/* libnet/siphash.h - SipHash-2-4, a keyed hash of short messages (Aumasson & Bernstein,
 * INDOCRYPT 2012). Layer: libnet, pure. SPDX-License-Identifier: ISC */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The hash of message[0, n) under key. Constant time for a given n. */
uint64_t siphash(const uint64_t key[2], const void *message, size_t n);
