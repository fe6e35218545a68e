/* exo/env.h - an environment: its four contexts, and what others may read about it.
 *
 * The environment page, at EXO_ENVPAGE, is the part of an environment that kernel and
 * environment share: where the kernel enters it, and where the kernel leaves what it
 * had to save. The kernel saves three registers and the interrupted frame; whatever else
 * must survive is saved by the environment itself (SOSP '95, section 5.1).
 * The page belongs to the environment: it may write any nonsense there and harms only
 * itself. The kernel reads each word once and believes none of them.
 *
 * Layer: ABI. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
	EXO_ENV_MAX = 64,
	EXO_ENV_INDEX_BITS = 12, /* an environment id is generation << 12 | index; never 0 */
	EXO_SLICE_MAX = 64,
	EXO_LOST_MAX = 256,
	EXO_GUARANTEED_MAX = 8, /* pages of an environment that are never taken by force */
};

/* What iretq pops, in its order. */
struct exo_frame {
	uint64_t rip, cs, rflags, rsp, ss;
};

/* One save area. The kernel fills it and then enters the environment with
 * rax = cause, rcx = rip, rdx = address, all other registers as interrupted. */
struct exo_save {
	uint64_t rax, rcx, rdx;
	uint64_t cause;   /* exception: vector; upcall: the pending bits */
	uint64_t error;   /* exception: the CPU's error code, 0 where it pushes none */
	uint64_t address; /* page fault: the address (CR2) */
	struct exo_frame frame;
};

/* Reasons for an upcall; bits, because several can be pending at once. */
enum exo_upcall {
	UPCALL_SLICE_END = 1, /* save what you need and sys_yield: you pay for excess time */
	UPCALL_REVOKE = 2,    /* give back what struct exo_envpage.revoke asks for */
	UPCALL_LOST = 4,      /* the repossession vector has grown */
	UPCALL_CALLEE_DIED = 8, /* the environment called synchronously ended instead of returning */
	UPCALL_HANDLER = 16, /* a handler of ours called helper `wake` (exo/ash.h) */
	UPCALL_CHILD_ENDED = 32, /* an environment whose parent this is has ended: see its record */
	UPCALL_IRQ = 64, /* a device of ours has interrupted: see info.device[].pending */
};

struct exo_envpage {
	/* Written by the environment. Entry points: 0 means none. */
	uint64_t exception_entry; /* with save area `exception`; exception_active is 1 */
	uint64_t upcall_entry;    /* with save area `upcall`; masked is 1 */
	uint64_t start_entry;     /* a slice begins: rdi = pending bits, all other registers 0,
	                             masked is 1 */
	/* While rip is in [resume_lo, resume_hi) upcalls count as masked, and an
	 * interrupted environment continues at resume_lo: the instructions there must be
	 * restartable. This makes "unmask and return" one atomic step. */
	uint64_t resume_lo, resume_hi;

	/* Written by both. */
	uint32_t masked;           /* nonzero: upcalls are only noted in `pending` */
	uint32_t pending;          /* enum exo_upcall; the environment clears what it handles */
	uint32_t exception_active; /* nonzero: another exception ends the environment */
	uint32_t conflict; /* written by sys_filter_insert: the filter that -E_OVERLAP is about */

	struct exo_save exception;
	struct exo_save upcall;

	/* The protected entry context, written by the environment: where other environments'
	 * control transfers arrive (sys_call, sys_send); addresses below 4 GB. rax = the
	 * caller's id, rsp = 0, masked is 1; the registers the caller chose are the message. */
	uint32_t sync_entry, async_entry;
	uint64_t zero2;
	uint32_t open;  /* nonzero: willing, at both; cleared by the kernel at each arrival */
	uint32_t lost_count; /* entries of lost[] written; beyond EXO_LOST_MAX only counted */

	/* Visible revocation (UPCALL_REVOKE): give back `count` resources of one type, of
	 * your choice, before the deadline. Written by the kernel. */
	struct {
		uint64_t deadline; /* time stamp counter */
		uint32_t type;     /* enum exo_cap_type: page, slice, ring, filter, device or pair */
		uint32_t count;
	} revoke;
	/* The repossession vector (UPCALL_LOST): what the kernel has taken by force. The
	 * environment sets lost_count to 0 when it has read it. */
	struct exo_lost {
		uint32_t type;
		uint32_t name; /* page number, position of a slice, index of a ring, filter, device or pair */
		uint32_t backing; /* page: number of the one that received its contents, or 0 */
	} lost[EXO_LOST_MAX];
};
_Static_assert(sizeof(struct exo_frame) == 40, "iretq");
_Static_assert(sizeof(struct exo_save) == 88, "ABI");
_Static_assert(offsetof(struct exo_envpage, masked) == 40, "ABI: assembly uses it");
_Static_assert(offsetof(struct exo_envpage, exception) == 56, "ABI: assembly uses it");
_Static_assert(offsetof(struct exo_envpage, upcall) == 144, "ABI: assembly uses it");
_Static_assert(offsetof(struct exo_envpage, sync_entry) == 232, "ABI: assembly uses it");
_Static_assert(sizeof(struct exo_envpage) == 272 + 12 * EXO_LOST_MAX, "ABI");

enum exo_env_state {
	ENV_FREE,
	ENV_NEW,     /* created, not started */
	ENV_READY,   /* runs when a slice of its own, or a donated one, comes up */
	ENV_WAITING, /* the same, once its wakeup predicate holds */
	ENV_ENDED,   /* over: the record stays until it is destroyed again, or its parent ends */
};

/* Why an environment ended. */
enum exo_env_end {
	END_NONE,
	END_EXIT,      /* destroyed itself; code is its argument */
	END_DESTROYED, /* destroyed by a holder of its capability */
	END_EXCEPTION, /* an exception with no handler, or in the handler: see crash */
	END_EXCESS,    /* held the CPU past the excess-time limit */
	END_ENTRY,     /* an entry point of its was not an address of its own */
};

/* EXO_ENVS is an array of these. */
struct exo_env {
	uint32_t id; /* 0: free entry */
	uint32_t parent;
	uint8_t state;  /* enum exo_env_state */
	uint8_t ended;  /* enum exo_env_end */
	uint16_t excess; /* ticks held past a slice's end, not yet forfeited */
	uint32_t code;  /* exit code */
	uint32_t pages;  /* physical pages owned */
	uint32_t tables; /* page tables charged, of table_limit */
	uint32_t table_limit;
	uint32_t slots; /* binding slots in use */
	uint64_t cycles;  /* time stamp counter cycles spent in it and for it */
	uint64_t slices;  /* slices begun */
	uint64_t debt;    /* cycles that the kernel spent for its filters, as it last looked: each
	                     slice's worth is paid with a slice, or one that it let pass; all of
	                     it, when nobody wants the CPU */
	struct exo_save crash; /* ended == END_EXCEPTION: the last exception */
	char name[16];
};
_Static_assert(sizeof(struct exo_env) == 160, "ABI");

/* EXO_SLICES: the time vector. The CPU runs the slices in order, round and round. */
struct exo_slice {
	uint32_t owner; /* environment id; 0: free */
	uint32_t generation; /* raised when it is freed; above 2^24 - 1 it stays nobody's */
};
_Static_assert(sizeof(struct exo_slice) == 8, "ABI");
