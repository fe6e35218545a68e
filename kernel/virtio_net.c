/* kernel/virtio_net.c - the interfaces, as virtio 1.0 network devices.
 *
 * Source: OASIS virtio 1.1, section 5.1. SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/log.h"
#include "kernel/nic.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/ring.h"
#include "kernel/string.h"
#include "kernel/virtio.h"

enum {
	VENDOR = 0x1af4,
	DEVICE_TRANSITIONAL = 0x1000,
	DEVICE_MODERN = 0x1041,
	NET_HEADER = 12, /* struct virtio_net_hdr with num_buffers; all zero: no offloads */
	TX_SLOTS = 64,
	TX_SLOT_BYTES = 192,
	NO_DESC = 0xffff,
	MSIX_ENTRY = 0,
	MSIX_NONE = 0xffff,
};
_Static_assert(NET_HEADER + EXO_TX_HEADER <= TX_SLOT_BYTES, "a slot holds both headers");
_Static_assert((int)EXO_PAIR_MAX <= PCI_DRIVEN_MAX, "each is a function");
_Static_assert(NET_HEADER + EXO_FRAME_MAX <= EXO_BUF_SIZE, "a buffer holds a frame");

#define FEATURE_MAC    (1ull << 5)
#define FEATURE_STATUS (1ull << 16)

/* Slot i owns descriptor i, for both headers; the pieces' come from a list behind. */
struct tx_slot {
	bool busy;
	uint16_t pieces;
	uint16_t chain;  /* the pieces' first descriptor */
	uint32_t page[NIC_PIECES]; /* pinned */
	struct nic_sender sender;
};

struct nic {
	struct exo_nic *seen;        /* its counters */
	struct virtio_device device;
	struct virtq rx, tx;
	uint16_t rx_count;           /* buffers in use: one descriptor each */
	uint8_t *rx_memory;
	bool rx_posted[NIC_BUFFERS];
	uint8_t *tx_memory;
	struct tx_slot slot[TX_SLOTS];
	uint32_t slots;     /* in use */
	uint32_t next_slot;
	uint32_t in_flight; /* slots that are busy */
	uint32_t lent;      /* of them, those with pieces: somebody waits for their end */
	uint16_t free_desc; /* list through private links */
	uint16_t free_count;
	uint16_t link[VIRTQ_MAX];
};

static struct nic nics[EXO_PAIR_MAX];

struct nic *nic_of(uint32_t pair) { return &nics[pair]; }

static uint8_t *rx_buffer(const struct nic *nic, uint32_t i)
{
	return nic->rx_memory + (uint64_t)i * EXO_BUF_SIZE;
}

static uint8_t *tx_buffer(const struct nic *nic, uint32_t i)
{
	return nic->tx_memory + (uint64_t)i * TX_SLOT_BYTES;
}

static void rx_post(struct nic *nic, uint32_t i)
{
	nic->rx_posted[i] = true;
	virtq_post(&nic->rx, (uint16_t)i);
}

static void rx_init(struct nic *nic)
{
	nic->rx_count = nic->rx.size < NIC_BUFFERS ? nic->rx.size : NIC_BUFFERS;
	nic->rx_memory = page_kva(page_alloc_kernel_run(nic->rx_count * EXO_BUF_SIZE / EXO_PAGE_SIZE));
	for (uint32_t i = 0; i < nic->rx_count; i++) {
		nic->rx.desc[i] = (struct virtq_desc){ kmap_phys((uint64_t)rx_buffer(nic, i)),
			                              EXO_BUF_SIZE, DESC_WRITE, 0 };
		rx_post(nic, i);
	}
	virtq_quiet(&nic->rx);
}

static void tx_init(struct nic *nic)
{
	uint32_t bytes = TX_SLOTS * TX_SLOT_BYTES;

	nic->tx_memory = page_kva(page_alloc_kernel_run((bytes + 4095) / EXO_PAGE_SIZE));
	memset(nic->tx_memory, 0, bytes);
	nic->slots = nic->tx.size / 2 < TX_SLOTS ? nic->tx.size / 2 : TX_SLOTS;
	for (uint32_t i = 0; i < nic->slots; i++)
		nic->tx.desc[i].address = kmap_phys((uint64_t)tx_buffer(nic, i));
	nic->free_desc = NO_DESC;
	for (uint16_t i = (uint16_t)nic->slots; i < nic->tx.size; i++) {
		nic->link[i] = nic->free_desc;
		nic->free_desc = i;
	}
	nic->free_count = (uint16_t)(nic->tx.size - nic->slots);
	virtq_quiet(&nic->tx);
}

