/* kernel/virtio.h - split virtqueues of a virtio 1.0 PCI device.
 *
 * The device is not trusted more than it must be: descriptors are written from private
 * state and never read back, and what the used ring says is checked by the caller
 * against what was posted. Source: OASIS virtio 1.1, sections 2.6 and 4.1.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/pci.h"

enum { VIRTQ_MAX = 256 };

struct virtq_desc {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};
enum { DESC_NEXT = 1, DESC_WRITE = 2 };

struct virtq_used_elem {
	uint32_t id, length;
};

struct virtq {
	uint16_t size, mask; /* a power of two, and one less */
	struct virtq_desc *desc;
	volatile uint16_t *avail;   /* flags, index, then avail_ring */
	volatile uint16_t *avail_ring;
	volatile uint16_t *used;    /* flags, index, then used_ring */
	volatile struct virtq_used_elem *used_ring;
	volatile uint16_t *doorbell;
	uint16_t number;
	uint16_t avail_index, used_index; /* ours */
	uint16_t kicked;                  /* avail_index when the device was told */
	bool event_index;
};

struct virtio_device {
	struct pci_function pci;
	volatile uint8_t *common, *config;
	volatile uint8_t *notify;
	uint32_t notify_multiplier;
	volatile uint32_t *msix; /* table; NULL: no MSI-X */
	bool event_index;        /* VIRTIO_F_EVENT_IDX is negotiated */
};

/* Find the device's register windows and reset it. False: not a virtio 1.0 device. */
bool virtio_open(struct virtio_device *d, struct pci_function f);

/* Offer `wanted` feature bits; returns what both sides have, or 0 if the device refuses
 * (VERSION_1 is always among them). */
uint64_t virtio_negotiate(struct virtio_device *d, uint64_t wanted);

/* Set up queue `number` with at most VIRTQ_MAX entries, its interrupts on MSI-X entry
 * `msix` (0xffff: none). False: the device has no such queue. */
bool virtio_queue(struct virtio_device *d, struct virtq *q, uint16_t number, uint16_t msix);

/* Deliver MSI-X entry `entry` as interrupt `vector`. */
void virtio_vector(struct virtio_device *d, uint16_t entry, uint8_t vector);

void virtio_ready(struct virtio_device *d);

/* Post the chain that begins at descriptor `head`. The device sees it at the next kick. */
static inline void virtq_post(struct virtq *q, uint16_t head)
{
	q->avail_ring[q->avail_index++ & q->mask] = head;
}

/* Show the device what was posted, and tell it, unless it says that it is looking anyway. */
void virtq_kick(struct virtq *q);

/* The next completion. False: none. */
static inline bool virtq_next(struct virtq *q, struct virtq_used_elem *out)
{
	if (q->used_index == q->used[1])
		return false;
	__asm__ volatile("" ::: "memory"); /* x86 loads stay in order */
	volatile struct virtq_used_elem *e = &q->used_ring[q->used_index++ & q->mask];
	*out = (struct virtq_used_elem){ e->id, e->length };
	return true;
}

/* No interrupts, but for a stray one. */
void virtq_quiet(struct virtq *q);

/* Ask for an interrupt once more than `after` completions wait to be taken (a device without event
 * indices: at the next one). False: so many wait already, and nobody will interrupt. */
bool virtq_listen(struct virtq *q, uint16_t after);
