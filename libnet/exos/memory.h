/* libnet/exos/memory.h - where things lie in a program, and new memory.
 *
 * All of it is the library OS's choice; the kernel cares for none of it.
 *
 *   0x00400000  EXOS_PROGRAM   the program: code, constants, data
 *   0x00e00000  EXOS_ARGS      struct exos_args, from who started it
 *   0x00e01000  EXOS_SHARE     struct share, struct share_door, struct share_request
 *   0x00e10000  EXOS_STACK     grows down from EXOS_STACK_TOP; below it is nothing
 *   0x00e30000  EXOS_CODE      a page of code that the program generated for itself
 *   0x01000000  EXOS_HEAP      malloc's
 *   0x10000000  EXOS_RING      the packet ring's region
 *   0x18000000  EXOS_WINDOW    other environments' pages, for a moment
 *   0x1c000000  EXOS_HANDLERS  handlers' pages, 2 MB for each (libnet/handler.h)
 *   0x20000000  EXOS_IMAGE     modules, in the first program
 *
 * Layer: libnet/exos. SPDX-License-Identifier: ISC
 */
#pragma once

#define EXOS_PROGRAM   0x00400000
#define EXOS_ARGS      0x00e00000
#define EXOS_SHARE     0x00e01000
#define EXOS_STACK     0x00e10000
#define EXOS_STACK_TOP 0x00e20000
#define EXOS_CODE      0x00e30000
#define EXOS_HEAP      0x01000000
#define EXOS_HEAP_END  0x10000000
#define EXOS_RING      0x10000000
#define EXOS_WINDOW    0x18000000
#define EXOS_HANDLERS  0x1c000000
#define EXOS_IMAGE     0x20000000

#ifndef __ASSEMBLER__
#include <stdint.h>

/* Own n new pages (1..4096), zeroed, and map them readable and writable at va. Returns the
 * first of their slots, or what sys_page_alloc or sys_page_map returns; then nothing has
 * changed. */
long memory_new(uint64_t va, uint32_t n);

/* From now on the n pages of `slot` at va are code: executable, and not writable any more. Returns 0, or
 * what sys_page_unmap or sys_page_map returns; then they may not be mapped at all. */
long memory_make_code(uint64_t va, uint32_t slot, uint32_t n);
#endif
