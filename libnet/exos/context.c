/* libnet/exos/context.c - see context.h. SPDX-License-Identifier: ISC */
#include "libnet/exos/context.h"
#include <stddef.h>
#include "exo/err.h"
#include "exo/stub.h"

_Static_assert(offsetof(struct exo_envpage, masked) == 40, "gates.S");
_Static_assert(offsetof(struct exo_envpage, pending) == 44, "gates.S");
_Static_assert(offsetof(struct exo_envpage, exception_active) == 48, "gates.S");
_Static_assert(offsetof(struct exo_envpage, exception) == 56, "gates.S");
_Static_assert(offsetof(struct exo_envpage, upcall) == 144, "gates.S");
_Static_assert(offsetof(struct exo_save, frame) == 48, "gates.S");
_Static_assert(offsetof(struct exception, rdx) == 12 * 8, "gates.S");
_Static_assert(offsetof(struct exception, frame) == 18 * 8, "gates.S");

/* gates.S */
long context_switch(uint64_t a, uint64_t b, uint64_t c, long number);
void context_start(void);
void context_upcall_entry(void);
void context_exception_entry(void);
void context_fault_entry(void);
extern const char context_resume_lo[], context_resume_hi[];

/* Called from gates.S. */
void context_upcall(void);
void context_exception(struct exception *e);
long context_unmasked(long result);
extern uint32_t context_depth;
uint32_t context_depth; /* of critical sections */
extern fault_handler *context_fault_handler;
fault_handler *context_fault_handler;

static struct {
	exception_handler *on_exception;
	upcall_handler *on_upcall;
} state;

/* What an upcall or a handler may look at is in memory: the compiler, which sees whole
 * programs, knows nothing of their coming. */
static void settle(void) { __asm__ volatile("" ::: "memory"); }

void context_init(void)
{
	volatile struct exo_envpage *page = envpage();

	page->upcall_entry = (uint64_t)context_upcall_entry;
	page->start_entry = (uint64_t)context_start;
	page->resume_lo = (uint64_t)context_resume_lo;
	page->resume_hi = (uint64_t)context_resume_hi;
	context_depth = 1;
	context_unmask();
}

void context_on_upcall(upcall_handler *handler)
{
	state.on_upcall = handler;
	settle();
}

/* Masked. Take what is pending; end the slice if that is asked for. */
void context_upcall(void)
{
	volatile struct exo_envpage *page = envpage();
	/* In one step: what the kernel adds in between would be lost. */
	uint32_t reasons = __atomic_exchange_n(&page->pending, 0, __ATOMIC_RELAXED);

	if (state.on_upcall)
		state.on_upcall(reasons);
	if (reasons & UPCALL_SLICE_END)
		context_switch(0, 0, 0, SYS_yield);
}

static void no_handler(struct exception *e)
{
	(void)e;
	__asm__ volatile("ud2"); /* a second exception: the end */
}

void context_exception(struct exception *e) { state.on_exception(e); }

static void set_entry(void)
{
	bool none = state.on_exception == NULL || state.on_exception == no_handler;
	uint64_t entry = none ? 0 : (uint64_t)context_exception_entry;

	state.on_exception = none ? no_handler : state.on_exception;
	settle();
	envpage()->exception_entry = context_fault_handler ? (uint64_t)context_fault_entry : entry;
}

void context_on_exception(exception_handler *handler)
{
	state.on_exception = handler;
	set_entry();
}

fault_handler *context_on_fault(fault_handler *handler)
{
	fault_handler *before = context_fault_handler;

	context_fault_handler = handler;
	set_entry();
	return before;
}

void context_mask(void)
{
	envpage()->masked = 1;
	context_depth++;
	settle();
}

void context_unmask(void)
{
	settle();
	if (--context_depth)
		return;
	envpage()->masked = 0;
	if (envpage()->pending)
		context_unmasked(0);
}

/* Something came up while upcalls were masked. Returns what it is given. */
long context_unmasked(long result)
{
	volatile struct exo_envpage *page = envpage();

	do {
		page->masked = 1;
		context_upcall();
		page->masked = 0;
	} while (page->pending);
	return result;
}

long context_wait(const struct exo_wait_term *terms, uint32_t n, uint64_t deadline)
{
	context_mask();
	long result = context_switch((uint64_t)terms, n, deadline, SYS_wait);
	context_unmask();
	return result;
}
