/* kernel/virtio.c - virtio 1.0 over PCI: discovery, negotiation, split virtqueues.
 * SPDX-License-Identifier: ISC */
#include <stddef.h>
#include "kernel/cpu.h"
#include "kernel/kmap.h"
#include "kernel/page.h"
#include "kernel/virtio.h"

enum { /* vendor capability, 4.1.4 */
	CAP_VENDOR = 9,
	CAP_MSIX = 0x11,
	CFG_COMMON = 1,
	CFG_NOTIFY = 2,
	CFG_DEVICE = 4,
};

enum { /* common configuration, 4.1.4.3 */
	DEVICE_FEATURE_SELECT = 0x00,
	DEVICE_FEATURE = 0x04,
	DRIVER_FEATURE_SELECT = 0x08,
	DRIVER_FEATURE = 0x0c,
	DEVICE_STATUS = 0x14,
	QUEUE_SELECT = 0x16,
	QUEUE_SIZE = 0x18,
	QUEUE_MSIX_VECTOR = 0x1a,
	QUEUE_ENABLE = 0x1c,
	QUEUE_NOTIFY_OFF = 0x1e,
	QUEUE_DESC = 0x20,
	QUEUE_DRIVER = 0x28,
	QUEUE_DEVICE = 0x30,
};

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };

enum { NO_INTERRUPT = 1, NO_NOTIFY = 1, MSIX_ENABLE_BIT = 31, RESET_TRIES = 100000 };

#define FEATURE_EVENT_INDEX (1ull << 29)
#define FEATURE_VERSION_1   (1ull << 32)

static void write16(volatile uint8_t *r, uint32_t off, uint16_t v)
{
	*(volatile uint16_t *)(r + off) = v;
}

static uint16_t read16(volatile uint8_t *r, uint32_t off)
{
	return *(volatile uint16_t *)(r + off);
}

static void write32(volatile uint8_t *r, uint32_t off, uint32_t v)
{
	*(volatile uint32_t *)(r + off) = v;
}

static uint32_t read32(volatile uint8_t *r, uint32_t off)
{
	return *(volatile uint32_t *)(r + off);
}

static void write64(volatile uint8_t *r, uint32_t off, uint64_t v)
{
	write32(r, off, (uint32_t)v);
	write32(r, off + 4, (uint32_t)(v >> 32));
}

/* The window that vendor capability `at` describes, NULL if its BAR is no memory. */
static volatile uint8_t *window(struct pci_function f, uint8_t at)
{
	uint64_t bar = pci_bar(f, pci_read8(f, at + 4));
	uint32_t offset = pci_read(f, at + 8), length = pci_read(f, at + 12);

	return bar ? kmap_device(bar + offset, length < 4096 ? length : 4096) : NULL;
}

static void find_windows(struct virtio_device *d)
{
	uint8_t at = 0;

	while ((at = pci_capability(d->pci, CAP_VENDOR, at))) {
		switch (pci_read8(d->pci, at + 3)) {
		case CFG_COMMON:
			d->common = window(d->pci, at);
			break;
		case CFG_NOTIFY:
			d->notify = window(d->pci, at);
			d->notify_multiplier = pci_read(d->pci, at + 16);
			break;
		case CFG_DEVICE:
			d->config = window(d->pci, at);
			break;
		}
	}
}

static void find_msix(struct virtio_device *d)
{
	uint8_t at = pci_capability(d->pci, CAP_MSIX, 0);

	if (!at)
		return;
	uint32_t table = pci_read(d->pci, at + 4);
	uint32_t entries = (pci_read(d->pci, at) >> 16 & 0x7ff) + 1;
	uint64_t bar = pci_bar(d->pci, table & 7);

	if (!bar)
		return;
	d->msix = kmap_device(bar + (table & ~7u), entries * 16);
	pci_write(d->pci, at, pci_read(d->pci, at) | 1u << MSIX_ENABLE_BIT);
}

static void add_status(struct virtio_device *d, uint8_t bits)
{
	d->common[DEVICE_STATUS] |= bits;
}

bool virtio_open(struct virtio_device *d, struct pci_function f)
{
	*d = (struct virtio_device){ .pci = f };
	pci_enable(f);
	find_windows(d);
	find_msix(d);
	if (!d->common || !d->notify || !d->config)
		return false;
	d->common[DEVICE_STATUS] = 0;
	for (int i = 0; d->common[DEVICE_STATUS]; i++)
		if (i == RESET_TRIES)
			return false;
	add_status(d, ACKNOWLEDGE);
	add_status(d, DRIVER);
	return true;
}

