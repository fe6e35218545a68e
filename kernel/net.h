/* kernel/net.h - the way of a frame, from the interface to its owner's ring.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { NET_QUOTA = 64 }; /* frames of one poll: a flood cannot hold the CPU for longer */

/* A bit for each queue pair whose interrupt is off: it is polled. transfer.S knows it, and net_due. */
extern uint32_t net_polled;

/* The time stamp at which all are looked at next, a slice after the last look: nothing but that tells
 * what was sent while somebody runs, and yields put the timer off for as long as they come. */
extern uint64_t net_due;

static inline void net_set_polled(uint32_t pair, bool on)
{
	net_polled = on ? net_polled | 1u << pair : net_polled & ~(1u << pair);
}

/* Take what has arrived, within the quota. Interrupts stay off while there is more:
 * under load the interface is polled (Mogul & Ramakrishnan, 1997). */
void net_poll(void);

/* The same, of what is polled, or of all when it is due: once for every turn of the scheduler. */
void net_turn(uint64_t now);

/* The interface interrupts. */
void net_interrupt(void);

/* Poll before idling. True: nothing happened, and an interrupt will tell when it does. */
bool net_idle(void);

/* When net_poll must be called at the latest, in cycles of the time stamp counter; WAIT_FOREVER: when
 * something comes. */
uint64_t net_deadline(void);
