/* libnet/exos/context.h - the contexts of an environment, as the library OS keeps them.
 *
 * The kernel stores three registers; everything else is saved and restored here, in
 * ring 3, on the environment's own stacks (exo/env.h). One thread of control: a
 * slice that ends pushes it on its stack, the next slice pops it.
 *
 * Programs are built without a red zone: an upcall pushes on the stack it interrupts.
 * Layer: libnet/exos. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/env.h"
#include "exo/layout.h"
#include "exo/wait.h"

/* The environment page. */
static inline volatile struct exo_envpage *envpage(void)
{
	return (volatile struct exo_envpage *)EXO_ENVPAGE;
}

/* Everything an exception interrupted; a handler may change any of it. */
struct exception {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rbx;
	uint64_t rdx, rcx, rax;
	uint64_t cause;   /* vector */
	uint64_t error;   /* the CPU's error code */
	uint64_t address; /* page faults: the address */
	struct exo_frame frame;
};

/* Tell the kernel where to enter, and unmask upcalls. Called once, by the start code. */
void context_init(void);

/* Called with upcalls masked, on a stack of its own, for every exception. When it returns,
 * the interrupted code goes on as *e then says. It must not fault itself. NULL: the
 * environment ends at its first exception. */
typedef void exception_handler(struct exception *e);
void context_on_exception(exception_handler *handler);

/* Called with upcalls masked, on a small stack of its own, for every page fault, before the
 * exception handler: the short way, for it is called with the address and the CPU's error code only.
 * It returns whether the access is to be repeated; if not, the exception handler is called.
 * It must neither fault nor use a floating-point or vector register: declare it with
 * CONTEXT_FAULT_HANDLER. NULL: none. Returns the one before. */
#define CONTEXT_FAULT_HANDLER __attribute__((target("general-regs-only")))
typedef bool fault_handler(uint64_t address, uint64_t error);
fault_handler *context_on_fault(fault_handler *handler);

/* Called with upcalls masked for the pending reasons (enum exo_upcall); it need not care
 * for UPCALL_SLICE_END. NULL: nothing else is of interest. */
typedef void upcall_handler(uint32_t reasons);
void context_on_upcall(upcall_handler *handler);

/* End the slice; what is left of it goes to environment `to` (0: nobody). Returns in a
 * later slice with 0, or at once with -E_INVAL: there is no such environment. */
long context_yield(uint32_t to);

/* Sleep until the predicate holds or the deadline (time stamp) has passed. Returns 0, or
 * at once what sys_wait returns. */
long context_wait(const struct exo_wait_term *terms, uint32_t n, uint64_t deadline);

/* A critical section: no upcall, so no end of slice, in between; excess time is paid for
 * later. They nest. */
void context_mask(void);
void context_unmask(void);
