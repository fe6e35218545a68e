/* libnet/port/options.h - what both builds of lwIP have in common.
 *
 * lwIP is compiled twice from the same untouched sources: `owner`, for the environment
 * that speaks ARP, ND and DHCP for the address, and `tenant`, for all others, which read
 * its results from a page (libnet/share.h). Each has its own lwipopts.h; both
 * include this. One thread, no operating system: NO_SYS.
 * SPDX-License-Identifier: ISC
 */
#pragma once

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_TIMERS 1
#define LWIP_STATS 0
#define LWIP_SINGLE_NETIF 1

/* Packet memory comes from a heap in the ring's region, so that frames are sent from
 * where they were built. Everything else has pools of a fixed size: one kind
 * of object cannot use up another's, and timers never fail for want of memory. */
#define MEM_ALIGNMENT 16
#define MEM_CUSTOM_ALLOCATOR 1
#define MEM_CUSTOM_MALLOC port_malloc
#define MEM_CUSTOM_CALLOC port_calloc
#define MEM_CUSTOM_FREE port_free
#define MEMP_MEM_MALLOC 0
#define PBUF_POOL_SIZE 0 /* received frames stay in the ring's buffers */
#define LWIP_SUPPORT_CUSTOM_PBUF 1

#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_ICMP 1
#define LWIP_UDP 1
#define LWIP_TCP 1
#define LWIP_RAW 0
#define LWIP_ETHERNET 1
#define IP_REASSEMBLY 1
#define IP_FRAG 1
#define IP_REASS_MAX_PBUFS 24 /* at most this many ring buffers are held by fragments */
#define IP_REASS_MAXAGE 5     /* seconds; RFC 791 suggests 15, the ring is small */
#define LWIP_IPV6_REASS 1
#define LWIP_IPV6_FRAG 1
#define IPV6_FRAG_COPYHEADER 1 /* with 64-bit pointers, says ip6_frag.c */
#define LWIP_IPV6_NUM_ADDRESSES 3
#define LWIP_IPV6_DHCP6 0

/* The kernel has added each frame up: see libnet/checksum.h. */
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHKSUM port_checksum

/* What TCP copies it adds up on the way: libnet/copysum.h. */
#define LWIP_CHECKSUM_ON_COPY 1
#define LWIP_CHKSUM_COPY port_copy_checksum

/* The first sequence number of a connection is not for others to guess: RFC 6528. */
#define LWIP_HOOK_FILENAME "libnet/port/hooks.h"
#define LWIP_HOOK_TCP_ISN port_tcp_isn
#define LWIP_RAND port_random
