/* libnet/port/owner/lwipopts.h - lwIP for the environment that owns the address: ARP, ND,
 * ICMP, DHCP, group membership, and refusals for what nobody claimed.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "libnet/port/options.h"

#define LWIP_ARP 1
#define ARP_TABLE_SIZE 64
#define ARP_QUEUEING 1
#define ARP_QUEUE_LEN 3
#define ETHARP_TABLE_MATCH_NETIF 0
#define ETHARP_SUPPORT_STATIC_ENTRIES 0
#define LWIP_DHCP 1
#define LWIP_DHCP_DOES_ACD_CHECK 0 /* it takes 4 to 7 seconds; see docs/libnet.md */
#define LWIP_ACD 0
#define LWIP_DHCP_MAX_DNS_SERVERS 1
#define LWIP_DNS 1 /* keeps the server's address; nothing is asked */
#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_IGMP 1
#define LWIP_IPV6_MLD 1
#define MEMP_NUM_IGMP_GROUP 64 /* others' too; when they are used up, nobody joins */
#define MEMP_NUM_MLD6_GROUP 64
#define LWIP_IPV6_AUTOCONFIG 1
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 1
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS 1
#define LWIP_ND6_NUM_NEIGHBORS 32
#define LWIP_ND6_NUM_DESTINATIONS 32
#define LWIP_MULTICAST_PING 1
#define LWIP_BROADCAST_PING 0

#define MEMP_NUM_TCP_PCB 4 /* it opens none, and answers the unclaimed with resets */
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_UDP_PCB 8
#define MEMP_NUM_TCP_SEG 16
#define MEMP_NUM_PBUF 64
#define MEMP_NUM_REASSDATA 8
#define MEMP_NUM_FRAG_PBUF 64
#define MEMP_NUM_ARP_QUEUE 32
#define MEMP_NUM_ND6_QUEUE 32
#define MEMP_NUM_SYS_TIMEOUT (LWIP_NUM_SYS_TIMEOUT_INTERNAL + 8)
#define TCP_MSS 536
#define TCP_WND (4 * TCP_MSS)
#define TCP_SND_BUF (2 * TCP_MSS)
