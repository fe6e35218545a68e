/* libnet/stack.h - lwIP for a program that shares the address: the tenant, its ports, its loop.
 *
 * A port is reserved by inserting its filter; the kernel's classifier is the only table of
 * who has which. lwIP's own choice of a local port is not reserved: bind to what
 * stack_ephemeral returns before connecting.
 * Layer: libnet. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdint.h>

enum stack_protocol { STACK_TCP = 6, STACK_UDP = 17 };

/* Start: the ring, lwIP, an interface that follows libnet/share.h. Returns 0, or what
 * nic_open returned. */
long stack_start(void);

/* Take all that comes to a port of ours, of both families, and the ICMP errors about what is
 * sent from it. Returns the reservation, for stack_release, or
 *   -E_OVERLAP  somebody has it
 *   -E_PERM, -E_NOSPC, -E_NOMEM, -E_LIMIT  as sys_filter_insert */
long stack_reserve(enum stack_protocol, uint16_t port);

/* Reserve a port nobody has, at random from 49152 to 65535 (RFC 6056, 3.3.1). Returns the
 * reservation, with *port set, or -E_BUSY (no luck), or as stack_reserve. */
long stack_ephemeral(enum stack_protocol, uint16_t *port);

/* Get a copy of each broadcast and multicast datagram to a UDP port, whoever else gets it.
 * Needs RIGHT_READ in args.nic. Returns the reservation, or as stack_reserve. */
long stack_subscribe(uint16_t port);

/* Take what a filter of our own accepts (exo/filter.h, `length` bytes). Returns the reservation, a
 * slot of CAP_FILTER as the others are, or as stack_reserve, or -E_INVAL. */
long stack_filter(const void *filter, uint32_t length);

void stack_release(long reservation);

/* One turn of the loop: frames, timers, what the owner of the address has changed; then sleep. The addresses
 * may still be none; share_read_lease tells. */
void stack_turn(void);
