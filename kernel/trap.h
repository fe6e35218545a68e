/* kernel/trap.h - what entry.S calls. SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>

struct trap;

/* An exception in the kernel, or one that the running environment cannot take. Returns only
 * after a fault of a handler's, with trap->rip where it goes on. */
void exception(struct trap *trap, uint32_t vector);

/* An interrupt; may change the frame into an upcall, or not return. */
void interrupt(struct trap *trap, uint32_t vector);
