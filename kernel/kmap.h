/* kernel/kmap.h - the kernel's own half of the address space.
 *
 *   0xffff800000000000  all physical memory, direct: writable, no-execute; a page that
 *                       anybody may execute is read-only here too (W^X per frame)
 *   0xffff808000000000  device registers, uncached
 *   0xffffa00000000000  the windows of handlers (window.h)
 *   0xffffffff80000000  the kernel image: text RX, rodata R, data RW
 *
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIRECT 0xffff800000000000
#define MMIO   0xffff808000000000
#define WINDOWS 0xffffa00000000000
#define KVMA   0xffffffff80000000

/* Page-table entry bits, SDM vol. 3, 4.5. */
#define PTE_P    (1ull << 0)
#define PTE_W    (1ull << 1)
#define PTE_U    (1ull << 2)
#define PTE_PWT  (1ull << 3)
#define PTE_PCD  (1ull << 4)
#define PTE_A    (1ull << 5)
#define PTE_D    (1ull << 6)
#define PTE_BIG  (1ull << 7)
#define PTE_G    (1ull << 8)
#define PTE_NX   (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

/* Kernel address of a physical address. */
static inline void *kva(uint64_t phys) { return (void *)(DIRECT + phys); }
static inline void *page_kva(uint32_t pfn) { return kva((uint64_t)pfn << 12); }

/* Physical address of an address in the direct map or the image. */
static inline uint64_t kmap_phys(uint64_t va) { return va >= KVMA ? va - KVMA : va - DIRECT; }

/* Does va lie in the kernel image's data or the direct map? (for the backtrace) */
bool kmap_is_data(uint64_t va);

/* Build the final tables for npages of physical memory and switch to them. Uses pages
 * from page_alloc_kernel. */
void kmap_init(uint32_t npages);

/* Physical address of the kernel's top-level table. */
uint64_t kmap_top(void);

/* Enter the kernel's half in a top-level table, or take it out again (all zeros). */
void kmap_share(uint64_t *table, bool on);

/* Make sure the direct map of page pfn has an entry of its own. Returns 0 or -E_NOMEM.
 * After that, the next two cannot fail. */
int kmap_split(uint32_t pfn);

/* Change page pfn's direct mapping: writable data (the default), or read-only, or
 * code of the kernel's (read-only, executable in ring 0). */
enum kmap_mode { KMAP_DATA, KMAP_READ, KMAP_CODE };
void kmap_set(uint32_t pfn, enum kmap_mode mode);

/* Map device registers, uncached; panics when the window is full (boot only). */
volatile void *kmap_device(uint64_t phys, size_t bytes);

/* The register at phys, uncached, until the next call. */
volatile void *kmap_register(uint64_t phys);
