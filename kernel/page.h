/* kernel/page.h - physical pages: who owns each, and the free list.
 *
 * struct exo_page (exo/page.h) is the public record of a page and is the record
 * the kernel itself uses. What only the kernel may know is in struct page_private.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/page.h"

struct env;
struct boot_memory;

extern struct exo_page *pages; /* [page_count()] */

/* A page mapped somewhere begins a chain of page-table entries (chain.h). A last-level page table
 * knows its shadow and where in whose address space it lies, and is in its environment's ring. */
struct page_private {
	union {
		uint64_t *mappings; /* of a page: the first entry, NULL: none */
		uint64_t live;      /* of a table: entries that are not 0, copies (stlb.h) apart */
	};
	uint32_t region;   /* address / 2 MB of a table */
	uint32_t shadow;   /* page number of a table's shadow */
	uint32_t next;     /* page number of the next table in the ring */
	uint16_t env;      /* index of a table's environment */
	uint8_t guaranteed; /* 1: a mapping in it was made with PROT_GUARANTEED */
	uint8_t zero;
};
extern struct page_private *page_private; /* [page_count()] */

/* Take the memory map: every page free but those the boot image and modules use. */
void page_init(const struct boot_memory *memory);

uint32_t page_count(void);

/* A zeroed page of the kernel's own, 0 if there is none. */
uint32_t page_take_kernel(void);

/* The same for booting: panics instead. */
uint32_t page_alloc_kernel(void);

/* n contiguous pages of the kernel's own, zeroed: the first one's number, or 0.
 * page_alloc_kernel_run panics instead. */
uint32_t page_take_kernel_run(uint32_t n);
uint32_t page_alloc_kernel_run(uint32_t n);

void page_free_kernel(uint32_t pfn);
void page_free_kernel_run(uint32_t pfn, uint32_t n);

/* Is page pfn on the free list? */
bool page_is_free(uint32_t pfn);

/* First page of the free list, 0 if empty. */
uint32_t page_first_free(void);

/* Take free page pfn, zero it and charge it to env. REQUIRES page_is_free(pfn). */
void page_own(uint32_t pfn, struct env *env, enum exo_page_state state);

/* Make env the owner of one of the kernel's own pages, contents and all. */
void page_adopt(uint32_t pfn, struct env *env);

/* Make `to` the owner of an owned page. */
void page_give(uint32_t pfn, struct env *to);

/* Break every binding of an owned page (mappings; slots, by its generation) and put it on
 * the free list, or in quarantine while a device still uses it. */
void page_release(uint32_t pfn);

/* The same for a table or slot page that its user has cleared: it need not be scrubbed. */
void page_release_zero(uint32_t pfn);

/* Mark an owned page of env's as never to be taken by force, or not. */
void page_guarantee(uint32_t pfn, struct env *env, bool on);

/* A device or the kernel reaches the page by physical address, until unpinned. */
void page_pin(uint32_t pfn);
void page_unpin(uint32_t pfn);

/* Scrub a few free pages, while there is nothing else to do, so that the next ones asked for
 * are ready. Returns whether it had any. */
bool page_scrub(void);

/* Raise the generation: slots and capabilities that name the page are stale. */
void page_renew(uint32_t pfn);
