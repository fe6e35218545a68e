/* dpf/tool/native.h - one classic BPF program as a native function that returns the
 * program's own value. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include "dpf/filter.h"

/* Room for one program at a time; never writable and executable at once. */
struct native;

/* NULL when there is no memory. */
struct native *native_create(void);
void native_destroy(struct native *n);

/* Compile a checked program, in place of the one before. False when the system refuses to
 * change the pages' protection. */
bool native_compile(struct native *n, const struct filter_view *f);

/* Run it: the program's 32-bit return value. */
uint32_t native_run(const struct native *n, const uint8_t *frame, uint32_t caplen,
                    uint32_t wirelen);
