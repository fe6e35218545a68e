/* apps/ktest/transfer_test.c - protected control transfer. SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"

/* gates.S */
long context_switch(uint64_t a, uint64_t b, uint64_t c, long number);

/* transfer.S */
long transfer_call(uint32_t to, uint64_t m[4]);
void transfer_keep(void);
void transfer_returned(void);
void transfer_died(void);
void transfer_serve(void);
void transfer_who_runs(void);
void transfer_crash(void);
void transfer_hang(void);
void transfer_sleep(void);
void transfer_nap(void);
void transfer_overtime(void);
void transfer_yield(uint32_t to);
void transfer_look(void);
void transfer_await(void);
extern const char transfer_await_end[];
extern volatile uint64_t transfer_seen;

static struct child child, other;
static volatile uint32_t *const ready = (volatile uint32_t *)KTEST_SHARED;
static volatile uint64_t *const kept = (volatile uint64_t *)KTEST_SHARED + 1; /* transfer_keep's */

_Static_assert(KTEST_SHARED + 8 == 0x20400008, "transfer.S");

static long call(uint32_t to, uint64_t m[4]) { return calls_note(SYS_call, transfer_call(to, m)); }

/* sys_send with a message; returns in a later slice, or at once with an error. */
static long send(uint32_t to, uint64_t message)
{
	context_mask();
	long result = context_switch(to, 0, message, SYS_send);
	context_unmask();
	return calls_note(SYS_send, result);
}

static _Noreturn uint32_t server(uint64_t entry)
{
	context_init();
	envpage()->sync_entry = envpage()->async_entry = (uint32_t)entry;
	envpage()->open = entry != 0;
	*ready = 1;
	for (;;)
		context_yield(0);
}

static bool start_server(void (*entry)(void))
{
	*ready = 0;
	envpage()->sync_entry = (uint32_t)(uint64_t)transfer_returned;
	if (!child_start(&child, server, (uint64_t)entry))
		return false;
	EVENTUALLY(*ready);
	return *ready;
}

static void registers_are_the_message_and_the_caller_is_named(void)
{
	uint64_t m[4] = { 10, 20, 30, 1ull << 63 };

	CHECK(start_server(transfer_serve));
	for (int i = 0; i < 100; i++)
		CHECK_IS(transfer_call(child.id, m), child.id);
	CHECK_IS(m[0], 110);
	CHECK_IS(m[1], 220);
	CHECK_IS(m[2], 330);
	CHECK_IS(m[3] - (1ull << 63), 400);
	child_reap(&child);
}

static void the_callee_is_who_runs(void)
{
	uint64_t m[4] = { 0 };
	uint32_t self = exo_info()->running;

	_Static_assert(offsetof(struct exo_info, running) == 44, "transfer.S");
	CHECK(start_server(transfer_who_runs));
	CHECK_IS(transfer_call(child.id, m), child.id);
	CHECK_IS(m[0], child.id);
	CHECK_IS(exo_info()->running, self);
	child_reap(&child);
}

static void a_transfer_to_nobody_is_refused(void)
{
	uint64_t m[4] = { 0 };

	CHECK(start_server(NULL));
	const struct {
		uint32_t to;
		long error;
	} nobody[] = {
		{ child.id, -E_AGAIN }, /* not willing */
		{ exo_self(), -E_AGAIN },
		{ 0, -E_INVAL },
		{ 0xffffffff, -E_INVAL },
		{ child.id + (1 << EXO_ENV_INDEX_BITS), -E_INVAL },
	};
	for (unsigned i = 0; i < sizeof nobody / sizeof *nobody; i++) {
		CHECK_IS(call(nobody[i].to, m), nobody[i].error);
		CHECK_IS(send(nobody[i].to, 0), nobody[i].error);
	}
	child_reap(&child);
	CHECK_IS(call(child.id, m), -E_INVAL);
	CHECK_IS(send(child.id, 0), -E_INVAL);
}

