/* libnet/interface.c - see interface.h. SPDX-License-Identifier: ISC */
#include "libnet/interface.h"
#include <string.h>
#include "exo/err.h"
#include "libnet/checksum.h"
#include "lwip/prot/ethernet.h"
#include "netif/ethernet.h"

/* --- Receive --- */

static void rx_free(struct pbuf *p)
{
	struct interface_rx *rx = (struct interface_rx *)(void *)p;

	ring_give(&rx->owner->ring, rx->buffer);
	rx->owner->posted++;
}

static struct pbuf *wrap(struct interface *i, uint8_t *frame, const struct exo_rx *rx)
{
	struct interface_rx *slot = &i->rx[rx->buffer];

	slot->pbuf.custom_free_function = rx_free;
	slot->owner = i;
	slot->buffer = rx->buffer;
	return pbuf_alloced_custom(PBUF_RAW, rx->length, PBUF_REF, &slot->pbuf, frame,
	                           EXO_BUF_SIZE);
}

/* When the stack sits on nearly all buffers, move this frame out of the ring. */
static struct pbuf *unwrap(struct interface *i, struct pbuf *p)
{
	struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);

	pbuf_free(p);
	if (copy)
		i->counts.copied_in++;
	else
		i->counts.no_memory++;
	return copy;
}

/* Tell lwIP not to add up again what the kernel has added up, for this one frame. */
static void trust_checksum(struct interface *i, const uint8_t *frame, const struct exo_rx *rx)
{
	enum { UNCHECKED = NETIF_CHECKSUM_CHECK_IP | NETIF_CHECKSUM_CHECK_TCP |
	                   NETIF_CHECKSUM_CHECK_UDP };
	bool holds = checksum_holds(frame + SIZEOF_ETH_HDR,
	                            (size_t)(rx->length - SIZEOF_ETH_HDR), rx->sum);

	i->netif.chksum_flags =
		NETIF_CHECKSUM_ENABLE_ALL & (uint16_t)~(holds ? UNCHECKED : 0);
}

static void receive(struct interface *i, uint8_t *frame, const struct exo_rx *rx)
{
	struct pbuf *p = wrap(i, frame, rx);

	i->posted--;
	i->counts.received++;
	if (rx->length <= SIZEOF_ETH_HDR) {
		i->counts.malformed++;
		pbuf_free(p);
		return;
	}
	trust_checksum(i, frame, rx);
	if (i->posted < INTERFACE_LOW_WATER)
		p = unwrap(i, p);
	if (p && i->netif.input(p, &i->netif) != ERR_OK)
		pbuf_free(p);
}

unsigned interface_poll(struct interface *i)
{
	struct exo_rx rx;
	uint8_t *frame;
	unsigned n = 0;

	while (n < INTERFACE_BURST && (frame = ring_next(&i->ring, &rx))) {
		receive(i, frame, &rx);
		n++;
	}
	return n;
}

/* --- Transmit --- */

static void reclaim(struct interface *i)
{
	int entry;

	while ((entry = ring_reclaim(&i->ring)) >= 0) {
		if (i->in_flight[entry])
			pbuf_free(i->in_flight[entry]);
		i->in_flight[entry] = NULL;
	}
}

void interface_flush(struct interface *i)
{
	if (ring_unsent(&i->ring))
		i->kind->send(i);
	reclaim(i);
}

/* The frame's pieces, or -E_INVAL when there are more than the ring takes. */
static int pieces(const struct pbuf *p, struct ring_piece piece[EXO_TX_SEGMENTS])
{
	int n = 0;

	for (const struct pbuf *q = p; q; q = q->next) {
		if (q->len == 0)
			continue;
		if (n == EXO_TX_SEGMENTS)
			return -E_INVAL;
		piece[n++] = (struct ring_piece){ q->payload, q->len };
	}
	return n;
}

/* Put the frame and hold p until it is sent. */
static err_t put(struct interface *i, struct pbuf *p)
{
	struct ring_piece piece[EXO_TX_SEGMENTS];
	int n = pieces(p, piece);

	if (n < 0)
		return ERR_ARG;
	int entry = ring_put(&i->ring, piece, (uint32_t)n);
	if (entry == -E_INVAL)
		return ERR_ARG; /* some of it lies elsewhere */
	if (entry == -E_AGAIN) {
		interface_flush(i);
		entry = ring_put(&i->ring, piece, (uint32_t)n);
	}
	if (entry < 0) {
		i->counts.ring_full++;
		return ERR_IF;
	}
	pbuf_ref(p);
	i->in_flight[entry] = p;
	i->counts.sent++;
	return ERR_OK;
}

static err_t link_output(struct netif *netif, struct pbuf *p)
{
	struct interface *i = netif->state;
	err_t err = put(i, p);

	if (err != ERR_ARG)
		return err;
	struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
	if (!copy) {
		i->counts.no_memory++;
		return ERR_MEM;
	}
	i->counts.copied_out++;
	err = put(i, copy);
	pbuf_free(copy);
	return err;
}

err_t interface_send(struct interface *i, struct pbuf *p, const uint8_t mac[6], uint16_t type)
{
	struct eth_addr from, to;

	memcpy(from.addr, i->netif.hwaddr, sizeof from.addr);
	memcpy(to.addr, mac, sizeof to.addr);
	return ethernet_output(&i->netif, p, &from, &to, type);
}

/* --- Set up --- */

static err_t netif_ready(struct netif *netif)
{
	struct interface *i = netif->state;

	netif->name[0] = 'e';
	netif->name[1] = 'x';
	netif->hwaddr_len = ETH_HWADDR_LEN;
	netif->linkoutput = link_output;
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_LINK_UP | i->kind->flags;
	netif->output = i->kind->output4;
	netif->output_ip6 = i->kind->output6;
	return ERR_OK;
}

void interface_init(struct interface *i, const struct ring *ring, const uint8_t mac[6],
                    uint16_t mtu, const struct interface_kind *kind)
{
	memset(i, 0, sizeof *i);
	i->ring = *ring;
	i->kind = kind;
	i->posted = ring->free_head;
	memcpy(i->netif.hwaddr, mac, ETH_HWADDR_LEN);
	netif_add(&i->netif, NULL, NULL, NULL, i, netif_ready, kind->input);
	i->netif.mtu = i->netif.mtu6 = mtu;
	netif_set_default(&i->netif);
	netif_set_up(&i->netif);
}
