/* exo/layout.h - the address space of every environment.
 *
 *   0x0000000000000000  never mapped (null pointers fault)
 *   0x0000000000200000  EXO_ENVPAGE   the environment page (exo/env.h), user RW, guaranteed
 *   0x0000000000201000  the environment's own, by its own page tables
 *   0x00007f0000000000  EXO_USER_TOP  exposed kernel structures (exo/info.h), user R
 *     + 0 GB            EXO_INFO      struct exo_info
 *     + 1 GB            EXO_PAGES     struct exo_page[info.npages]
 *     + 2 GB            EXO_ENVS      struct exo_env[EXO_ENV_MAX]
 *     + 3 GB            EXO_SLICES    struct exo_slice[EXO_SLICE_MAX]
 *     + 4 GB            EXO_FILTERS   struct exo_filter_info[EXO_FILTER_MAX]
 *     + 5 GB            EXO_LOG       struct exo_log
 *   0x00007f8000000000  EXO_TABLES    its own page tables, user R (exo/table.h)
 *   0xffff800000000000  the kernel (supervisor only)
 *
 * Layer: ABI. SPDX-License-Identifier: ISC
 */
#pragma once

#define EXO_PAGE_SIZE  0x1000
#define EXO_PAGE_SHIFT 12

#define EXO_ENVPAGE  0x0000000000200000
#define EXO_USER_TOP 0x00007f0000000000 /* first address an environment cannot map */
#define EXO_INFO     0x00007f0000000000
#define EXO_PAGES    0x00007f0040000000
#define EXO_ENVS     0x00007f0080000000
#define EXO_SLICES   0x00007f00c0000000
#define EXO_FILTERS  0x00007f0100000000
#define EXO_LOG      0x00007f0140000000
#define EXO_TABLES   0x00007f8000000000

/* Segment selectors that a ring-3 iretq frame carries. */
#define EXO_USER_CS 0x2b
#define EXO_USER_SS 0x23
