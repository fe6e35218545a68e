/* kernel/pci.h - PCI configuration space. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { PCI_DRIVEN_MAX = 8 };

struct pci_function {
	uint8_t bus, device, function;
};

struct pci_id {
	uint16_t vendor, device[2]; /* either */
};

/* The first n functions that are what `id` says, by bus, device and function, on bus 0 and the buses
 * that its bridges lead to. Returns how many there are of them in out[]. */
uint32_t pci_find(struct pci_id id, struct pci_function out[], uint32_t n);

uint32_t pci_read(struct pci_function f, uint8_t offset);   /* offset: a multiple of 4 */
uint8_t pci_read8(struct pci_function f, uint8_t offset);
void pci_write(struct pci_function f, uint8_t offset, uint32_t v);

/* Physical address of memory BAR n, 0 if it is not one. */
uint64_t pci_bar(struct pci_function f, int n);

/* Offset of the next capability with this id after `from` (0: from the start), or 0. */
uint8_t pci_capability(struct pci_function f, uint8_t id, uint8_t from);

/* Let the device answer to its BARs and be bus master: the kernel drives it. At most PCI_DRIVEN_MAX
 * times. */
void pci_enable(struct pci_function f);

/* Do n bytes from `first` lie in one BAR of a function of bus 0 that the kernel does not drive?
 * Then it answers to its BARs from now on, and is no bus master. */
bool pci_hand_out(bool ports, uint64_t first, uint32_t n);
