/* libnet/port/arch/cc.h - what lwIP asks of the compiler and the machine.
 * The name and place are lwIP's (lwip/arch.h includes "arch/cc.h").
 * SPDX-License-Identifier: ISC */
#pragma once
#include <limits.h>
#include <sys/types.h>
#include "libnet/port/port.h"

#define BYTE_ORDER LITTLE_ENDIAN
#define lwip_htons(x) __builtin_bswap16(x)
#define lwip_htonl(x) __builtin_bswap32(x)
#define LWIP_NO_UNISTD_H 1 /* ssize_t is in sys/types.h: */
#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX
#endif
#define LWIP_NO_CTYPE_H 0
#define LWIP_PLATFORM_ASSERT(why) port_panic(why, __FILE__, __LINE__)
#define LWIP_PLATFORM_DIAG(message) port_log message
