/* kernel/sys_device.c - devices driven in ring 3 (exo/device.h).
 *
 * Ports and registers are reached by a call for each access, not through the TSS's bitmap and
 * mapped pages: what is bound is then checked to the byte (PCI lets two devices share a page),
 * there is nothing to switch with the environment, and one generation revokes it all. An access
 * to a device costs far more than the call. SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "kernel/cap.h"
#include "kernel/cpu.h"
#include "kernel/device.h"
#include "kernel/env.h"
#include "kernel/info.h"
#include "kernel/kmap.h"
#include "kernel/pci.h"
#include "kernel/sys.h"

enum { PORT_END = 0x10000, PHYSICAL_BITS = 52 };

/* Does [first, first + count) lie in the numbers of its kind? */
static bool range_good(const struct exo_device *d)
{
	static const uint64_t end[DEVICE_KINDS] = { [DEVICE_IRQ] = EXO_IRQ_LINES,
		                                    [DEVICE_PORTS] = PORT_END,
		                                    [DEVICE_MEMORY] = 1ull << PHYSICAL_BITS };

	return d->count > 0 && d->first < end[d->kind] && d->count <= end[d->kind] - d->first;
}

static bool mode_good(const struct exo_device *d)
{
	uint32_t allowed = d->kind == DEVICE_IRQ ? DEVICE_LEVEL | DEVICE_LOW : DEVICE_MASTER;

	return !(d->mode & ~allowed) && (d->kind != DEVICE_IRQ || d->count == 1);
}

/* sys_device_claim - own a device that nobody owns.
 *   machine  slot of CAP_MACHINE with RIGHT_MAP
 *   kind     enum exo_device_kind, what first and count are: an interrupt line (count 1), which
 *            may interrupt at once; ports; physical addresses, those of a PCI function on bus 0
 *   mode     enum exo_device_mode
 * Returns a slot of CAP_DEVICE with all rights, or with nothing changed
 *   -E_PERM   machine; or it is the kernel's, or no device that the kernel knows
 *   -E_INVAL  kind, an empty range or one beyond the end, or mode
 *   -E_BUSY   part of it has an owner
 *   -E_DMA    it would reach all memory: mode has DEVICE_MASTER, or the ports are of a DMA controller
 *   -E_NOSPC  EXO_DEVICE_MAX devices, or no slot      -E_NOMEM  the slot table cannot grow */
long sys_device_claim(uint32_t machine, uint32_t kind, uint64_t first, uint32_t count,
                      uint32_t mode)
{
	struct env *env = cpu()->env;
	const struct exo_device wanted = { .kind = (uint8_t)kind, .first = first, .count = count,
		                           .mode = (uint16_t)mode };

	if (!slot_get(env, machine, CAP_MACHINE, RIGHT_MAP))
		return -E_PERM;
	if (kind == DEVICE_NONE || kind >= DEVICE_KINDS || mode > DEVICE_MODES ||
	    !range_good(&wanted) || !mode_good(&wanted))
		return -E_INVAL;
	int error = device_vet(&wanted);
	if (error)
		return error;
	long slot = slot_reserve(env, 1);
	if (slot < 0)
		return slot;
	long device = device_own(&wanted, env);
	if (device < 0)
		return device;
	slot_fill(env, (uint32_t)slot, CAP_DEVICE, (uint32_t)device, RIGHT_ALL);
	return slot;
}

/* sys_device_free - give a device back; every slot and capability of it is stale. What the
 * device was told to do it goes on doing.
 * Returns 0, or -E_PERM (slot of CAP_DEVICE with RIGHT_OWN). */
long sys_device_free(uint32_t slot) { return slot_end(cpu()->env, slot, CAP_DEVICE, device_free); }

