/* libnet/port/port.h - the functions that lwIP's port is made of.
 *
 * lwIP keeps its state in globals, so its packet memory is one, too: `port_heap`.
 * Who runs the stack (libnet/stack.c, or a host test) also defines sys_now,
 * port_random_seed and port_panic.
 * Layer: libnet/port. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap;
extern struct heap port_heap;

void *port_malloc(size_t size);
void *port_calloc(size_t count, size_t size);
void port_free(void *block);

/* The complemented-nothing Internet sum lwIP's LWIP_CHKSUM wants, in memory order. */
uint16_t port_checksum(const void *data, int length);
/* The same of bytes that are copied meanwhile. */
uint16_t port_copy_checksum(void *to, const void *from, uint16_t length);

/* A stream of numbers from the seed: ports, IP identifications, jitter. */
uint32_t port_random(void);

/* Set the key of port_random and port_tcp_isn, once, before lwip_init. */
void port_seed(const uint64_t key[2]);

/* Our first sequence number for a peer, IPv4 address and port as on the wire, where somebody has
 * given it away already (libnet/syn_proxy.c). NULL: nobody does that. */
extern bool (*port_known_isn)(uint32_t address, uint16_t port, uint32_t *isn);

_Noreturn void port_panic(const char *why, const char *file, int line);
void port_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