static void what_is_sent_arrives_and_is_not_waited_for(void)
{
	CHECK(start_server(transfer_keep));
	kept[0] = kept[1] = 0;
	CHECK_IS(send(child.id, 4711), 0);
	CHECK_IS(kept[0], 4711);
	CHECK_IS(kept[1], exo_self()); /* who sent it */
	CHECK_IS(child_record(&child)->state, ENV_READY);
	CHECK_IS(send(child.id, 1), -E_AGAIN); /* it has not opened again */
	CHECK_IS(kept[0], 4711);
	child_reap(&child);
}

/* Calls, and is never returned to. */
static uint32_t calls_and_waits(uint64_t to)
{
	uint64_t m[4] = { 4711 };

	context_init();
	envpage()->sync_entry = (uint32_t)(uint64_t)transfer_returned;
	return (uint32_t)transfer_call((uint32_t)to, m);
}

static void only_the_callee_returns_to_the_caller(void)
{
	static struct child caller;
	uint64_t m[4] = { 0 };

	CHECK(start_server(transfer_keep));
	kept[0] = 0;
	CHECK(child_start(&caller, calls_and_waits, child.id));
	EVENTUALLY(kept[0] == 4711);
	CHECK_IS(kept[1], caller.id);
	CHECK_IS(call(caller.id, m), -E_AGAIN);
	CHECK_IS(send(caller.id, 0), -E_AGAIN);
	for (int i = 0; i < 5; i++)
		context_yield(0); /* its slices are the callee's */
	CHECK_IS(child_record(&caller)->state, ENV_READY);
	child_reap(&caller);
	child_reap(&child);
}

static _Noreturn uint32_t closed_server(uint64_t entry)
{
	context_init();
	envpage()->sync_entry = (uint32_t)entry;
	*ready = 1;
	for (;;)
		context_yield(0);
}

static void a_busy_callee_is_not_entered(void)
{
	uint64_t m[4] = { 0 };

	*ready = 0;
	CHECK(child_start(&child, closed_server, (uint64_t)transfer_serve));
	EVENTUALLY(*ready);
	CHECK_IS(call(child.id, m), -E_AGAIN);
	child_reap(&child);
}

static void the_end_of_the_callee_returns_to_the_caller(void (*entry)(void))
{
	uint64_t m[4] = { 0 }, start = envpage()->start_entry;

	CHECK(start_server(entry));
	envpage()->start_entry = (uint64_t)transfer_died;
	envpage()->pending = 0;
	long result = transfer_call(child.id, m);
	uint32_t pending = envpage()->pending;
	envpage()->start_entry = start;
	envpage()->pending = 0;
	CHECK_IS(result, 0);
	CHECK_IS(pending & UPCALL_CALLEE_DIED, UPCALL_CALLEE_DIED);
	CHECK_IS(child_record(&child)->state, ENV_ENDED);
	child_reap(&child);
}

static void a_crashing_callee_returns_to_the_caller(void)
{
	the_end_of_the_callee_returns_to_the_caller(transfer_crash);
}

static void a_hanging_callee_is_ended_and_returns_to_the_caller(void)
{
	the_end_of_the_callee_returns_to_the_caller(transfer_hang);
}

static uint32_t yields_with_secrets(uint64_t to)
{
	transfer_yield((uint32_t)to);
	return 0;
}

static uint32_t sleeping_server(uint64_t entry)
{
	struct exo_wait_term never = { .address = KTEST_SHARED, .value = 77, .op = WAIT_EQ };

	context_init();
	envpage()->async_entry = (uint32_t)entry;
	envpage()->open = 1;
	*ready = 1;
	context_wait(&never, 1, WAIT_FOREVER);
	return 42;
}

static uint16_t shared_pins(void)
{
	struct exo_cap cap = { 0 };

	sys_cap_mint(ktest_shared_slot, RIGHT_READ, (uint64_t)&cap);
	return exo_pages()[cap.name & 0xfffffff].pins;
}

/* Its new predicate takes the place of the one that it was sleeping on. */
static void who_is_called_asleep_may_sleep_again(void)
{
	uint16_t pins = shared_pins();

	*ready = 0;
	CHECK(child_start(&child, sleeping_server, (uint64_t)transfer_sleep));
	EVENTUALLY(*ready && child_record(&child)->state == ENV_WAITING);
	CHECK_IS(shared_pins(), pins + 1);
	CHECK_IS(send(child.id, 0), 0);
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->code, 42);
	CHECK_IS(shared_pins(), pins);
	child_reap(&child);
}

