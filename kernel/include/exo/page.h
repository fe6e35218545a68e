/* exo/page.h - physical pages, as the kernel tracks them and everybody may read them.
 *
 * EXO_PAGES is an array of these, one for each physical page number.
 * Layer: ABI. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdint.h>

enum exo_page_state {
	PAGE_RESERVED,   /* not RAM, firmware, or out of the kernel's reach */
	PAGE_FREE,       /* on the free list: next, prev are page numbers, 0 ends the list */
	PAGE_KERNEL,     /* the kernel's own */
	PAGE_OWNED,      /* an environment's; charged to owner */
	PAGE_TABLE,      /* a hardware page table of owner's; charged to owner */
	PAGE_QUARANTINE, /* freed while a device was still using it */
};

struct exo_page {
	uint32_t owner;      /* environment id; 0: nobody */
	uint32_t generation; /* 24 bits; raised when the page changes hands */
	uint32_t next, prev; /* free list */
	uint16_t pins;       /* rings and devices that reach the page by physical address */
	uint16_t kernel_writes; /* rings through which the kernel writes it */
	uint8_t state;       /* enum exo_page_state */
	uint8_t executable;  /* 1: some mapping can execute it; none can write it */
	uint8_t guaranteed;  /* 1: never taken by force (sys_page_guarantee) */
	uint8_t scrubbed;    /* 1: on the free list, and known to hold nothing but zeros */
	uint8_t touched;     /* 2: accessed, 4: dirty, through a mapping that has left the software
	                        TLB for another (sys_page_scan) */
	uint8_t zero[7];
};
_Static_assert(sizeof(struct exo_page) == 32, "ABI");

/* Protection of a mapping. A page is never writable and executable at once, by
 * whatever mappings it has: the second one is refused with -E_BUSY. */
enum exo_prot {
	PROT_R = 1,
	PROT_W = 2,
	PROT_X = 4,
	PROT_SOFT = 0x38, /* three bits that belong to the application */
	/* The right to write stays bound, where it was: sys_page_protect may give PROT_W again
	 * without a slot. PROT_W implies it. It counts as writable: never with PROT_X. */
	PROT_HELD = 64,
	/* The mapping is always in a page table: that table is never recycled, while anything
	 * is mapped in it. For what handles page faults: code, data, stack. */
	PROT_GUARANTEED = 128,
};

/* sys_page_alloc: any free page will do. */
#define PAGE_ANY 0xffffffffu
