/* kernel/timer.h - the local APIC: its one-shot timer, end of interrupt, and the
 * calibration of the time stamp counter. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Set up the local APIC, silence the old controllers, measure info.tsc_hz. */
void timer_init(void);

/* Interrupt (VEC_TIMER) when the time stamp counter passes `when`; WAIT_FOREVER: never. */
void timer_arm(uint64_t when);

/* The same in a slice's time from now on (info.slice_cycles), which needs no arithmetic. */
void timer_arm_slice(void);

/* The interrupt being served is over. */
void timer_eoi(void);

/* Route line `irq` of the I/O APIC to a vector of this CPU: how it reports (enum
 * exo_device_mode), and whether it is masked. */
void timer_route(uint8_t irq, uint8_t vector, uint32_t mode, bool masked);
