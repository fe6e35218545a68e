/* libnet/nic.h - the program's packet ring on the network interface, and its clock.
 *
 * One ring for each program, as lwIP keeps its state in globals. Its region, at EXOS_RING:
 *
 *   page 0        struct exo_ring
 *   pages 1..64   EXO_RING_N receive buffers
 *   then          the program's file, read-only, to be sent from where it lies
 *   the rest      port_heap: packets that lwIP builds
 *
 * Layer: libnet. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/cap.h"
#include "exo/wait.h"
#include "libnet/interface.h"

/* Bind the interface that args.nic names, make the ring, start lwIP (lwip_init) over a heap in
 * the region. Returns 0, or what the failing system call returned. */
long nic_open(void);

const struct ring *nic_ring(void);
void nic_mac(uint8_t mac[6]);
uint16_t nic_mtu(void);

/* The program's file in the region, args.file_size bytes; NULL: it was given none. */
const void *nic_file(void);

/* For struct interface_kind. */
void nic_send(struct interface *);

/* Deliver what a filter of dpf/build.h accepts to our ring. `length` is what the builder
 * returned; carve (NULL: none) names a filter that it may take frames from. Returns a slot
 * of CAP_FILTER, or the builder's error, or sys_filter_insert's. */
long nic_filter(const void *filter, long length, const struct exo_cap *carve);

/* The same, taking frames from all filters below it, whosever they are: -E_PERM if we may not. */
long nic_filter_over(const void *filter, uint32_t length);

enum { NIC_TERMS = 4 };

/* Give received frames to lwIP, run its timers, send. Returns whether there is more to do. */
bool nic_work(struct interface *);

/* Sleep until a frame comes, a timer is due, an entry is free that somebody waits for, or one
 * of the n <= NIC_TERMS words in `also` is no longer what it was (op and or_ are set here). */
void nic_sleep(struct interface *, const struct exo_wait_term *also, uint32_t n);
