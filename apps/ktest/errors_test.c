/* apps/ktest/errors_test.c - what the system calls say of their errors is true: every one that is
 * documented has come in some test, and no other has come in any.
 *
 * What is documented the build takes from the comments above the handlers (docs/syscalls.awk);
 * what has come calls.h notes. SPDX-License-Identifier: ISC */
#include "apps/ktest/calls.h"

static const uint32_t documented[SYS_COUNT] = {
#include "syscall_errors.def"
};

/* What comes in the other run only (aged_test.c). */
static const uint32_t elsewhere[SYS_COUNT] = {
	[SYS_cap_revoke] = 1u << E_LIMIT,
	[SYS_ash_bind] = 1u << E_NOSYS,
};

/* Does the machine have what the call needs? The test's own has (apps/rules.mk). */
static bool can_come(uint32_t number)
{
	bool needs_pair = number == SYS_pair_alloc || number == SYS_pair_free || number == SYS_pair_bind;

	return !needs_pair || exo_info()->pair[1].present;
}

static const char *const call_name[] = {
#define S(n, name, text, ...) #name,
#include "exo/syscalls.def"
#undef S
};

static const char *const error_name[E_COUNT] = {
#define X(name, text) [E_##name] = #name,
	EXO_ERRORS(X)
#undef X
};

/* Say which errors of a call are in the set, and count them. */
static long list(uint32_t number, uint32_t set, const char *what)
{
	long n = 0;

	for (int e = 1; e < E_COUNT; e++) {
		if (!(set & 1u << e))
			continue;
		n++;
		ktest_print(what);
		ktest_print(call_name[number]);
		ktest_print(" -E_");
		ktest_print(error_name[e]);
		ktest_print("\n");
	}
	return n;
}

/* Are all errors of these sets documented, and have they come? */
static void have_come(bool in_this_run)
{
	long missing = 0;

	for (uint32_t i = 0; i < SYS_COUNT; i++) {
		uint32_t set = documented[i] & (in_this_run ? ~elsewhere[i] : elsewhere[i]);

		missing += !can_come(i) ? 0 : list(i, set & ~calls_seen()[i], "# never seen: ");
	}
	CHECK_IS(missing, 0);
}

static void every_documented_error_comes(void) { have_come(true); }
static void errors_of_an_aged_kernel_come(void) { have_come(false); }

static void no_other_error_comes(void)
{
	long more = 0;

	for (uint32_t i = 0; i < SYS_COUNT; i++)
		more += list(i, calls_seen()[i] & ~documented[i], "# not documented: ");
	CHECK_IS(more, 0);
}

/* Before the fuzz, which finds what it finds; and after it. */
const struct ktest seen_tests[] = {
	{ "every_documented_error_comes", every_documented_error_comes },
	{ NULL, NULL },
};
const struct ktest unseen_tests[] = {
	{ "no_other_error_comes", no_other_error_comes },
	{ NULL, NULL },
};
const struct ktest aged_seen_tests[] = {
	{ "errors_of_an_aged_kernel_come", errors_of_an_aged_kernel_come },
	{ "no_other_error_comes", no_other_error_comes },
	{ NULL, NULL },
};
