/* kernel/pci.c - PCI configuration through ports 0xcf8 and 0xcfc.
 *
 * Source: PCI Local Bus Specification 3.0, 3.2.2.3.2 and chapter 6.
 * SPDX-License-Identifier: ISC */
#include "kernel/cpu.h"
#include "kernel/panic.h"
#include "kernel/pci.h"

enum {
	CONFIG_ADDRESS = 0xcf8,
	CONFIG_DATA = 0xcfc,
	COMMAND = 0x04,
	HEADER = 0x0c,
	BAR0 = 0x10,
	CAPABILITIES = 0x34,
	BARS = 6,
	COMMAND_DECODE = 3, /* ports, memory */
	COMMAND_MASTER = 4,
	COMMAND_MEMORY_MASTER = 6,
	COMMAND_NO_INTX = 1 << 10,
	STATUS_HAS_CAPABILITIES = 1 << 20,
	MULTI_FUNCTION = 1 << 23,
	HEADER_TYPE = 0x7f << 16, /* 0: a device */
	HEADER_BRIDGE = 1 << 16,
	SUBORDINATE_BUS = 0x1a,
	DEVICES = 32, /* of a bus */
	CAPABILITIES_MAX = 48, /* of 4 bytes in 192: ends a looping list */
};

static struct pci_function driven[PCI_DRIVEN_MAX]; /* by the kernel */
static uint32_t ndriven;

uint32_t pci_read(struct pci_function f, uint8_t offset)
{
	outl(CONFIG_ADDRESS, 1u << 31 | (uint32_t)f.bus << 16 | (uint32_t)f.device << 11 |
	                             (uint32_t)f.function << 8 | (offset & 0xfc));
	return inl(CONFIG_DATA);
}

uint8_t pci_read8(struct pci_function f, uint8_t offset)
{
	return (uint8_t)(pci_read(f, offset) >> (offset & 3) * 8);
}

void pci_write(struct pci_function f, uint8_t offset, uint32_t v)
{
	pci_read(f, offset); /* selects the register */
	outl(CONFIG_DATA, v);
}

static bool is_there(struct pci_function f) { return (pci_read(f, 0) & 0xffff) != 0xffff; }

static bool matches(struct pci_function f, struct pci_id id)
{
	uint32_t is = pci_read(f, 0);

	return (is & 0xffff) == id.vendor && (is >> 16 == id.device[0] || is >> 16 == id.device[1]);
}

/* Is it a bridge? Then the highest bus behind it, else 0. */
static uint32_t last_bus_behind(struct pci_function f)
{
	bool bridge = (pci_read(f, HEADER) & HEADER_TYPE) == HEADER_BRIDGE;

	return bridge ? pci_read8(f, SUBORDINATE_BUS) : 0;
}

/* Look at one device's functions; *last becomes the highest bus that is known of. Returns how many
 * match. */
static uint32_t look_at(struct pci_function f, struct pci_id id, struct pci_function out[],
                        uint32_t n, uint32_t *last)
{
	uint8_t functions = pci_read(f, HEADER) & MULTI_FUNCTION ? 8 : 1;
	uint32_t found = 0;

	for (f.function = 0; f.function < functions; f.function++) {
		uint32_t behind = is_there(f) ? last_bus_behind(f) : 0;

		*last = behind > *last ? behind : *last;
		if (matches(f, id) && found < n)
			out[found++] = f;
	}
	return found;
}

uint32_t pci_find(struct pci_id id, struct pci_function out[], uint32_t n)
{
	uint32_t found = 0, last = 0;

	for (uint32_t slot = 0; slot < (last + 1) * DEVICES; slot++) {
		struct pci_function f = { (uint8_t)(slot / DEVICES), slot % DEVICES, 0 };

		if (is_there(f))
			found += look_at(f, id, out + found, n - found, &last);
	}
	return found;
}

