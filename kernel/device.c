/* kernel/device.c - see device.h.
 *
 * Source: 82093AA (I/O APIC) data sheet; IBM PC/AT port assignments. SPDX-License-Identifier: ISC */
#include "exo/err.h"
#include "kernel/cpu.h"
#include "kernel/device.h"
#include "kernel/env.h"
#include "kernel/generation.h"
#include "kernel/info.h"
#include "kernel/panic.h"
#include "kernel/pci.h"
#include "kernel/timer.h"
#include "kernel/upcall.h"

_Static_assert(EXO_IRQ_LINES == IRQ_LINES, "a vector for each line");

struct range {
	uint16_t first, count;
};

/* Devices at fixed ports that can reach no memory, and that the kernel does not use. */
static const struct range harmless[] = {
	{ 0x2f8, 8 }, /* COM2 */
	{ 0x3e8, 8 }, /* COM3 */
	{ 0x2e8, 8 }, /* COM4 */
	{ 0x378, 3 }, /* parallel port */
};

/* Those that can: the two 8237, their page registers, QEMU's fw_cfg. */
static const struct range dma[] = { { 0x00, 32 }, { 0x80, 16 }, { 0xc0, 32 }, { 0x510, 12 } };

static bool within(const struct range *r, const struct exo_device *d)
{
	return d->first >= r->first && d->first + d->count <= (uint64_t)r->first + r->count;
}

static bool overlap(uint64_t a, uint32_t na, uint64_t b, uint32_t nb)
{
	return a < b + nb && b < a + na;
}

static int vet_ports(const struct exo_device *d)
{
	for (unsigned i = 0; i < sizeof dma / sizeof *dma; i++)
		if (overlap(d->first, d->count, dma[i].first, dma[i].count))
			return -E_DMA;
	for (unsigned i = 0; i < sizeof harmless / sizeof *harmless; i++)
		if (within(&harmless[i], d))
			return 0;
	return pci_hand_out(true, d->first, d->count) ? 0 : -E_PERM;
}

int device_vet(const struct exo_device *wanted)
{
	for (uint32_t i = 0; i < EXO_DEVICE_MAX; i++) {
		const struct exo_device *d = &info.device[i];

		if (d->owner && d->kind == wanted->kind &&
		    overlap(d->first, d->count, wanted->first, wanted->count))
			return -E_BUSY;
	}
	if (wanted->mode & DEVICE_MASTER)
		return -E_DMA;
	switch (wanted->kind) {
	case DEVICE_IRQ:
		return wanted->first == CONSOLE_IRQ ? -E_PERM : 0;
	case DEVICE_PORTS:
		return vet_ports(wanted);
	default:
		return pci_hand_out(false, wanted->first, wanted->count) ? 0 : -E_PERM;
	}
}

void device_init(void)
{
	for (uint32_t i = 0; i < EXO_DEVICE_MAX; i++)
		info.device[i].generation = generation_first;
}

static void route(const struct exo_device *d, bool masked)
{
	timer_route((uint8_t)d->first, (uint8_t)(VEC_IRQ + d->first), d->mode, masked);
}

long device_own(const struct exo_device *wanted, struct env *env)
{
	uint32_t i = 0;

	while (i < EXO_DEVICE_MAX &&
	       (info.device[i].owner || info.device[i].generation > GENERATION_MAX))
		i++;
	if (i == EXO_DEVICE_MAX)
		return -E_NOSPC;
	uint32_t generation = info.device[i].generation;
	info.device[i] = *wanted;
	info.device[i].generation = generation;
	info.device[i].owner = env->id;
	env->devices++;
	if (wanted->kind == DEVICE_IRQ)
		route(wanted, false);
	return i;
}

static struct env *owner_of(const struct exo_device *d)
{
	struct env *env = env_by_id(d->owner);

	assert(env); /* what ends gives all back */
	return env;
}

void device_give(uint32_t index, struct env *to)
{
	struct exo_device *d = &info.device[index];

	owner_of(d)->devices--;
	d->owner = to->id;
	to->devices++;
	if (d->pending)
		to->page->pending |= UPCALL_IRQ;
}

void device_free(uint32_t index)
{
	struct exo_device *d = &info.device[index];

	owner_of(d)->devices--;
	if (d->kind == DEVICE_IRQ)
		route(d, true);
	*d = (struct exo_device){ .generation = d->generation + 1 };
}

uint32_t device_first(const struct env *env)
{
	uint32_t i = 0;

	while (i < EXO_DEVICE_MAX && info.device[i].owner != env->id)
		i++;
	assert(i < EXO_DEVICE_MAX);
	return i;
}

void device_release(struct env *env)
{
	while (env->devices)
		device_free(device_first(env));
}

/* Who owns the line; NULL: nobody, any more. */
static struct exo_device *on_line(uint32_t line)
{
	for (uint32_t i = 0; i < EXO_DEVICE_MAX; i++)
		if (info.device[i].kind == DEVICE_IRQ && info.device[i].first == line)
			return &info.device[i];
	return NULL;
}

void device_interrupt(uint32_t line, struct trap *trap)
{
	struct exo_device *d = on_line(line);

	if (!d)
		return; /* it was freed while the interrupt was on its way */
	struct env *env = owner_of(d);
	route(d, true);
	d->pending = 1;
	d->interrupts++;
	if (cpu()->env == env)
		upcall_post(env, UPCALL_IRQ, trap);
	else
		env->page->pending |= UPCALL_IRQ;
}

void device_ack(uint32_t index)
{
	struct exo_device *d = &info.device[index];

	d->pending = 0;
	route(d, false);
}
