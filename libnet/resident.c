/* libnet/resident.c - see resident.h. SPDX-License-Identifier: ISC */
#include "libnet/resident.h"
#include <string.h>
#include "dpf/build.h"
#include "exo/page.h"
#include "exo/stub.h"
#include "libnet/exos/context.h"
#include "libnet/exos/exposed.h"
#include "libnet/exos/memory.h"
#include "libnet/nic.h"
#include "libnet/share.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/igmp.h"
#include "lwip/mld6.h"
#include "lwip/nd6.h"
#include "lwip/priv/nd6_priv.h"
#include "lwip/prot/ethernet.h"
#include "lwip/prot/icmp6.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"

enum { PUBLISH_MS = 1000 };

static struct {
	struct interface interface;
	bool stale;                /* the share page may be */
	uint32_t bell;             /* as last heard */
	uint32_t seen[SHARE_DOORS]; /* serial of each environment's last request */
} resident;

static struct share *share(void) { return (struct share *)EXOS_SHARE; }

static const volatile struct share_door *door(void)
{
	return (const volatile struct share_door *)(EXOS_SHARE + EXO_PAGE_SIZE);
}

/* --- Frames --- */

static bool is_neighbour_discovery(const uint8_t *frame, uint16_t length)
{
	const uint8_t *ip = frame + SIZEOF_ETH_HDR;

	return length > SIZEOF_ETH_HDR + IP6_HLEN && ip[6] == IP6_NEXTH_ICMP6 &&
	       ip[IP6_HLEN] >= ICMP6_TYPE_RS && ip[IP6_HLEN] <= ICMP6_TYPE_RD;
}

/* As ethernet_input; frames that may teach us something are noted. */
static err_t input(struct pbuf *p, struct netif *netif)
{
	const struct eth_hdr *eth = p->payload;

	if (eth->type == PP_HTONS(ETHTYPE_ARP) ||
	    (eth->type == PP_HTONS(ETHTYPE_IPV6) && is_neighbour_discovery(p->payload, p->len)))
		resident.stale = true;
	return ethernet_input(p, netif);
}

static const struct interface_kind kind = {
	.send = nic_send,
	.input = input,
	.output4 = etharp_output,
	.output6 = ethip6_output,
	.flags = NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP | NETIF_FLAG_MLD6,
};

/* --- What is published --- */

static void fill_lease4(struct share_lease *l, const struct netif *n)
{
	const ip_addr_t *dns = dns_getserver(0);

	if (ip4_addr_isany(netif_ip4_addr(n)))
		return;
	memcpy(l->address4, netif_ip4_addr(n), 4);
	memcpy(l->mask4, netif_ip4_netmask(n), 4);
	memcpy(l->gateway4, netif_ip4_gw(n), 4);
	if (IP_IS_V4(dns))
		memcpy(l->dns4, ip_2_ip4(dns), 4);
}

static void fill_lease6(struct share_lease *l, const struct netif *n)
{
	for (int8_t i = 0; i < SHARE_ADDRESSES6; i++)
		if (ip6_addr_ispreferred(netif_ip6_addr_state(n, i)))
			memcpy(&l->address6[i], netif_ip6_addr(n, i)->addr, 16);
	if (default_router_list[0].neighbor_entry)
		memcpy(&l->router6, default_router_list[0].neighbor_entry->next_hop_address.addr,
		       16);
}

static void add_neighbour(struct share *s, uint32_t *n, const struct share_ip *ip,
                          const uint8_t mac[6])
{
	if (*n == SHARE_NEIGHBOURS)
		return;
	struct share_neighbour *e = &s->neighbour[(*n)++];
	e->ip = *ip;
	e->known = 1;
	memcpy(e->mac, mac, 6);
}

static void fill_neighbours(struct share *s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < ARP_TABLE_SIZE; i++) {
		ip4_addr_t *ip;
		struct netif *netif;
		struct eth_addr *mac;

		if (!etharp_get_entry(i, &ip, &netif, &mac))
			continue;
		struct share_ip as = share_ip4((const uint8_t *)&ip->addr);
		add_neighbour(s, &n, &as, mac->addr);
	}
	for (int i = 0; i < LWIP_ND6_NUM_NEIGHBORS; i++) {
		const struct nd6_neighbor_cache_entry *e = &neighbor_cache[i];
		struct share_ip ip;

		if (e->state < ND6_REACHABLE)
			continue;
		memcpy(ip.byte, e->next_hop_address.addr, sizeof ip.byte);
		add_neighbour(s, &n, &ip, e->lladdr);
	}
}

/* Readers look only when something has changed. */
static void publish(void)
{
	static struct share new;

	resident.stale = false;
	memset(&new.lease, 0, sizeof new.lease);
	memset(new.neighbour, 0, sizeof new.neighbour);
	fill_lease4(&new.lease, &resident.interface.netif);
	fill_lease6(&new.lease, &resident.interface.netif);
	fill_neighbours(&new);
	if (memcmp(&new.lease, &share()->lease, sizeof new.lease) == 0 &&
	    memcmp(new.neighbour, share()->neighbour, sizeof new.neighbour) == 0)
		return;
	context_mask(); /* who ends us finds the page whole */
	share_write_begin(share());
	share()->lease = new.lease;
	memcpy(share()->neighbour, new.neighbour, sizeof new.neighbour);
	share_write_end(share());
	context_unmask();
}