static void read_config(struct nic *nic, uint64_t features)
{
	for (int i = 0; i < 6; i++)
		nic->seen->mac[i] = nic->device.config[i];
	nic->seen->link = features & FEATURE_STATUS ? nic->device.config[6] & 1 : 1;
	nic->seen->mtu = EXO_FRAME_MAX - EXO_FRAME_MIN;
}

/* Find out what the device is, and set its queues up. */
static bool start(struct nic *nic, struct pci_function f, uint8_t vector)
{
	uint64_t features = virtio_open(&nic->device, f)
	                            ? virtio_negotiate(&nic->device, FEATURE_MAC | FEATURE_STATUS)
	                            : 0;
	uint16_t entry = nic->device.msix ? MSIX_ENTRY : MSIX_NONE;
	if (!(features & FEATURE_MAC) || !virtio_queue(&nic->device, &nic->rx, 0, entry) ||
	    !virtio_queue(&nic->device, &nic->tx, 1, entry) || nic->tx.size < 2 * NIC_PIECES) {
		log_printf("nic: the device is no virtio 1.0 interface with an address\n");
		return false;
	}
	if (nic->device.msix)
		virtio_vector(&nic->device, MSIX_ENTRY, vector);
	else
		log_printf("nic: no MSI-X: polled by the timer only\n");
	read_config(nic, features);
	return true;
}

static bool open(struct nic *nic, struct exo_nic *seen, struct pci_function f, uint8_t vector)
{
	nic->seen = seen;
	if (!start(nic, f, vector))
		return false;
	rx_init(nic);
	tx_init(nic);
	virtio_ready(&nic->device);
	virtq_kick(&nic->rx);
	seen->present = 1;
	return true;
}

uint32_t nic_init(void)
{
	static const struct pci_id id = { VENDOR, { DEVICE_TRANSITIONAL, DEVICE_MODERN } };
	struct pci_function f[EXO_PAIR_MAX];
	uint32_t n = pci_find(id, f, EXO_PAIR_MAX);
	uint32_t pairs = 0;

	for (uint32_t i = 0; i < n; i++)
		pairs += open(&nics[pairs], &info.pair[pairs], f[i], pairs ? VEC_PAIR : VEC_NIC);
	if (n == 0)
		log_printf("nic: none found\n");
	return pairs;
}

/* The frame that a completion describes, as the burst's n-th. Returns 1, or 0 for a drop. */
static uint32_t accept_frame(struct nic *nic, const struct virtq_used_elem *e, struct nic_burst *out, uint32_t n)
{
	uint32_t length = e->length - NET_HEADER;

	if (e->id >= nic->rx_count || !nic->rx_posted[e->id]) {
		nic->seen->drop[DROP_DEVICE]++; /* the device names a buffer that it has not got */
		return 0;
	}
	if (length - EXO_FRAME_MIN > EXO_FRAME_MAX - EXO_FRAME_MIN) {
		nic->seen->drop[e->length > EXO_BUF_SIZE ? DROP_DEVICE : DROP_LENGTH]++;
		virtq_post(&nic->rx, (uint16_t)e->id);
		return 0;
	}
	nic->rx_posted[e->id] = false;
	nic->seen->received_bytes += length;
	out->data[n] = rx_buffer(nic, e->id) + NET_HEADER;
	out->length[n] = length;
	out->buffer[n] = (uint16_t)e->id;
	return 1;
}

void nic_receive(struct nic *nic, struct nic_burst *out)
{
	struct virtq_used_elem e;
	uint32_t n = 0, seen = 0;

	for (; seen < NIC_BURST && virtq_next(&nic->rx, &e); seen++)
		n += accept_frame(nic, &e, out, n);
	nic->seen->received += seen;
	out->n = n;
	if (n == 0)
		virtq_kick(&nic->rx); /* nobody will release what was dropped */
}

void nic_release(struct nic *nic, const struct nic_burst *in)
{
	for (uint32_t i = 0; i < in->n; i++)
		rx_post(nic, in->buffer[i]);
	virtq_kick(&nic->rx);
}

bool nic_listen(struct nic *nic, bool on)
{
	if (on)
		return virtq_listen(&nic->rx, 0);
	virtq_quiet(&nic->rx);
	return true;
}