uint64_t virtio_negotiate(struct virtio_device *d, uint64_t wanted)
{
	uint64_t both = 0;

	for (uint32_t half = 0; half < 2; half++) {
		write32(d->common, DEVICE_FEATURE_SELECT, half);
		both |= (uint64_t)read32(d->common, DEVICE_FEATURE) << 32 * half;
	}
	both &= wanted | FEATURE_VERSION_1 | FEATURE_EVENT_INDEX;
	for (uint32_t half = 0; half < 2; half++) {
		write32(d->common, DRIVER_FEATURE_SELECT, half);
		write32(d->common, DRIVER_FEATURE, (uint32_t)(both >> 32 * half));
	}
	add_status(d, FEATURES_OK);
	if (!(both & FEATURE_VERSION_1) || !(d->common[DEVICE_STATUS] & FEATURES_OK))
		return 0;
	d->event_index = both & FEATURE_EVENT_INDEX;
	return both;
}

/* Queue memory: descriptors, then avail, in one run; used in another. */
static void allocate(struct virtq *q)
{
	uint32_t driver_bytes = q->size * 16u + 6 + 2u * q->size;
	uint32_t device_bytes = 6 + 8u * q->size;

	q->desc = page_kva(page_alloc_kernel_run((driver_bytes + 4095) / 4096));
	q->avail = (volatile uint16_t *)(q->desc + q->size);
	q->avail_ring = q->avail + 2;
	q->used = page_kva(page_alloc_kernel_run((device_bytes + 4095) / 4096));
	q->used_ring = (volatile struct virtq_used_elem *)(q->used + 2);
}

bool virtio_queue(struct virtio_device *d, struct virtq *q, uint16_t number, uint16_t msix)
{
	write16(d->common, QUEUE_SELECT, number);
	uint16_t size = read16(d->common, QUEUE_SIZE);

	if (size == 0 || (size & (size - 1)))
		return false;
	*q = (struct virtq){ .number = number,
		             .event_index = d->event_index,
		             .size = size < VIRTQ_MAX ? size : VIRTQ_MAX };
	q->mask = q->size - 1;
	allocate(q);
	write16(d->common, QUEUE_SIZE, q->size);
	write16(d->common, QUEUE_MSIX_VECTOR, msix);
	write64(d->common, QUEUE_DESC, kmap_phys((uint64_t)q->desc));
	write64(d->common, QUEUE_DRIVER, kmap_phys((uint64_t)q->avail));
	write64(d->common, QUEUE_DEVICE, kmap_phys((uint64_t)q->used));
	q->doorbell = (volatile uint16_t *)(d->notify + (uint32_t)read16(d->common, QUEUE_NOTIFY_OFF) *
	                                                        d->notify_multiplier);
	write16(d->common, QUEUE_ENABLE, 1);
	return true;
}

void virtio_vector(struct virtio_device *d, uint16_t entry, uint8_t vector)
{
	volatile uint32_t *e = d->msix + 4 * entry;

	e[0] = 0xfee00000; /* local APIC 0 */
	e[1] = 0;
	e[2] = vector;
	e[3] = 0; /* unmasked */
}

void virtio_ready(struct virtio_device *d) { add_status(d, DRIVER_OK); }

/* With event indices (2.6.7.2 and 2.6.9) each side names the number at whose passing it wants to be
 * told, behind its ring; without them each has a flag. */
static bool device_wants_kick(const struct virtq *q, uint16_t fresh)
{
	uint16_t event = q->used[2 + 4 * q->size];

	return q->event_index ? (uint16_t)(q->avail_index - event - 1) < fresh
	                      : !(q->used[0] & NO_NOTIFY);
}

static void interrupt_after(struct virtq *q, uint16_t index)
{
	q->avail_ring[q->size] = index;
}

void virtq_kick(struct virtq *q)
{
	uint16_t fresh = (uint16_t)(q->avail_index - q->kicked);

	if (!fresh)
		return;
	q->kicked = q->avail_index;
	__asm__ volatile("" ::: "memory"); /* x86 stores stay in order */
	q->avail[1] = q->avail_index;
	__asm__ volatile("mfence" ::: "memory"); /* index before we look at the other side's */
	if (device_wants_kick(q, fresh))
		*q->doorbell = q->number;
}

void virtq_quiet(struct virtq *q)
{
	if (q->event_index)
		interrupt_after(q, (uint16_t)(q->used_index - 1)); /* passed already */
	else
		q->avail[0] = NO_INTERRUPT;
}

bool virtq_listen(struct virtq *q, uint16_t after)
{
	if (q->event_index)
		interrupt_after(q, (uint16_t)(q->used_index + after));
	else
		q->avail[0] = 0;
	__asm__ volatile("mfence" ::: "memory");
	return (uint16_t)(q->used[1] - q->used_index) <= after;
}
