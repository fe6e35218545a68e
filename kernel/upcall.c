/* kernel/upcall.c - deliver an upcall at an interrupt. SPDX-License-Identifier: ISC */
#include "exo/layout.h"
#include "kernel/cpu.h"
#include "kernel/env.h"
#include "kernel/upcall.h"

void upcall_post(struct env *env, uint32_t reasons, struct trap *trap)
{
	volatile struct exo_envpage *page = env->page;
	uint32_t pending = page->pending | reasons;
	uint64_t entry = page->upcall_entry;
	uint64_t lo = page->resume_lo;
	bool resuming = trap->rip >= lo && trap->rip < page->resume_hi;

	page->pending = pending;
	if (resuming && lo < EXO_USER_TOP)
		trap->rip = lo; /* it will look at `pending` again */
	if (resuming || page->masked || entry == 0 || entry >= EXO_USER_TOP)
		return;

	env->page->upcall = (struct exo_save){
		.rax = trap->rax, .rcx = trap->rcx, .rdx = trap->rdx, .cause = pending,
		.frame = { trap->rip, trap->cs, trap->rflags, trap->rsp, trap->ss },
	};
	page->masked = 1;
	trap->rax = pending;
	trap->rcx = trap->rip;
	trap->rdx = 0;
	trap->rip = entry;
	trap->rflags = USER_FLAGS;
}