/* The device that an access may go to, in *out. */
static int access(uint32_t slot, uint8_t right, uint32_t offset, uint32_t width,
                  const struct exo_device **out)
{
	struct slot *s = slot_get(cpu()->env, slot, CAP_DEVICE, right);
	const struct exo_device *d = s ? &info.device[s->index] : NULL;

	if (!d || d->kind == DEVICE_IRQ)
		return -E_PERM;
	if ((width != 1 && width != 2 && width != 4) || offset >= d->count ||
	    width > d->count - offset || (d->first + offset) % width)
		return -E_INVAL;
	*out = d;
	return 0;
}

static uint32_t read_port(uint16_t port, uint32_t width)
{
	return width == 1 ? inb(port) : width == 2 ? inw(port) : inl(port);
}

static uint32_t read_register(const volatile void *at, uint32_t width)
{
	return width == 1   ? *(const volatile uint8_t *)at
	       : width == 2 ? *(const volatile uint16_t *)at
	                    : *(const volatile uint32_t *)at;
}

/* sys_device_read - read a port or a register.
 *   slot    of CAP_DEVICE with RIGHT_READ
 *   offset  bytes from the device's first
 *   width   bytes: 1, 2 or 4; the access is aligned
 * Returns the value (0..UINT32_MAX), or
 *   -E_PERM   slot, or it is an interrupt line
 *   -E_INVAL  width, or beyond the device's end, or not aligned */
long sys_device_read(uint32_t slot, uint32_t offset, uint32_t width)
{
	const struct exo_device *d;
	int error = access(slot, RIGHT_READ, offset, width, &d);

	if (error)
		return error;
	return d->kind == DEVICE_PORTS ? read_port((uint16_t)(d->first + offset), width)
	                               : read_register(kmap_register(d->first + offset), width);
}

static void write_port(uint16_t port, uint32_t width, uint32_t value)
{
	if (width == 1)
		outb(port, (uint8_t)value);
	else if (width == 2)
		outw(port, (uint16_t)value);
	else
		outl(port, value);
}

static void write_register(volatile void *at, uint32_t width, uint32_t value)
{
	if (width == 1)
		*(volatile uint8_t *)at = (uint8_t)value;
	else if (width == 2)
		*(volatile uint16_t *)at = (uint16_t)value;
	else
		*(volatile uint32_t *)at = value;
}

/* sys_device_write - write a port or a register; RIGHT_WRITE, else as sys_device_read.
 * Returns 0, -E_PERM or -E_INVAL. */
long sys_device_write(uint32_t slot, uint32_t offset, uint32_t width, uint32_t value)
{
	const struct exo_device *d;
	int error = access(slot, RIGHT_WRITE, offset, width, &d);

	if (error)
		return error;
	if (d->kind == DEVICE_PORTS)
		write_port((uint16_t)(d->first + offset), width, value);
	else
		write_register(kmap_register(d->first + offset), width, value);
	return 0;
}

/* sys_irq_ack - acknowledge an interrupt: the line may interrupt again.
 *   slot  of CAP_DEVICE, an interrupt line, with RIGHT_RECV
 * Returns 0 (also when there was none), or -E_PERM (slot). */
long sys_irq_ack(uint32_t slot)
{
	struct slot *s = slot_get(cpu()->env, slot, CAP_DEVICE, RIGHT_RECV);

	if (!s || info.device[s->index].kind != DEVICE_IRQ)
		return -E_PERM;
	device_ack(s->index);
	return 0;
}

/* sys_pci_read - read a word of a PCI function's configuration, to find its registers.
 *   machine   slot of CAP_MACHINE with RIGHT_MAP
 *   function  bus << 8 | device << 3 | function
 *   offset    bytes, a multiple of 4, below 256
 * Returns the word (all ones where there is no function), -E_PERM (machine) or -E_INVAL. */
long sys_pci_read(uint32_t machine, uint32_t function, uint32_t offset)
{
	const struct pci_function f = { (uint8_t)(function >> 8), function >> 3 & 31, function & 7 };

	if (!slot_get(cpu()->env, machine, CAP_MACHINE, RIGHT_MAP))
		return -E_PERM;
	if (function > UINT16_MAX || offset > 252 || offset % 4)
		return -E_INVAL;
	return pci_read(f, (uint8_t)offset);
}
