/* boot/linux/rows.c - the first program of a Linux guest: what apps/kbench counts, in Linux's terms.
 *
 * Under QEMU's -icount shift=0 the time stamp counter counts instructions. Each row is
 * printed as "row<TAB>instructions", the mean of many rounds, less what an empty one costs; user
 * space's part is counted too. The machine is then restarted, which ends QEMU. Rows are named as the
 * operations of ours that they stand beside:
 *
 *   null_syscall          a system call with a number that is none
 *   exception_roundtrip   int3 to its signal handler and back
 *   trap, trap_unprotect  a store to a protected page: passed over by the handler; made to succeed
 *   appel1, appel2        Appel and Li, ASPLOS '91, per page of 100
 *   yield, context_switch one switch between two processes that yield to each other
 *   page_fault_by_libos   the first touch of an anonymous page, its clearing included
 *   map, unmap            mmap (populated) and munmap of pages of a file that are in memory
 *   page_alloc_free       mmap and munmap of an anonymous page, its clearing included
 *   pipe_roundtrip_1, _4k a byte, or a page, to another process and back through two pipes
 *   shm_roundtrip         a word in shared memory, changed in turns by two processes that sleep (futex)
 *   env_create_destroy    fork, exit and wait of a small static program
 *
 * SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

enum { ROUNDS = 1000, FORKS = 50, PAGES = 100, STEP = 37, PAGE = 4096 };

typedef void op(void);

static char *area;           /* of PAGES pages */
static volatile uint32_t at; /* the page visited; handlers read it */
static int file;

static uint64_t now(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

static void nothing(void) {}

/* The mean of what f costs; `undo`, not counted, follows each. */
static uint64_t mean(op *f, op *undo, uint32_t rounds)
{
	uint64_t sum = 0;

	f();
	undo();
	for (uint32_t i = 0; i < rounds; i++) {
		uint64_t start = now();

		f();
		sum += now() - start;
		undo();
	}
	return sum / rounds;
}

static uint64_t measure(op *f, op *undo) { return mean(f, undo, ROUNDS) - mean(nothing, nothing, ROUNDS); }

static void row(const char *name, uint64_t instructions)
{
	printf("%s\t%lu\n", name, (unsigned long)instructions);
}

static void need(int good, const char *what)
{
	if (!good) {
		printf("rows: %s failed\n", what);
		exit(1); /* the first program's end is a panic */
	}
}

/* --- Crossings and processes --- */

static void no_call(void)
{
	long number = 1000000;

	__asm__ volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
}

static void int3(void) { __asm__ volatile("int3"); }
static void yield(void) { sched_yield(); }

static void fork_exit(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	need(child > 0 && waitpid(child, NULL, 0) == child, "fork");
}

static uint64_t one_switch(void)
{
	static const struct sched_param first = { .sched_priority = 1 };

	/* In turns, whatever time each has had. */
	need(sched_setscheduler(0, SCHED_FIFO, &first) == 0, "SCHED_FIFO");
	pid_t child = fork();
	need(child >= 0, "fork");
	while (child == 0)
		sched_yield();
	uint64_t both = measure(yield, nothing);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	static const struct sched_param usual = { .sched_priority = 0 };
	sched_setscheduler(0, SCHED_OTHER, &usual);
	return both / 2;
}

/* --- Communication --- */

static int there[2], back[2];
static size_t message;

static void pass(int from, int to)
{
	static char bytes[PAGE];

	need(read(from, bytes, message) == (ssize_t)message && write(to, bytes, message) == (ssize_t)message,
	     "a pipe");
}

static void pipe_trip(void)
{
	static char bytes[PAGE];

	need(write(there[1], bytes, message) == (ssize_t)message &&
	     read(back[0], bytes, message) == (ssize_t)message, "a pipe");
}

/* Our op, and in a child `other`, for ever. */
static uint64_t with(op *other, op *ours)
{
	pid_t child = fork();

	need(child >= 0, "fork");
	while (child == 0)
		other();
	uint64_t trip = measure(ours, nothing);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return trip;
}

static void pass_on(void) { pass(there[0], back[1]); }

static volatile uint32_t *turn; /* even: ours */

static void futex(int operation, uint32_t value)
{
	syscall(SYS_futex, turn, operation, value, NULL, NULL, 0);
}

/* Wait for our turn, and give it back. */
static void take_turn(uint32_t odd)
{
	uint32_t now;

	while ((now = *turn) % 2 != odd)
		futex(FUTEX_WAIT, now);
	*turn = now + 1;
	futex(FUTEX_WAKE, 1);
}

static void answer(void) { take_turn(1); }

static void ask(void)
{
	uint32_t now;

	take_turn(0);
	while ((now = *turn) % 2)
		futex(FUTEX_WAIT, now);
}

static void communication_rows(void)
{
	need(pipe(there) == 0 && pipe(back) == 0, "pipe");
	message = 1;
	row("pipe_roundtrip_1", with(pass_on, pipe_trip));
	row("pipe_inline_roundtrip_1", with(pass_on, pipe_trip)); /* it has one way only */
	message = PAGE;
	row("pipe_roundtrip_4k", with(pass_on, pipe_trip));
	turn = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(turn != MAP_FAILED, "mmap");
	row("shm_roundtrip", with(answer, ask));
}

/* --- Pages --- */

static char *page(uint32_t k) { return area + (size_t)k * PAGE; }
static void touch(uint32_t k) { *(volatile char *)page(k) = 1; }
static void touch_0(void) { touch(0); }

static void map(uint32_t n)
{
	need(mmap(area, (size_t)n * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
	          file, 0) == area, "mmap");
}

static void unmap(uint32_t n) { munmap(area, (size_t)n * PAGE); }
static void map_1(void) { map(1); }
static void map_100(void) { map(PAGES); }
static void unmap_1(void) { unmap(1); }
static void unmap_100(void) { unmap(PAGES); }

static void anonymous(uint32_t n, int flags)
{
	need(mmap(area, (size_t)n * PAGE, PROT_READ | PROT_WRITE,
	          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags, -1, 0) == area, "mmap");
}

/* Each touch is a page's first; the neighbours have been touched before. */
static char *fresh;
static void touch_next(void)
{
	*fresh = 1;
	fresh += PAGE;
}

static void first_touch_row(void)
{
	enum { BYTES = (ROUNDS + 1) * PAGE };
	char *pages = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(pages != MAP_FAILED, "mmap");
	fresh = pages;
	row("page_fault_by_libos", measure(touch_next, nothing));
	munmap(pages, BYTES);
}

static void alloc_free(void)
{
	anonymous(1, MAP_POPULATE);
	unmap_1();
}

static void protect(uint32_t k, uint32_t n) { mprotect(page(k), (size_t)n * PAGE, PROT_READ); }

static void unprotect(uint32_t k, uint32_t n)
{
	mprotect(page(k), (size_t)n * PAGE, PROT_READ | PROT_WRITE);
}

static void protect_1(void) { protect(0, 1); }
static void protect_100(void) { protect(0, PAGES); }
static void unprotect_1(void) { unprotect(0, 1); }
static void unprotect_100(void) { unprotect(0, PAGES); }

/* --- Handlers --- */

static void ignore(int s, siginfo_t *i, void *context)
{
	(void)s;
	(void)i;
	(void)context;
}

extern char after_store[];
static void pass_over(int s, siginfo_t *i, void *context)
{
	(void)s;
	(void)i;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)after_store;
}

