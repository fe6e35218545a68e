/* kernel/device.h - devices owned by environments (exo/device.h): who owns which, and their
 * interrupts. The records are info.device[]. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/device.h"

enum { CONSOLE_IRQ = 4 };

struct env;
struct trap;

void device_init(void);

/* May an environment own this? Switches off the bus mastering of the function it is part of.
 * Returns 0, or
 *   -E_BUSY  part of it has an owner
 *   -E_DMA   mode asks for a bus master, or the ports are those of a DMA controller
 *   -E_PERM  it is the kernel's, or no device that the kernel knows */
int device_vet(const struct exo_device *wanted);

/* Own what device_vet has found good. Returns its index, or -E_NOSPC. */
long device_own(const struct exo_device *wanted, struct env *env);

void device_give(uint32_t index, struct env *to);

/* Nobody's again: its line is masked, and every slot of it is stale. */
void device_free(uint32_t index);

/* Free all of env's. */
void device_release(struct env *env);

/* The first of env's. REQUIRES that it has one. */
uint32_t device_first(const struct env *env);

/* The line has interrupted whoever ran with these registers: mask it, tell its owner. */
void device_interrupt(uint32_t line, struct trap *trap);

/* Let the line of a device interrupt again. */
void device_ack(uint32_t index);
