/* libnet/tenant.c - see tenant.h. SPDX-License-Identifier: ISC */
#include "libnet/tenant.h"
#include <string.h>
#include "exo/env.h"
#include "lwip/ip4.h"
#include "lwip/ip6.h"
#include "lwip/ip6_addr.h"
#include "lwip/prot/ethernet.h"
#include "lwip/prot/ip.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/ip6.h"
#include "netif/ethernet.h"
#include "lwip/sys.h"

static struct tenant *of(struct netif *netif) { return netif->state; }

/* --- Receive: what lwIP's ethernet_input does, for IP packets only --- */

static err_t input(struct pbuf *p, struct netif *netif)
{
	const struct eth_hdr *eth = p->payload;
	uint16_t type = eth->type;

	if (eth->dest.addr[0] & 1)
		p->flags |= eth_addr_eq(&eth->dest, &ethbroadcast) ? PBUF_FLAG_LLBCAST
		                                                   : PBUF_FLAG_LLMCAST;
	pbuf_remove_header(p, SIZEOF_ETH_HDR);
	if (type == PP_HTONS(ETHTYPE_IP))
		return ip4_input(p, netif);
	if (type == PP_HTONS(ETHTYPE_IPV6))
		return ip6_input(p, netif);
	return ERR_VAL;
}

/* --- Next hops --- */

/* Introduce our request page; again, when somebody has written over it. */
static void join(struct tenant *t)
{
	uint32_t index = t->env & ((1u << EXO_ENV_INDEX_BITS) - 1);
	struct share_join *j = &t->door->join[(index + SHARE_DOORS - 1) % SHARE_DOORS];

	if (j->env == t->env && memcmp(&j->page, &t->page, sizeof t->page) == 0)
		return;
	j->page = t->page;
	j->env = t->env;
	j->serial++;
}

static void ask(struct tenant *t, const struct share_ip *hop)
{
	struct share_request *r = t->request;

	join(t);
	r->wanted[(r->serial + 1) % SHARE_REQUESTS] = *hop;
	__asm__ volatile("" ::: "memory");
	r->serial++;
	t->door->bell++;
}

/* Does a packet wait for this next hop, of those before `end` in the queue? */
static bool waiting_for(const struct tenant *t, const struct share_ip *hop,
                        const struct tenant_packet *end)
{
	for (const struct tenant_packet *q = t->queue; q < end; q++)
		if (q->p && share_ip_equal(&q->hop, hop))
			return true;
	return false;
}

static bool resolve(struct tenant *t, const struct share_ip *hop, uint8_t mac[6])
{
	struct tenant_hop *h = &t->cache[hop->byte[15] % TENANT_CACHE];
	uint32_t version = *(const volatile uint32_t *)&t->share->version & ~1u;

	if (h->version != version || !share_ip_equal(&h->ip, hop)) {
		if (!share_neighbour_mac(t->share, hop, h->mac))
			return false;
		h->ip = *hop;
		h->version = version;
	}
	memcpy(mac, h->mac, 6);
	return true;
}

static uint16_t type_of(const struct share_ip *ip)
{
	return share_is_ip4(ip) ? ETHTYPE_IP : ETHTYPE_IPV6;
}

static void release(struct tenant *t, struct tenant_packet *q)
{
	pbuf_free(q->p);
	q->p = NULL;
	t->queued--;
}

/* A free place, or somebody's: packets to nobody must not keep others from their next hop
 * (RFC 1122, 2.3.2.2: the latest is saved). */
static struct tenant_packet *place(struct tenant *t)
{
	for (int i = 0; i < TENANT_QUEUE; i++)
		if (!t->queue[i].p)
			return &t->queue[i];
	struct tenant_packet *q = &t->queue[t->displaced++ % TENANT_QUEUE];
	t->interface.counts.unresolved++;
	release(t, q);
	return q;
}

/* Let p wait for its next hop. */
static err_t enqueue(struct tenant *t, struct pbuf *p, const struct share_ip *hop)
{
	if (!waiting_for(t, hop, t->queue + TENANT_QUEUE))
		ask(t, hop);
	struct pbuf *copy = pbuf_clone(PBUF_LINK, PBUF_RAM, p);
	if (!copy) {
		t->interface.counts.no_memory++;
		return ERR_MEM;
	}
	struct tenant_packet *q = place(t);
	*q = (struct tenant_packet){ .p = copy, .hop = *hop, .since = sys_now(),
		                     .asked = sys_now() };
	t->queued++;
	return ERR_OK;
}

static err_t output(struct tenant *t, struct pbuf *p, const struct share_ip *dst)
{
	struct share_ip hop;
	uint8_t mac[6];

	if (share_group_mac(&t->lease, dst, mac))
		return interface_send(&t->interface, p, mac, type_of(dst));
	if (!share_next_hop(&t->lease, dst, &hop)) {
		t->interface.counts.unresolved++;
		return ERR_RTE;
	}
	if (resolve(t, &hop, mac))
		return interface_send(&t->interface, p, mac, type_of(dst));
	return enqueue(t, p, &hop);
}

