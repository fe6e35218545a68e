/* exo/info.h - what the kernel shows to every environment, read-only, at EXO_INFO.
 *
 * These are the kernel's own words, not copies. Layer: ABI. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "exo/device.h"

enum {
	EXO_ABI_VERSION = 1,
	EXO_MODULE_MAX = 16,
	EXO_LOG_SIZE = 16384,
	EXO_FILTER_MAX = 1024,
	EXO_PAIR_MAX = 4, /* queue pairs: pair n is that of the nth interface; what is beyond is not
	                     driven */
	PAIR_ANY = 0,     /* sys_pair_alloc: any */
};

/* Where a frame can end. Every received frame ends in exactly one of these:
 * nic.received = nic.delivered + nic.held + sum of nic.drop[]. A frame that several owners
 * get counts once, as delivered if any got it; nic.held counts those on their way. */
#define EXO_DROPS(X)                                                        \
	X(UNCLAIMED, "no filter accepts it, or no ring is bound to its pair") \
	X(NOBUF, "the owner's ring has no free buffer")                     \
	X(LENGTH, "shorter than a header or longer than a frame may be")    \
	X(RING, "the owner's ring holds impossible values")                 \
	X(DEVICE, "the device reported a buffer or a length it was not given") \
	X(FRAGMENT, "a later fragment whose first one did not come in time")

enum exo_drop {
#define X(name, text) DROP_##name,
	EXO_DROPS(X)
#undef X
	DROP_COUNT
};

/* One queue pair of a network interface, and the wire it is on (sys_pair_alloc). */
struct exo_nic {
	uint8_t mac[6];
	uint8_t present;
	uint8_t link; /* 1: up */
	uint32_t mtu;  /* bytes after the Ethernet header */
	uint32_t held; /* later fragments that wait for their first one */
	uint64_t received, received_bytes;
	uint64_t delivered; /* frames that at least one ring got */
	uint64_t copies;    /* ring deliveries: >= delivered */
	uint64_t drop[8];   /* enum exo_drop */
	uint64_t sent, sent_bytes;
	uint64_t refused;   /* transmit frames refused by form or filter */
	uint64_t polls, interrupts;
	uint32_t owner;      /* environment id; 0: nobody */
	uint32_t generation;
	uint32_t ring;       /* if it is bound: index of the ring that gets its frames */
	uint32_t bound;      /* 1: one does */
};

struct exo_module {
	uint32_t page;  /* first physical page number */
	uint32_t slot;  /* first slot in the first environment's table */
	uint64_t size;  /* bytes; the tail of the last page is zero */
	char name[48];  /* the words after the module's file name on its command line, or
	                   the file's base name; NUL-terminated */
};

struct exo_info {
	uint32_t abi; /* EXO_ABI_VERSION */
	uint32_t npages;
	uint32_t free_pages;
	uint32_t free_head; /* first page of the free list, 0: empty */
	uint64_t tsc_hz;
	uint64_t boot_tsc;  /* time stamp counter at the kernel's entry */
	uint64_t slice_cycles; /* length of a slice */
	uint32_t slice_now;    /* position in the time vector */
	uint32_t running;      /* id of the running environment */
	uint32_t console_in;   /* characters received so far */
	uint32_t key_is_test;  /* 1: capabilities use the well-known test key */
	uint32_t modules;
	uint32_t filters;      /* installed */
	uint64_t cap_refused;  /* forged, stale or mistyped capabilities presented */
	uint64_t idle_cycles;  /* the CPU was halted */
	uint64_t kernel_cycles; /* work with no environment running: frames, revocations */
	uint32_t cr4, efer;    /* control registers as they are: what protects */
	uint64_t scrubs;       /* pages filled with zeros */
	uint64_t splits;       /* tables of the direct map, made where a page became executable
	                          for the first time in its 2 MB; they stay */
	uint64_t stlb_refills; /* page faults that the software TLB has answered */
	uint64_t tables_recycled; /* last-level page tables whose mappings went to it */
	uint64_t stlb_lost;    /* mappings that had to leave it for others */
	uint64_t interruptions; /* raised whenever the kernel has run uncalled: what was read of
	                           several exposed words while it stayed as it was is of one
	                           moment. One aligned word never tears (SDM vol. 3, 8.1.1) */
	union {
		struct exo_nic nic; /* pair 0: everybody's, by filters; it has no owner */
		struct exo_nic pair[EXO_PAIR_MAX];
	};
	struct exo_module module[EXO_MODULE_MAX];
	char cmdline[256];
	struct exo_device device[EXO_DEVICE_MAX];
};
_Static_assert(offsetof(struct exo_info, nic) == 144, "ABI");
_Static_assert(sizeof(struct exo_nic) == 168, "ABI");
_Static_assert(sizeof(struct exo_info) == 144 + 168 * EXO_PAIR_MAX + 64 * EXO_MODULE_MAX + 256 +
                                                 32 * EXO_DEVICE_MAX, "ABI");

/* exo_filter_info.handler (sys_ash_bind) */
enum exo_handler_state {
	HANDLER_NONE,
	HANDLER_BOUND,
	HANDLER_LOST, /* it aborted too often, and was unbound */
};

struct exo_filter_info {
	uint32_t owner; /* environment id; 0: free entry */
	uint32_t generation;
	uint32_t ring;  /* index of the ring it feeds */
	uint32_t flags;
	uint64_t frames, bytes, dropped;
	uint64_t handled; /* frames that its handler consumed or answered */
	uint64_t aborted; /* runs of its handler that ended badly */
	uint32_t handler; /* enum exo_handler_state */
	uint32_t zero;
	uint64_t runs, replied; /* of its handlers; replies are among the handled */
	uint64_t charged; /* to their budgets: loops, calls and helpers (ash/ash.h) */
	uint64_t cycles;  /* time stamp counter cycles that the kernel worked for its frames, handlers
	                     and replies included; entry 0: for those that nobody got */
};
_Static_assert(sizeof(struct exo_filter_info) == 96, "ABI");

/* The kernel's log: text[] is circular; head counts all bytes ever written. */
struct exo_log {
	uint64_t head;
	char text[EXO_LOG_SIZE];
};
