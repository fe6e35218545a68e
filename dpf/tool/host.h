/* dpf/tool/host.h - memory for a classifier in a hosted program: mmap and mprotect. For one thread.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/dpf.h"

/* Callbacks without a context; code is written and run at one address, never both at once.
 * They end the program if the system refuses. */
extern const struct dpf_memory host_memory;

/* Pages taken and not given back. */
size_t host_pages(void);
