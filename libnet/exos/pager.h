/* libnet/exos/pager.h - more pages than frames: a program that pages by itself, and chooses what leaves.
 *
 * A pager stands for `pages` pages from `base` on with `frames` physical pages. Who touches a page that
 * has no frame faults; the program's exception handler asks pager_fault, which takes a free frame, or the one that the
 * program's policy names, writes its page to the program's store if it is dirty, fetches the other
 * one, and maps it. The kernel is asked to map and to unmap; whether a page was used or written is read
 * in its page-table entry, without a call (exo/table.h).
 *
 * A policy is a function: three are here, and one that knows what its program does next is better than any of
 * them. The store is two functions: other memory, other environments' pages, or what can be reached from
 * an exception handler.
 *
 * Every frame is mapped a second time, in the window, for as long as it is the pager's: that is where a
 * store's functions see it.
 *
 * Model: SOSP '95, sections 3.1 and 7.2 (a page table of the application's); the survey of policies in Belady, IBM
 *        Systems Journal 5(2), 1966.
 * Layer: libnet/exos. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
	PAGER_FRAMES = 64,
	PAGER_PAGES = 4096,
	PAGER_NONE = UINT32_MAX - 1,
};

struct pager;

/* Where pages are that have no frame. Both get a page's number, 0 .. pages - 1, and a frame in the window,
 * and return whether it worked. They run in the exception handler, masked, where nothing may
 * fault: what they touch is mapped with PROT_GUARANTEED, and is not the pager's. */
struct pager_store {
	bool (*fetch)(void *context, uint32_t page, void *frame);
	bool (*keep)(void *context, uint32_t page, const void *frame);
	void *context;
};

/* The index of the frame that shall be taken for `page`, which has none. All frames are in use. */
typedef uint32_t pager_policy(struct pager *, uint32_t page);

pager_policy pager_fifo; /* the one that was filled first */
pager_policy pager_lru;  /* the one that was not used for longest, as far as accessed bits tell */
pager_policy pager_mru;  /* the one that was used last; of several, whose page comes next before this one, in a circle */

struct pager_frame {
	uint32_t page;   /* that is in it; PAGER_NONE */
	uint32_t slot;   /* of ours, of CAP_PAGE */
	uint32_t number; /* the physical page */
	uint64_t loaded; /* the fault that filled it */
	uint64_t used;   /* the fault at which it was last seen to have been used (pager_sample) */
};

struct pager {
	/* The caller fills in these before pager_open, and may change policy and store at any time. */
	uint64_t base;   /* page-aligned; nothing else is mapped from here on for `pages` pages */
	uint64_t window; /* the same for `frames` pages */
	uint32_t pages;  /* 1..PAGER_PAGES */
	uint32_t frames; /* 1..PAGER_FRAMES */
	pager_policy *policy;
	struct pager_store store;
	/* The pager's. The counts may change at every access to its pages. */
	volatile uint64_t faults; /* pages fetched */
	volatile uint64_t kept;   /* pages written to the store */
	struct pager_frame frame[PAGER_FRAMES];
};

/* Own the frames. No page is in one yet. Returns 0, or with nothing changed
 *   -E_INVAL  pages, frames or an address is out of range
 *   -E_NOMEM, -E_NOSPC  no pages or slots are to be had (sys_page_alloc, sys_page_map) */
long pager_open(struct pager *);

/* To be called by the exception handler at a page fault. Returns whether the access can be
 * repeated; false, with no page lost: the address is not the pager's, or the store or a mapping failed. */
bool pager_fault(struct pager *, uint64_t address);

/* Write all dirty pages to the store; they stay in their frames. Returns whether all were written. Called by the
 * program, which does not write meanwhile. */
bool pager_flush(struct pager *);

/* Give a frame back to the kernel, the policy's choice: what a program does that is asked for a page
 * (UPCALL_REVOKE). Returns whether there was one to give: the last stays, and so does one that cannot be written. */
bool pager_shrink(struct pager *);

/* Write what is dirty, unmap all, and give the frames back. Returns whether all was written; if not, the
 * pager is as it was. */
bool pager_close(struct pager *);

/* For policies: note in frame[].used which frames were used since this was asked last. Costs a call
 * for each that was. */
void pager_sample(struct pager *);
