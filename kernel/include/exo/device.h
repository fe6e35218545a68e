/* exo/device.h - devices that environments drive: interrupt lines, ports, registers in memory.
 *
 * sys_device_claim owns one of them and binds it to a slot of CAP_DEVICE; info.device[] shows
 * who owns what. Whoever holds a slot with the right reads and writes through it
 * (sys_device_read, sys_device_write); interrupts go to the owner.
 *
 * An interrupt masks its line, raises info.device[].interrupts, and is an upcall to the owner
 * (UPCALL_IRQ), which ends a sleep. The line stays masked until sys_irq_ack. A line that
 * reports edges does not report what happens while it is masked: acknowledge first, then serve
 * the device until it wants nothing more. One that reports levels: serve first.
 *
 * No environment can make a device a bus master: there is no IOMMU, so that the device would
 * reach all memory. The kernel turns that off in each PCI function it hands out a part of.
 *
 * Layer: ABI. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdint.h>

enum {
	EXO_DEVICE_MAX = 32, /* claimed at once */
	EXO_IRQ_LINES = 24,  /* of the I/O APIC */
};

enum exo_device_kind {
	DEVICE_NONE,
	DEVICE_IRQ,    /* first: line of the I/O APIC */
	DEVICE_PORTS,  /* first: port; count: how many */
	DEVICE_MEMORY, /* first: physical address; count: bytes */
	DEVICE_KINDS
};

/* sys_device_claim. */
enum exo_device_mode {
	DEVICE_LEVEL = 1,  /* an interrupt line that reports levels, not edges */
	DEVICE_LOW = 2,    /* an interrupt line that is active when low */
	DEVICE_MASTER = 4, /* the device may be bus master: -E_DMA without an IOMMU */
	DEVICE_MODES = 7,
};

struct exo_device {
	uint32_t owner; /* environment id; 0: free entry */
	uint32_t generation;
	uint64_t first;
	uint32_t count;
	uint32_t interrupts; /* so far; wraps */
	uint8_t kind;    /* enum exo_device_kind */
	uint8_t pending; /* 1: there was an interrupt, the line is masked */
	uint16_t mode;   /* enum exo_device_mode */
	uint32_t zero;
};
_Static_assert(sizeof(struct exo_device) == 32, "ABI");