/* Does memory BAR n take two words? */
static bool pci_bar_is_wide(struct pci_function f, int n)
{
	return (pci_read(f, (uint8_t)(BAR0 + 4 * n)) & 7) == 4 && n < BARS - 1;
}

uint64_t pci_bar(struct pci_function f, int n)
{
	uint8_t offset = (uint8_t)(BAR0 + 4 * n);
	uint32_t low = pci_read(f, offset);

	if (n >= BARS || low & 1)
		return 0;
	if (pci_bar_is_wide(f, n))
		return (uint64_t)pci_read(f, offset + 4) << 32 | (low & ~15u);
	return low & ~15u;
}

uint8_t pci_capability(struct pci_function f, uint8_t id, uint8_t from)
{
	if (!(pci_read(f, COMMAND) & STATUS_HAS_CAPABILITIES))
		return 0;
	uint8_t at = pci_read8(f, from ? from + 1 : CAPABILITIES) & 0xfc;
	for (int i = 0; at && i < CAPABILITIES_MAX; i++) {
		if (pci_read8(f, at) == id)
			return at;
		at = pci_read8(f, at + 1) & 0xfc;
	}
	return 0;
}

void pci_enable(struct pci_function f)
{
	assert(ndriven < PCI_DRIVEN_MAX);
	driven[ndriven++] = f;
	pci_write(f, COMMAND,
	          (pci_read(f, COMMAND) & 0xffff) | COMMAND_MEMORY_MASTER | COMMAND_NO_INTX);
}

/* How much a BAR decodes, 0 if it is not of this kind: what stays 0 when ones are written. The
 * function answers to nothing meanwhile. */
static uint64_t bar_size(struct pci_function f, int n, bool ports)
{
	uint8_t offset = (uint8_t)(BAR0 + 4 * n);
	uint32_t bar = pci_read(f, offset), command = pci_read(f, COMMAND) & 0xffff;
	uint32_t fixed = ports ? 3 : 15;

	if (bar == 0 || (bar & 1) != ports)
		return 0;
	pci_write(f, COMMAND, command & ~(uint32_t)COMMAND_DECODE);
	pci_write(f, offset, UINT32_MAX);
	uint32_t ones = pci_read(f, offset) & ~fixed;
	pci_write(f, offset, bar);
	pci_write(f, COMMAND, command);
	return ones & -ones; /* the lowest bit that can be set */
}

/* Do n bytes from `first` lie in a BAR of this function? One at 0 has no address yet. */
static bool in_bar(struct pci_function f, bool ports, uint64_t first, uint32_t n)
{
	for (int i = 0; i < BARS; i++) {
		uint64_t size = bar_size(f, i, ports);
		uint64_t base = ports ? pci_read(f, (uint8_t)(BAR0 + 4 * i)) & ~3u : pci_bar(f, i);

		if (size && base && first >= base && first - base < size && n <= size - (first - base))
			return true;
		if (size && !ports && pci_bar_is_wide(f, i))
			i++; /* its upper half */
	}
	return false;
}

static bool is_driven(struct pci_function f)
{
	uint32_t i = 0;

	while (i < ndriven && (f.bus != driven[i].bus || f.device != driven[i].device ||
	                       f.function != driven[i].function))
		i++;
	return i < ndriven;
}

/* A device (not a bridge), and not the kernel's. */
static bool is_free(struct pci_function f)
{
	return is_there(f) && !is_driven(f) && (pci_read(f, HEADER) & HEADER_TYPE) == 0;
}

bool pci_hand_out(bool ports, uint64_t first, uint32_t n)
{
	for (unsigned i = 0; i < 32 * 8; i++) {
		struct pci_function f = { 0, (uint8_t)(i / 8), i % 8 };

		if (!is_free(f) || !in_bar(f, ports, first, n))
			continue;
		pci_write(f, COMMAND, ((pci_read(f, COMMAND) & 0xffff) | COMMAND_DECODE) &
		                              ~(uint32_t)COMMAND_MASTER);
		return true;
	}
	return false;
}