static void unprotect_it(int s, siginfo_t *i, void *context)
{
	ignore(s, i, context);
	unprotect(at, 1);
}

static void protect_another(int s, siginfo_t *i, void *context)
{
	ignore(s, i, context);
	protect((at + STEP) % PAGES, 1);
	unprotect(at, 1);
}

static void on(int signal, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction a = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	need(sigaction(signal, &a, NULL) == 0, "sigaction");
}

static __attribute__((noinline)) void trap(void)
{
	__asm__ volatile("movb $1, (%0)\n\t.globl after_store\nafter_store:" : : "r"(area));
}

static void appel1(void)
{
	for (uint32_t i = 0; i < PAGES; i++) {
		touch(at);
		at = (at + STEP) % PAGES;
	}
}

static void appel2(void)
{
	protect_100();
	for (uint32_t i = 0; i < PAGES; i++) {
		at = (at + STEP) % PAGES;
		touch(at);
	}
}

/* --- The rows --- */

static void control_rows(void)
{
	row("null_syscall", measure(no_call, nothing));
	on(SIGTRAP, ignore);
	row("exception_roundtrip", measure(int3, nothing));
	uint64_t one = one_switch();
	row("yield", one);
	row("context_switch", one);
	row("env_create_destroy", mean(fork_exit, nothing, FORKS));
}

static void mapping_rows(void)
{
	row("map_1", measure(map_1, unmap_1));
	row("map_100", measure(map_100, unmap_100));
	map_1();
	row("unmap_1", measure(unmap_1, map_1));
	map_100();
	row("unmap_100", measure(unmap_100, map_100));
	first_touch_row();
	row("page_alloc_free", measure(alloc_free, nothing));
}

static void protection_rows(void)
{
	anonymous(PAGES, MAP_POPULATE);
	row("protect_1", measure(protect_1, unprotect_1));
	row("protect_100", measure(protect_100, unprotect_100));
	protect_1();
	row("unprotect_1", measure(unprotect_1, protect_1));
	protect_100();
	row("unprotect_100", measure(unprotect_100, protect_100));
	unprotect_100();
	protect_1();
	on(SIGSEGV, pass_over);
	row("trap", measure(trap, nothing));
	on(SIGSEGV, unprotect_it);
	row("trap_unprotect", measure(touch_0, protect_1));
	on(SIGSEGV, protect_another);
	protect_1();
	row("appel1", measure(appel1, nothing) / PAGES);
	on(SIGSEGV, unprotect_it);
	row("appel2", measure(appel2, nothing) / PAGES);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	file = open("/pages", O_RDWR | O_CREAT, 0600);
	need(file >= 0 && ftruncate(file, PAGES * PAGE) == 0, "a file");
	area = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(area != MAP_FAILED, "mmap");
	control_rows();
	communication_rows();
	mapping_rows();
	protection_rows();
	reboot(RB_AUTOBOOT);
	return 1;
}
