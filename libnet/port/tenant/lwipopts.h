/* libnet/port/tenant/lwipopts.h - lwIP for an environment that shares the address.
 * No ARP, ND or DHCP of its own. SPDX-License-Identifier: ISC */
#pragma once
#include "libnet/port/options.h"

#define LWIP_ARP 0
#define LWIP_DHCP 0
#define LWIP_DNS 0
#define LWIP_IGMP 1 /* membership only: libnet/tenant.c */
#define LWIP_IPV6_MLD 1
#define MEMP_NUM_IGMP_GROUP 16
#define MEMP_NUM_MLD6_GROUP 16
#define LWIP_IPV6_AUTOCONFIG 0
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 0
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS 0
#define LWIP_ND6_QUEUEING 0
#define LWIP_ND6_NUM_NEIGHBORS 1
#define LWIP_ND6_NUM_DESTINATIONS 1

#define MEMP_NUM_TCP_PCB 512
#define MEMP_NUM_TCP_PCB_LISTEN 16
#define MEMP_NUM_UDP_PCB 32
#define MEMP_NUM_TCP_SEG 2048
#define MEMP_NUM_PBUF 1024
#define MEMP_NUM_REASSDATA 8
#define MEMP_NUM_FRAG_PBUF 32
#define MEMP_NUM_SYS_TIMEOUT (LWIP_NUM_SYS_TIMEOUT_INTERNAL + 8)

#define TCP_MSS 1460
#define TCP_WND (44 * TCP_MSS) /* 64,240: the most without scaling, half of the ring */
#define TCP_SND_BUF (64 * TCP_MSS)
#define TCP_SND_QUEUELEN 256
#define TCP_SNDLOWAT (16 * TCP_MSS)
#define TCP_SNDQUEUELOWAT 64
#define LWIP_WND_SCALE 1 /* for the peer's window; ours needs none */
#define TCP_RCV_SCALE 0
#define TCP_OVERSIZE 256
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_PBUFS 16 /* of a connection: each holds a ring buffer */
#define LWIP_TCP_SACK_OUT 1
#define TCP_LISTEN_BACKLOG 1
#define LWIP_TCP_KEEPALIVE 1
#define LWIP_TCP_TIMESTAMPS 0
#define TCP_MSL 5000 /* ms; TIME_WAIT lasts twice that */
