/* kernel/info.h - the exposed structures: the kernel's own words, read-only to all.
 *
 * Layout and meaning: exo/info.h. SPDX-License-Identifier: ISC */
#pragma once
#include "exo/info.h"

/* The one struct exo_info, alone on its page. */
extern struct exo_info info;

/* Show `bytes` (rounded up to pages) of kernel memory at a user address of
 * exo/layout.h in every environment. Called while booting only. */
void info_expose(uint64_t va, const void *start, uint64_t bytes);

/* The page table (level 3) that every environment's top level points to. */
uint64_t info_table(void);