static struct share_ip as_share4(const ip4_addr_t *ip)
{
	return share_ip4((const uint8_t *)&ip->addr);
}

static struct share_ip as_share6(const ip6_addr_t *ip)
{
	struct share_ip out;

	memcpy(out.byte, ip->addr, sizeof out.byte);
	return out;
}

/* Reports of group membership are not ours to send: the owner of the address is asked to join
 * when we do. */
static err_t output4(struct netif *netif, struct pbuf *p, const ip4_addr_t *dst)
{
	const struct ip_hdr *h = p->payload;
	struct share_ip ip = as_share4(dst);

	return IPH_PROTO(h) == IP_PROTO_IGMP ? ERR_OK : output(of(netif), p, &ip);
}

static err_t output6(struct netif *netif, struct pbuf *p, const ip6_addr_t *dst)
{
	const struct ip6_hdr *h = p->payload;
	struct share_ip ip = as_share6(dst);

	return IP6H_NEXTH(h) == IP6_NEXTH_HOPBYHOP ? ERR_OK : output(of(netif), p, &ip);
}

static err_t join4(struct netif *netif, const ip4_addr_t *group,
                   enum netif_mac_filter_action action)
{
	struct share_ip ip = as_share4(group);

	if (action == NETIF_ADD_MAC_FILTER)
		ask(of(netif), &ip);
	return ERR_OK;
}

static err_t join6(struct netif *netif, const ip6_addr_t *group,
                   enum netif_mac_filter_action action)
{
	struct share_ip ip = as_share6(group);

	if (action == NETIF_ADD_MAC_FILTER)
		ask(of(netif), &ip);
	return ERR_OK;
}

/* --- Taking over --- */

static void set_address4(struct netif *netif, const struct share_lease *l)
{
	ip4_addr_t address, mask, gateway;

	memcpy(&address.addr, l->address4, 4);
	memcpy(&mask.addr, l->mask4, 4);
	memcpy(&gateway.addr, l->gateway4, 4);
	netif_set_addr(netif, &address, &mask, &gateway);
}

static void set_address6(struct netif *netif, int8_t index, const struct share_ip *ip)
{
	ip6_addr_t address;

	memset(&address, 0, sizeof address);
	memcpy(address.addr, ip->byte, sizeof ip->byte);
	ip6_addr_assign_zone(&address, IP6_UNICAST, netif);
	netif_ip6_addr_set_state(netif, index, IP6_ADDR_INVALID);
	netif_ip6_addr_set(netif, index, &address);
	if (!ip6_addr_isany(&address))
		netif_ip6_addr_set_state(netif, index, IP6_ADDR_PREFERRED);
}

static void take_lease(struct tenant *t)
{
	struct share_lease new;

	if (!share_read_lease(t->share, &new, &t->version))
		return;
	if (memcmp(&new, &t->lease, sizeof new) == 0)
		return;
	set_address4(&t->interface.netif, &new);
	for (int8_t i = 0; i < SHARE_ADDRESSES6; i++)
		if (!share_ip_equal(&new.address6[i], &t->lease.address6[i]))
			set_address6(&t->interface.netif, i, &new.address6[i]);
	t->lease = new;
}

/* Somebody may have written over what we asked, or have asked for more than is remembered. */
static void ask_again(struct tenant *t, struct tenant_packet *q)
{
	if (sys_now() - q->asked < TENANT_AGAIN)
		return;
	q->asked = sys_now();
	if (!waiting_for(t, &q->hop, q))
		ask(t, &q->hop);
}

static void retry(struct tenant *t, struct tenant_packet *q)
{
	uint8_t mac[6];

	if (resolve(t, &q->hop, mac)) {
		interface_send(&t->interface, q->p, mac, type_of(&q->hop));
		release(t, q);
	} else if (sys_now() - q->since > TENANT_PATIENCE) {
		t->interface.counts.unresolved++;
		release(t, q);
	} else {
		ask_again(t, q);
	}
}

void tenant_update(struct tenant *t)
{
	take_lease(t);
	for (int i = 0; i < TENANT_QUEUE && t->queued; i++)
		if (t->queue[i].p)
			retry(t, &t->queue[i]);
}

/* The one tenant: `kind` must outlive the interface, and differs in `send` only. */
static struct interface_kind kind = { .input = input, .output4 = output4, .output6 = output6,
	                              .flags = NETIF_FLAG_IGMP | NETIF_FLAG_MLD6 };

void tenant_init(struct tenant *t, const struct ring *ring, const uint8_t mac[6], uint16_t mtu,
                 void (*send)(struct interface *), const struct share *share,
                 struct share_door *door, struct share_request *request,
                 const struct exo_cap *page, uint32_t env)
{
	memset(t, 0, sizeof *t);
	t->share = share;
	t->door = door;
	t->request = request;
	t->env = env;
	kind.send = send;
	interface_init(&t->interface, ring, mac, mtu, &kind);
	netif_set_igmp_mac_filter(&t->interface.netif, join4);
	netif_set_mld_mac_filter(&t->interface.netif, join6);
	t->page = *page;
	join(t);
	t->door->bell++;
	tenant_update(t);
}
