/* kernel/code.h - pages for machine code that the kernel generates: written while they are
 * data, run once they are code, never both. SPDX-License-Identifier: ISC */
#pragma once
#include <stddef.h>

/* npages contiguous pages, writable; NULL: no memory. */
void *code_take(size_t npages);
/* Read-only and executable from now on. */
void code_seal(const void *at, size_t npages);
/* Free them, sealed or not. */
void code_give(void *at, size_t npages);
