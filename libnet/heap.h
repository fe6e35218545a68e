/* libnet/heap.h - the memory lwIP allocates from: slabs of a few sizes, grown by pages.
 *
 * All blocks lie in one contiguous area of the packet ring's region, so that a frame can
 * be sent from where lwIP built it. A page holds blocks of one size and goes back to the
 * heap when the last of them is freed; no size may hold more than half of the pages, so
 * that a flood of one kind of object leaves room for the others.
 *
 * Layer: libnet, pure (memory from the caller). SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HEAP_PAGE = 4096,
	HEAP_CLASSES = 7,
	HEAP_BLOCK_MAX = 4032, /* bytes: the largest block */
};

/* Make the n pages at `base` readable and writable, and part of the ring's region.
 * Returns false, with nothing changed, when it cannot. */
typedef bool heap_grow_fn(void *context, uint8_t *base, uint32_t n);

struct heap_page;

struct heap {
	uint8_t *base;    /* page aligned */
	uint32_t pages;   /* pages usable so far, from base on */
	uint32_t limit;   /* pages it may ever have */
	uint32_t step;    /* pages to grow by */
	uint32_t refused; /* allocations that failed */
	heap_grow_fn *grow;
	void *context;
	struct heap_page *empty;                 /* pages that hold no block */
	struct heap_page *partial[HEAP_CLASSES]; /* pages with a free block, by size */
	uint32_t held[HEAP_CLASSES];             /* pages of each size */
};

/* An empty heap over [base, base + limit pages); asks `grow` for pages as needed. */
void heap_init(struct heap *, void *base, uint32_t limit, uint32_t step, heap_grow_fn *grow,
               void *context);

/* `size` bytes aligned to 64, or NULL: size is 0 or over HEAP_BLOCK_MAX, this size class
 * holds half of the pages, or no page is to be had (both count in `refused`). */
void *heap_alloc(struct heap *, size_t size);

/* Give back what heap_alloc returned; NULL is ignored. */
void heap_free(struct heap *, void *block);

/* Pages that hold at least one block. */
uint32_t heap_used(const struct heap *);
