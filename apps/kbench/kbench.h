/* apps/kbench/kbench.h - count guest instructions of the kernel's operations.
 *
 * Under QEMU's -icount shift=0 the time stamp counter counts instructions. Rows are printed
 * as "row<TAB>instructions". Layer: apps. SPDX-License-Identifier: ISC */
#pragma once
#include "apps/ktest/ktest.h"
#include "exo/stub.h"

typedef void kbench_op(void);

/* Instructions that fill a page with zeros: each repetition of stosq counts as one. */
enum { KBENCH_SCRUB = EXO_PAGE_SIZE / 8 };

/* Mean of many calls of op, less what an empty one costs, and less scrubbing. `undo`, not counted, follows each. */
uint64_t kbench_measure(kbench_op *op, kbench_op *undo);

/* Mean of what many calls of a function of raw.S return, less `known` instructions that
 * are not the kernel's. */
uint64_t kbench_raw(uint64_t (*op)(void), uint64_t known);

void kbench_row(const char *row, uint64_t instructions);

void kbench_control(void);
void kbench_memory(void);
void kbench_ipc(void);

/* raw.S */
uint64_t raw_clock(void);
uint64_t raw_null(void);
uint64_t raw_dispatch(void);
uint64_t raw_fault(uint64_t va);
uint64_t raw_touch(uint64_t va);
void raw_call(uint32_t to, uint64_t out[2]);
void raw_returned(void);
void raw_serve(void);
