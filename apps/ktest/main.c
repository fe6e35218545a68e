/* apps/ktest/main.c - run the in-guest tests and report over the console as TAP.
 * SPDX-License-Identifier: ISC */
#include "apps/ktest/ktest.h"
#include "exo/stub.h"
#include <string.h>
#include "libnet/decimal.h"

int first_main(uint32_t data_slot);

uint32_t ktest_shared_slot;

static struct {
	const char *file, *what;
	int line;
	long value;
} failure;

void ktest_failed(const char *file, int line, const char *what, long value)
{
	if (failure.file)
		return;
	failure.file = file;
	failure.line = line;
	failure.what = what;
	failure.value = value;
}

void ktest_print(const char *text)
{
	sys_console_write(SLOT_MACHINE, (uint64_t)text, (uint32_t)strlen(text));
}

void ktest_print_number(long v)
{
	char text[DECIMAL_MAX];

	if (v < 0)
		ktest_print("-");
	ktest_print(decimal(text, v < 0 ? -(uint64_t)v : (uint64_t)v));
}

static void report(const char *name)
{
	ktest_print(failure.file ? "not ok " : "ok ");
	ktest_print(name);
	if (failure.file) {
		ktest_print(" - ");
		ktest_print(failure.file);
		ktest_print(":");
		ktest_print_number(failure.line);
		ktest_print(": ");
		ktest_print(failure.what);
		ktest_print(" (got ");
		ktest_print_number(failure.value);
		ktest_print(")");
	}
	ktest_print("\n");
}

const volatile char *ktest_option(const char *key)
{
	for (const volatile char *at = exo_info()->cmdline; *at; at++) {
		int i = 0;

		while (key[i] && at[i] == key[i])
			i++;
		if (!key[i])
			return at + i;
	}
	return NULL;
}

static uint64_t pages_in(enum exo_page_state state)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < exo_info()->npages; i++)
		n += exo_pages()[i].state == state;
	return n;
}

/* Pages that are free, that the kernel keeps for good, or that nobody will ever own again
 * (aged_test.c); once the device is done with those in quarantine. */
static uint64_t free_pages(void)
{
	for (int ms = 0; pages_in(PAGE_QUARANTINE) && ms < 60000; ms++)
		context_wait(NULL, 0, __builtin_ia32_rdtsc() + exo_info()->tsc_hz / 1000);
	return exo_info()->free_pages + exo_info()->splits + pages_in(PAGE_RESERVED);
}

/* Run a test twice: what the first run leaves behind for good (page tables, slot pages) the
 * second one finds, so that it must give back every page. */
static void run_test(const struct ktest *t)
{
	memset(&failure, 0, sizeof failure);
	t->run();
	uint64_t pages = free_pages();
	uint32_t filters = exo_info()->filters;
	t->run();
	uint64_t now = free_pages();
	if (now != pages)
		ktest_failed(__FILE__, __LINE__, "free pages as before", (long)(now - pages));
	if (exo_info()->filters != filters)
		ktest_failed(__FILE__, __LINE__, "filters as before", exo_info()->filters);
	child_reap_all(0); /* a test that fails leaves its child, which no other is to meet */
	report(t->name);
}

/* Returns the number of failures. */
static int run(const struct ktest *tests)
{
	int failures = 0;

	for (const struct ktest *t = tests; t->name; t++) {
		run_test(t);
		failures += failure.file != NULL;
	}
	return failures;
}

static void share_page(void)
{
	ktest_shared_slot = (uint32_t)sys_page_alloc(PAGE_ANY, 1);
	sys_page_map(SLOT_SELF, KTEST_SHARED, ktest_shared_slot, 1, PROT_R | PROT_W);
}

/* What the kernel's command line asks for: all, or what a kernel of few generations can bear. */
static int run_suites(void)
{
	static const struct ktest *const suites[] = { page_tests, stlb_tests, protect_tests,
		                                      cap_tests, env_tests, trap_tests, cpu_tests,
		                                      transfer_tests, pipe_tests, lrpc_tests, schedule_tests, pager_tests, revoke_tests,
		                                      device_tests };
	static const struct ktest *const wired[] = { net_tests, pair_tests, fragment_tests, ash_tests,
		                                     helper_tests, starve_tests, seen_tests, fuzz_tests,
		                                     unseen_tests };
	int failures = 0;

	if (ktest_option("aged"))
		return run(protect_tests) + run(aged_tests) + run(aged_seen_tests);
	for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
		failures += run(suites[i]);
	if (!exo_info()->nic.present)
		ktest_print("# no interface: the tests that need a peer are left out\n");
	for (size_t i = 0; exo_info()->nic.present && i < sizeof wired / sizeof *wired; i++)
		failures += run(wired[i]);
	return failures;
}

static void nothing(void) {}

/* Have a kernel that trusts us (careless_test.sh) read, or run, this page. */
static void ask_careless_kernel(const volatile char *what)
{
	bool read = what[1] == 'e';

	envpage()->start_entry = (uint64_t)nothing;
	ktest_print(read ? "# careless: read\n" : "# careless: run\n");
	sys_power(SLOT_MACHINE, read ? POWER_RESET : POWER_OFF, 0);
}

int first_main(uint32_t data_slot)
{
	(void)data_slot;
	context_init();
	if (ktest_option("careless="))
		ask_careless_kernel(ktest_option("careless="));
	share_page();
	int failures = run_suites();
	ktest_print(failures ? "# in-guest tests failed\n" : "# in-guest tests passed\n");
	sys_power(SLOT_MACHINE, POWER_OFF, failures ? 1 : 0);
	return 1;
}
