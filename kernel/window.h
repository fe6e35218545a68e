/* kernel/window.h - the address ranges that handlers see (exo/ash.h): each 4 GiB, with nothing
 * mapped before and after. A window maps pages of its owner's, supervisor only, never
 * executable; it lies in the kernel's half, so that a handler runs whoever's address space is
 * loaded. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { WINDOW_MAX = 64 };

/* Address of offset 0. */
uint8_t *window_base(uint32_t window);

/* Make tables for n pages from `offset` on (page aligned, in the window's first two GiB); the number
 * of new tables is added to *tables. Returns 0 or -E_NOMEM; window_clear undoes it. */
int window_reserve(uint32_t window, uint32_t offset, uint32_t n, uint32_t *tables);

/* Map page pfn. REQUIRES window_reserve. */
void window_map(uint32_t window, uint32_t offset, uint32_t pfn, bool writable);

/* Unmap everything and free the tables. */
void window_clear(uint32_t window);
