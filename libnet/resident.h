/* libnet/resident.h - the environment that keeps the address for the others (apps/ipd).
 *
 * It takes every ARP, IPv4 and IPv6 frame that nobody claims: resolves neighbours, gets a
 * lease (DHCP) and prefixes (SLAAC), answers pings, refuses closed ports; and it publishes
 * what it has learned (libnet/share.h). lwIP in its `owner` configuration.
 * Layer: libnet. SPDX-License-Identifier: ISC
 */
#pragma once

/* Start: the ring, the filter, the right to carve from it published. Returns 0, or what
 * nic_open or nic_filter returned. */
long resident_start(void);

/* One turn of its loop: the others' requests, frames, timers, the share page; then sleep. */
void resident_turn(void);