/* Entries grow old, addresses become preferred: without a frame. */
static void publish_timer(void *unused)
{
	(void)unused;
	resident.stale = true;
	sys_timeout(PUBLISH_MS, publish_timer, NULL);
}

/* --- What the others ask for --- */

/* Groups are never left: who wanted them may be gone, and others may want them too. */
static void ask_for4(struct netif *netif, const struct share_ip *ip)
{
	ip4_addr_t four;

	memcpy(&four.addr, ip->byte + 12, 4);
	if (ip4_addr_ismulticast(&four))
		igmp_joingroup_netif(netif, &four);
	else
		etharp_query(netif, &four, NULL);
}

static void ask_for6(struct netif *netif, const struct share_ip *ip)
{
	ip6_addr_t six = { 0 };
	const u8_t *mac;

	memcpy(six.addr, ip->byte, sizeof ip->byte);
	if (ip6_addr_ismulticast(&six)) {
		ip6_addr_assign_zone(&six, IP6_MULTICAST, netif);
		mld6_joingroup_netif(netif, &six);
	} else {
		ip6_addr_assign_zone(&six, IP6_UNICAST, netif);
		nd6_get_next_hop_addr_or_queue(netif, NULL, &six, &mac);
	}
}

static void ask_for(const struct share_ip *ip)
{
	if (share_is_ip4(ip))
		ask_for4(&resident.interface.netif, ip);
	else
		ask_for6(&resident.interface.netif, ip);
}

/* Copy the request page that a capability names. Whoever it belongs to may free it at any
 * time: it is mapped only while nobody else runs. Returns false when it is none. */
static bool read_request(const struct exo_cap *cap, struct share_request *out)
{
	context_mask();
	long slot = sys_cap_bind((uint64_t)cap);
	bool mapped = slot >= 0 && sys_page_map(SLOT_SELF, EXOS_WINDOW, (uint32_t)slot, 1,
	                                        PROT_R) >= 0;
	if (mapped) {
		memcpy(out, (const void *)EXOS_WINDOW, sizeof *out);
		sys_page_unmap(SLOT_SELF, EXOS_WINDOW, 1);
	}
	if (slot >= 0)
		sys_cap_drop((uint32_t)slot, 1);
	context_unmask();
	return mapped;
}

static void serve(uint32_t i)
{
	struct share_request r;
	struct exo_cap page = { .name = door()->join[i].page.name,
		                .mac = door()->join[i].page.mac };

	if (!exo_env_alive(door()->join[i].env) || !read_request(&page, &r))
		return;
	uint32_t n = r.serial - resident.seen[i];
	for (uint32_t k = n < SHARE_REQUESTS ? n : SHARE_REQUESTS; k > 0; k--)
		ask_for(&r.wanted[(r.serial - k + 1) % SHARE_REQUESTS]);
	resident.seen[i] = r.serial;
}

static void serve_all(void)
{
	uint32_t bell = door()->bell;

	if (bell == resident.bell)
		return;
	resident.bell = bell;
	for (uint32_t i = 0; i < SHARE_DOORS; i++)
		serve(i);
}

/* --- Start, and the loop --- */

/* Nobody must find the frames taken and no way to take them back: nobody runs in between. */
static long keep(void)
{
	static uint8_t filter[FILTER_BUILD_MAX];

	context_mask();
	long slot = nic_filter(filter, filter_keeper(filter, sizeof filter), NULL);
	if (slot >= 0) {
		share_write_begin(share());
		sys_cap_mint((uint32_t)slot, RIGHT_CARVE | RIGHT_READ,
		             (uint64_t)&share()->carve);
		share()->owner = exo_self();
		share_write_end(share());
	}
	context_unmask();
	return slot;
}

static void start_addresses(struct netif *netif)
{
	netif_create_ip6_linklocal_address(netif, 1);
	netif_set_ip6_autoconfig_enabled(netif, 1);
	netif_set_hostname(netif, "exonet");
	dhcp_start(netif);
}

long resident_start(void)
{
	uint8_t mac[6];
	long error = nic_open();

	if (error < 0 || (error = keep()) < 0)
		return error;
	nic_mac(mac);
	interface_init(&resident.interface, nic_ring(), mac, nic_mtu(), &kind);
	start_addresses(&resident.interface.netif);
	publish_timer(NULL);
	return 0;
}

void resident_turn(void)
{
	serve_all();
	bool more = nic_work(&resident.interface);
	if (resident.stale)
		publish();
	const struct exo_wait_term also = { .address = (uint64_t)&door()->bell,
		                            .value = resident.bell };
	if (!more)
		nic_sleep(&resident.interface, &also, 1);
}
