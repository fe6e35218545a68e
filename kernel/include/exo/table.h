/* exo/table.h - an environment's hardware page tables, as it may read them without a call.
 *
 * The top-level table has an entry for itself, without the right to write. So the entry that maps
 * address x lies at exo_entry_at(x), and the entry above that at exo_entry_at of that:
 *
 *   exo_entry_at(x)                  last level: 4 KB; what the bits below describe
 *   exo_entry_at(exo_entry_at(x))    2 MB; and so on: 1 GB, 512 GB
 *
 * An entry may be read if the one above it is EXO_ENTRY_PRESENT; else there is a page fault.
 * A mapping that the kernel has moved to the software TLB is in no table; sys_page_scan knows it.
 * System calls do not take pointers to here.
 *
 * Layer: ABI. Source: Intel SDM vol. 3, 4.5. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdint.h>
#include "exo/layout.h"

#define EXO_ENTRY_PRESENT    (1ull << 0)
#define EXO_ENTRY_WRITABLE   (1ull << 1)
#define EXO_ENTRY_ACCESSED   (1ull << 5)
#define EXO_ENTRY_DIRTY      (1ull << 6)
#define EXO_ENTRY_SOFT       (7ull << 9) /* the application's: PROT_SOFT << 6 */
#define EXO_ENTRY_PAGE       0x000ffffffffff000ull /* the page's physical address */
#define EXO_ENTRY_NO_EXECUTE (1ull << 63)

/* Address of the entry for the page at x. */
static inline uint64_t exo_entry_at(uint64_t x)
{
	return EXO_TABLES + (x >> 9 & 0x7ffffffff8);
}
