/* apps/ktest/ktest.h - the kernel's in-guest tests: environments that poke at it.
 *
 * Each test is a function named for the behaviour it shows. It fails by a check that does
 * not hold. After each, free pages and filters must be what they were before.
 * Layer: apps. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "exo/cap.h"
#include "exo/env.h"
#include "exo/err.h"
#include "exo/info.h"
#include "exo/layout.h"
#include "exo/page.h"
#include "exo/ring.h"
#include "exo/syscall.h"
#include "exo/wait.h"
#include "libnet/exos/context.h"
#include "libnet/exos/exposed.h"

/* Note a failure and leave the test. The first one is reported. */
#define CHECK(x)                                                \
	do {                                                    \
		if (!(x)) {                                     \
			ktest_failed(__FILE__, __LINE__, #x, 0); \
			return;                                 \
		}                                               \
	} while (0)

/* The same for a value that must be what is wanted. */
#define CHECK_IS(value, want)                                                      \
	do {                                                                       \
		long value_ = (long)(value);                                       \
		if (value_ != (long)(want)) {                                      \
			ktest_failed(__FILE__, __LINE__, #value " is " #want, value_); \
			return;                                                    \
		}                                                                  \
	} while (0)

/* Give way until x holds; for a minute and so many turns, which only a hang takes: on a busy host
 * the others may have had no time in a minute, and in many turns the host none. */
enum { KTEST_TURNS = 20000 };
#define EVENTUALLY(x)                                                                      \
	do {                                                                               \
		uint64_t end_ = __builtin_ia32_rdtsc() + 60 * exo_info()->tsc_hz;          \
		for (uint32_t turns_ = 0; !(x) && (turns_ < KTEST_TURNS ||                 \
		                                   __builtin_ia32_rdtsc() < end_); turns_++) \
			context_yield(0);                                                  \
	} while (0)

void ktest_failed(const char *file, int line, const char *what, long value);

/* Print a number and text on the console. */
void ktest_print(const char *text);
void ktest_print_number(long v);

/* What follows a key in the kernel's command line, NULL if it is not there. */
const volatile char *ktest_option(const char *key);

struct ktest {
	const char *name;
	void (*run)(void);
};
extern const struct ktest fragment_tests[], page_tests[], stlb_tests[], protect_tests[], cap_tests[], env_tests[], trap_tests[], cpu_tests[],
        transfer_tests[], pipe_tests[], lrpc_tests[], schedule_tests[], pager_tests[], revoke_tests[], device_tests[], net_tests[], pair_tests[], ash_tests[], helper_tests[],
        starve_tests[], seen_tests[], fuzz_tests[], unseen_tests[], aged_tests[], aged_seen_tests[];

/* Addresses the tests use; nothing of the program lies there. */
enum {
	KTEST_VA = 0x10000000,
	CHILD_STACK = 0x20000000,
	CHILD_DATA = 0x20200000,   /* a child's data, while its parent fills it */
	KTEST_SHARED = 0x20400000, /* one page that the program and all children share */
	KTEST_SEEN = 512,          /* a word of it: calls.h's table */
	CHILD_TABLES = 64,         /* a child's table_limit */
};

/* A child that shares the program's code and the page at KTEST_SHARED, with a copy of its data
 * as it is now, a stack and one slice. It runs fn(argument) and ends with what fn returns. */
struct child {
	uint32_t env;   /* slot */
	uint32_t index; /* in EXO_ENVS */
	uint32_t id;
};
typedef uint32_t child_fn(uint64_t argument);
bool child_start(struct child *c, child_fn *fn, uint64_t argument);

/* The same without the slice: it runs only on what others give it. */
bool child_start_without_slice(struct child *c, child_fn *fn, uint64_t argument);

/* Give way until the child has ended (EVENTUALLY). Returns whether it has. */
bool child_wait(const struct child *c);

/* Destroy it if it runs, and forget its record. */
void child_reap(struct child *c);

/* The same for all environments that are left to us, but one of this id. */
void child_reap_all(uint32_t but);

static inline const volatile struct exo_env *child_record(const struct child *c)
{
	return &exo_envs()[c->index];
}

/* Slot of the page at KTEST_SHARED. */
extern uint32_t ktest_shared_slot;
