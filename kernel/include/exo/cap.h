/* exo/cap.h - capabilities and the slots that bind them.
 *
 * A capability is a 128-bit self-authenticating bearer value: whoever holds the
 * bits may use them (SOSP '95, section 3.1; Chaum & Fabry). It names an object, the
 * generation of that object, and rights:
 *
 *   word 0   63      56 55         32 31  28 27                  0
 *           +----------+-------------+------+---------------------+
 *           |  rights  | generation  | type |        index        |
 *           +----------+-------------+------+---------------------+
 *   word 1  +-----------------------------------------------------+
 *           |   SipHash-2-4 of word 0, under a key made at boot    |
 *           +-----------------------------------------------------+
 *
 * sys_cap_bind verifies the hash and the generation once and returns a slot of the
 * environment's binding table. Every other call names slots, and checks only the
 * slot's type, rights and generation. Raising an object's generation breaks
 * every capability and every slot that names it; an object that has had the last
 * generation and is freed is never used again.
 *
 * Layer: ABI. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdint.h>

struct exo_cap {
	uint64_t name; /* rights, generation, type, index: see the picture */
	uint64_t mac;
};
_Static_assert(sizeof(struct exo_cap) == 16, "ABI");

/* What an index counts. */
enum exo_cap_type {
	CAP_NONE,
	CAP_PAGE,    /* physical page number */
	CAP_ENV,     /* entry of EXO_ENVS */
	CAP_SLICE,   /* entry of EXO_SLICES */
	CAP_RING,    /* packet ring */
	CAP_FILTER,  /* entry of EXO_FILTERS */
	CAP_NIC,     /* network interface */
	CAP_MACHINE, /* the console, the power switch, unclaimed devices; index 0 */
	CAP_DEVICE,  /* entry of info.device[] */
	CAP_PAIR,    /* queue pair of a network interface: entry of info.pair[] */
	CAP_TYPES
};

/* Rights, one bit each; their meaning depends on the type. */
enum exo_right {
	RIGHT_READ = 1,   /* page: map readable; machine: console in; device: read; filter: copy
	                     its frames; nic: copy any frame (FILTER_SHARED); pair: receive */
	RIGHT_WRITE = 2,  /* page: map writable; machine: console out; device: write; pair: send */
	RIGHT_EXEC = 4,   /* page: map executable */
	RIGHT_OWN = 8,    /* free, give, revoke, mint for others */
	RIGHT_MAP = 16,   /* env: change its address space; ring: bind pages, send; machine: claim
	                     devices; nic: own queue pairs */
	RIGHT_RUN = 32,   /* env: start, stop, donate time; machine: power */
	RIGHT_RECV = 64,  /* ring: deliver frames to it; nic: insert filters; device: acknowledge
	                     interrupts */
	RIGHT_CARVE = 128, /* filter: insert a filter that takes frames from it; nic: send any
	                      frame, take any frame */
	RIGHT_ALL = 255
};

/* Slots every environment starts with. */
enum exo_slot {
	SLOT_SELF = 0,     /* its own CAP_ENV, RIGHT_ALL */
	SLOT_FIRST_FREE = 1,
	/* The first environment only: */
	SLOT_NIC = 1,      /* CAP_NIC 0, RIGHT_ALL (stale when the machine has none) */
	SLOT_MACHINE = 2,  /* CAP_MACHINE, RIGHT_ALL */
	SLOT_MODULES = 3,  /* pages of the boot modules, in order (exo_info.module) */
};