/* A server that has no slice of its own. */
static bool start_guest(void (*entry)(void))
{
	*ready = 0;
	envpage()->sync_entry = (uint32_t)(uint64_t)transfer_returned;
	if (!child_start_without_slice(&child, server, (uint64_t)entry))
		return false;
	EVENTUALLY(context_yield(child.id) < 0 || *ready);
	return *ready;
}

/* Nobody else is there who could wake the machine. */
static void a_callee_may_sleep_in_its_callers_slices(void)
{
	uint64_t m[4] = { 0 };

	CHECK(start_guest(transfer_nap));
	CHECK_IS(transfer_call(child.id, m), child.id);
	child_reap(&child);
}

/* Time past the end of a slice is paid for by who takes it, not by whom it calls at last. */
static void excess_time_is_not_charged_to_the_callee(void)
{
	CHECK(start_guest(transfer_overtime));
	CHECK(child_start(&other, closed_server, 0));
	uint64_t slices = child_record(&other)->slices;
	EVENTUALLY(child_record(&other)->slices != slices);
	context_mask();
	envpage()->pending &= ~(uint32_t)UPCALL_SLICE_END;
	while (!(envpage()->pending & UPCALL_SLICE_END))
		;
	long sent = send(child.id, 0);
	context_unmask();
	uint32_t excess = child_record(&child)->excess;
	child_reap(&other);
	child_reap(&child);
	CHECK_IS(sent, 0);
	CHECK_IS(excess, 0);
}

static void a_yield_leaves_nothing_in_registers(void)
{
	uint64_t start = envpage()->start_entry;

	CHECK(child_start(&child, yields_with_secrets, exo_info()->running));
	transfer_seen = 0;
	envpage()->start_entry = (uint64_t)transfer_look;
	context_yield(child.id);
	envpage()->start_entry = start;
	CHECK_IS(transfer_seen, 0);
	child_reap(&child);
}

/* Spins in its resume range, from which only its beginning leads. */
static uint32_t spins_until_restarted(uint64_t argument)
{
	(void)argument;
	context_init();
	envpage()->resume_lo = (uint64_t)transfer_await;
	envpage()->resume_hi = (uint64_t)transfer_await_end;
	transfer_await();
	return envpage()->pending & UPCALL_SLICE_END;
}

static void an_interrupt_starts_the_resume_range_again(void)
{
	CHECK(child_start(&child, spins_until_restarted, 0));
	CHECK(child_wait(&child));
	CHECK_IS(child_record(&child)->ended, END_EXIT);
	CHECK_IS(child_record(&child)->code, UPCALL_SLICE_END);
	child_reap(&child);
}

const struct ktest transfer_tests[] = {
	{ "registers_are_the_message_and_the_caller_is_named",
	  registers_are_the_message_and_the_caller_is_named },
	{ "the_callee_is_who_runs", the_callee_is_who_runs },
	{ "a_transfer_to_nobody_is_refused", a_transfer_to_nobody_is_refused },
	{ "what_is_sent_arrives_and_is_not_waited_for", what_is_sent_arrives_and_is_not_waited_for },
	{ "only_the_callee_returns_to_the_caller", only_the_callee_returns_to_the_caller },
	{ "a_busy_callee_is_not_entered", a_busy_callee_is_not_entered },
	{ "a_crashing_callee_returns_to_the_caller", a_crashing_callee_returns_to_the_caller },
	{ "a_hanging_callee_is_ended_and_returns_to_the_caller",
	  a_hanging_callee_is_ended_and_returns_to_the_caller },
	{ "who_is_called_asleep_may_sleep_again", who_is_called_asleep_may_sleep_again },
	{ "a_callee_may_sleep_in_its_callers_slices", a_callee_may_sleep_in_its_callers_slices },
	{ "excess_time_is_not_charged_to_the_callee", excess_time_is_not_charged_to_the_callee },
	{ "an_interrupt_starts_the_resume_range_again",
	  an_interrupt_starts_the_resume_range_again },
	{ "a_yield_leaves_nothing_in_registers", a_yield_leaves_nothing_in_registers },
	{ NULL, NULL },
};
