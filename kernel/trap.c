/* kernel/trap.c - exceptions that the fast path could not hand over, and interrupts.
 * SPDX-License-Identifier: ISC */
#include "kernel/cpu.h"
#include "kernel/device.h"
#include "kernel/env.h"
#include "kernel/handler.h"
#include "kernel/info.h"
#include "kernel/log.h"
#include "kernel/net.h"
#include "kernel/pair.h"
#include "kernel/panic.h"
#include "kernel/sched.h"
#include "kernel/timer.h"
#include "kernel/trap.h"

enum { PAGE_FAULT = 14 };

static uint64_t fault_address(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr2, %0" : "=r"(v));
	return v;
}

/* An environment that has no handler is over, with the exception in its save area. */
static _Noreturn void end_unhandled(struct env *env)
{
	struct exo_save *crash = &env->pub->crash;

	*crash = env->page->exception;
	if (crash->cause != PAGE_FAULT)
		crash->address = 0;
	log_printf("env %x (%s): exception %lu error %lx at rip %p rsp %p address %p\n",
	           env->pub->id, env->pub->name, crash->cause, crash->error,
	           (void *)crash->frame.rip, (void *)crash->frame.rsp, (void *)crash->address);
	env_end(env, END_EXCEPTION, (uint32_t)crash->cause);
	sched_run();
}

/* An exception with no handler, or within the handler: the environment is over. */
static _Noreturn void end_running(const struct trap *t, uint32_t vector)
{
	struct env *env = cpu()->env;
	const struct exo_envpage *page = env->page;

	/* It has no handler and was sent to address 0: what counts is the first exception. */
	if (vector == PAGE_FAULT && t->rip == 0 && page->exception_active && !page->exception_entry)
		end_unhandled(env);
	env->pub->crash = (struct exo_save){
		.rax = t->rax, .rcx = t->rcx, .rdx = t->rdx, .cause = vector, .error = t->error,
		.address = vector == PAGE_FAULT ? fault_address() : 0,
		.frame = { t->rip, t->cs, t->rflags, t->rsp, t->ss },
	};
	log_printf("env %x (%s): exception %u error %lx at rip %p rsp %p address %p\n",
	           env->pub->id, env->pub->name, vector, t->error, (void *)t->rip,
	           (void *)t->rsp, (void *)env->pub->crash.address);
	env_end(env, END_EXCEPTION, vector);
	sched_run();
}

void exception(struct trap *t, uint32_t vector)
{
	static const char *const last[] = { [2] = "NMI", [8] = "double fault",
		                            [18] = "machine check" };
	bool from_user = t->cs & 3;
	bool ends_all = vector < sizeof last / sizeof *last && last[vector];

	if (from_user && !ends_all)
		end_running(t, vector);
	if (vector == PAGE_FAULT && handler_fault(&t->rip, fault_address()))
		return;
	log_printf("\nrax %p rcx %p rdx %p rsi %p rdi %p\n", (void *)t->rax, (void *)t->rcx,
	           (void *)t->rdx, (void *)t->rsi, (void *)t->rdi);
	panic("%s %u in the kernel: error %lx rip %p rsp %p address %p",
	      ends_all ? last[vector] : "exception", vector, t->error, (void *)t->rip,
	      (void *)t->rsp, (void *)fault_address());
}

void interrupt(struct trap *t, uint32_t vector)
{
	bool from_user = t->cs & 3;

	if (vector == VEC_SPURIOUS)
		return;
	info.interruptions++;
	sched_woken();
	if (vector >= VEC_IRQ)
		device_interrupt(vector - VEC_IRQ, t); /* masks the line: before it may fire again */
	timer_eoi();
	switch (vector) {
	case VEC_TIMER:
		net_poll();
		if (from_user)
			sched_tick(t);
		break;
	case VEC_NIC:
		net_interrupt();
		break;
	case VEC_PAIR:
		pair_interrupt();
		break;
	case VEC_CONSOLE:
		console_interrupt();
		break;
	default:
		assert(vector >= VEC_IRQ);
	}
}