/* For any frame. */
static bool has_room(const struct nic *nic)
{
	return !nic->slot[nic->next_slot].busy && nic->free_count >= NIC_PIECES;
}

uint8_t *nic_header(struct nic *nic)
{
	if (!has_room(nic))
		nic_reap(nic);
	return has_room(nic) ? tx_buffer(nic, nic->next_slot) + NET_HEADER : NULL;
}

/* Chain a piece behind descriptor `last`. Returns its own. */
static uint16_t chain_piece(struct nic *nic, uint16_t last, const struct nic_piece *p)
{
	uint16_t d = nic->free_desc;

	nic->free_desc = nic->link[d];
	nic->free_count--;
	nic->link[d] = NO_DESC;
	nic->link[last] = d;
	nic->tx.desc[d] = (struct virtq_desc){ p->phys, p->length, 0, 0 };
	nic->tx.desc[last].flags = DESC_NEXT;
	nic->tx.desc[last].next = d;
	return d;
}

/* noinline: short frames have none, and nic_send is short without it. */
static __attribute__((noinline)) void add_pieces(struct nic *nic, struct tx_slot *s, uint16_t head,
                                                 const struct nic_piece pieces[], uint32_t n,
                                                 const struct nic_sender *sender)
{
	uint16_t last = head;

	s->sender = *sender;
	s->pieces = (uint16_t)n;
	for (uint32_t i = 0; i < n; i++) {
		last = chain_piece(nic, last, &pieces[i]);
		s->page[i] = (uint32_t)(pieces[i].phys >> EXO_PAGE_SHIFT);
		page_pin(s->page[i]);
		nic->seen->sent_bytes += pieces[i].length;
	}
	s->chain = nic->link[head];
	nic->lent++;
}

/* The header's descriptor, whose frame goes with the next flush. */
static uint16_t post_header(struct nic *nic, uint32_t length)
{
	uint32_t head = nic->next_slot;

	assert(!nic->slot[head].busy && length <= EXO_TX_HEADER);
	/* The device's header before ours is all zero from the start: no offloads. */
	nic->tx.desc[head].length = NET_HEADER + length;
	nic->tx.desc[head].flags = 0;
	nic->slot[head].busy = true;
	nic->next_slot = head + 1 < nic->slots ? head + 1 : 0;
	nic->in_flight++;
	nic->seen->sent++;
	nic->seen->sent_bytes += length;
	virtq_post(&nic->tx, (uint16_t)head);
	return (uint16_t)head;
}

void nic_send_copy(struct nic *nic, uint32_t length)
{
	nic->slot[post_header(nic, length)].pieces = 0;
}

void nic_send(struct nic *nic, uint32_t header_length, const struct nic_piece pieces[],
              uint32_t n, const struct nic_sender *sender)
{
	assert(n > 0 && n <= nic->free_count);
	uint16_t head = post_header(nic, header_length);
	add_pieces(nic, &nic->slot[head], head, pieces, n, sender);
}

void nic_flush(struct nic *nic) { virtq_kick(&nic->tx); }

static void free_chain(struct nic *nic, uint16_t d)
{
	while (d != NO_DESC) {
		uint16_t next = nic->link[d];

		nic->link[d] = nic->free_desc;
		nic->free_desc = d;
		nic->free_count++;
		d = next;
	}
}

/* The device is done with a frame that had pieces: the pages are their owner's again. noinline: as
 * above. */
static __attribute__((noinline)) void give_back(struct nic *nic, struct tx_slot *s)
{
	nic->lent--;
	free_chain(nic, s->chain);
	for (uint32_t i = 0; i < s->pieces; i++)
		page_unpin(s->page[i]);
	ring_sent(&s->sender);
}

bool nic_reap(struct nic *nic)
{
	struct virtq_used_elem e;
	bool told = false;

	while (virtq_next(&nic->tx, &e)) {
		struct tx_slot *s = &nic->slot[e.id % TX_SLOTS];

		if (e.id >= nic->slots || !s->busy)
			continue; /* the device names a chain it was not given */
		s->busy = false;
		nic->in_flight--;
		if (s->pieces) {
			give_back(nic, s);
			told = true;
		}
	}
	return told;
}

bool nic_listen_sent(struct nic *nic, bool room)
{
	if (nic->lent || (room && nic->in_flight))
		return virtq_listen(&nic->tx, (uint16_t)(nic->in_flight - 1));
	virtq_quiet(&nic->tx);
	return true;
}
