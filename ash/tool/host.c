/* ash/tool/host.c - see host.h. A fault with the instruction pointer in the running
 * program's body and the address in its window or guards continues at the program's fault
 * exit; any other stays the crash it is.
 * Layer: hosted tool and tests. SPDX-License-Identifier: ISC
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "ash/tool/host.h"

#define WINDOW_SIZE (1ull << 32)
#define RESERVED (WINDOW_SIZE + 2 * (uint64_t)ASH_GUARD)

static __thread struct host *running;

static bool is_ours(const struct host *h, uint64_t pc, uint64_t address)
{
	uint64_t code = (uint64_t)(uintptr_t)h->image;
	uint64_t window = (uint64_t)(uintptr_t)h->reserved;

	return pc >= code + h->code.body && pc < code + h->code.end && address >= window &&
	       address < window + RESERVED;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	greg_t *pc = &u->uc_mcontext.gregs[REG_RIP];
	uint64_t address = (uint64_t)(uintptr_t)info->si_addr;

	if (running && is_ours(running, (uint64_t)*pc, address)) {
		running->run.fault = address - (uint64_t)(uintptr_t)running->run.window;
		running->fault_at = (uint32_t)((uint64_t)*pc - (uintptr_t)running->image);
		*pc = (greg_t)(uintptr_t)(running->image + running->code.fault_exit);
		return;
	}
	signal(number, SIG_DFL); /* the instruction faults again, for good */
}

static void catch_faults(void)
{
	static bool done;
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	if (done)
		return;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	done = true;
}

/* The window is at `at`: the parts that every run has. */
static int open_window(struct host *h, uint8_t *at)
{
	h->run.window = at;
	h->run.budget = ASH_BUDGET;
	h->run.r1 = ASH_CTX;
	h->run.helper = ash_helper;
	h->compiler = ash_compile;
	catch_faults();
	int err = host_map(h, ASH_CTX, 0x1000);
	if (!err)
		err = host_map(h, ASH_STACK, ASH_STACK_TOP - ASH_STACK);
	if (err)
		host_close(h);
	return err;
}

static void *reserve(uintptr_t at, uint64_t size, int flags)
{
	return mmap((void *)at, size, PROT_NONE,
	            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
}

int host_open(struct host *h)
{
	memset(h, 0, sizeof *h);
	void *m = reserve(0, RESERVED, 0);
	if (m == MAP_FAILED)
		return -E_NOMEM;
	h->reserved = m;
	return open_window(h, h->reserved + ASH_GUARD);
}

int host_open_low(struct host *h)
{
	memset(h, 0, sizeof *h);
	if (reserve(ASH_CTX, ASH_END - ASH_CTX, MAP_FIXED_NOREPLACE) != (void *)(uintptr_t)ASH_CTX)
		return -E_NOMEM;
	return open_window(h, NULL);
}

int host_map(struct host *h, uint32_t first, uint32_t length)
{
	if (h->run.nextent == ASH_EXTENTS)
		return -E_NOSPC;
	if (mprotect(h->run.window + first, length, PROT_READ | PROT_WRITE))
		return -E_NOMEM;
	h->run.extent[h->run.nextent++] = (struct ash_extent){ first, length, true };
	return 0;
}

static void unload(struct host *h)
{
	struct ash_program *p = &h->program;

	free((void *)(uintptr_t)p->insn);
	free(p->mark);
	free(p->function);
	free(h->where);
	if (h->image)
		munmap(h->image, h->image_size);
	*p = (struct ash_program){ 0 };
	h->where = NULL;
	h->image = NULL;
}

static int compile(struct host *h)
{
	struct ash_program *p = &h->program;
	struct ash_workspace *w = malloc(sizeof *w);
	struct x86_label *label = calloc(p->ninsn, sizeof *label);
	int err = -E_NOMEM;

	h->where = calloc(p->ninsn, sizeof *h->where);
	h->image_size = (ash_code_bound(p) + 4095) & ~(size_t)4095;
	void *m = mmap(NULL, h->image_size, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m != MAP_FAILED)
		h->image = m;
	if (w && label && h->where && h->image) {
		w->label = label;
		err = h->compiler(p, w, h->image, ash_code_bound(p), &h->code, h->where);
	}
	if (!err && mprotect(h->image, h->image_size, PROT_READ | PROT_EXEC))
		err = -E_NOMEM;
	free(w);
	free(label);
	return err;
}

int host_load(struct host *h, const struct ash_insn *insn, uint32_t n,
              const uint32_t *entry, uint32_t nentry)
{
	struct ash_program *p = &h->program;
	size_t size = n * sizeof *insn;
	struct ash_insn *copy = malloc(size + 1);

	unload(h);
	p->insn = copy;
	p->ninsn = n;
	p->start = h->start;
	p->mark = calloc(n + 1u, 1);
	p->function = calloc(ASH_FUNCTION_MAX, sizeof *p->function);
	if (!copy || !p->mark || !p->function)
		return -E_NOMEM;
	if (size)
		memcpy(copy, insn, size);
	int err = ash_decode(p, entry, nentry);
	return err ? err : compile(h);
}

static void drop_pipes(struct host *h)
{
	if (h->pipe_code)
		munmap(h->pipe_code, (size_t)ASH_PIPELINES * DILP_CODE_MAX);
	h->pipe_code = NULL;
	h->run.dilp = NULL;
	h->run.ndilp = 0;
}

static int compile_pipes(struct host *h, uint32_t n)
{
	const size_t size = (size_t)ASH_PIPELINES * DILP_CODE_MAX;
	void *m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		return -E_NOMEM;
	h->pipe_code = m;
	for (uint32_t k = 0; k < n; k++) {
		uint8_t *code = h->pipe_code + (size_t)k * DILP_CODE_MAX;
		int length = dilp_compile(h->dilp[k].pipe, h->dilp[k].n, code, DILP_CODE_MAX);
		if (length < 0)
			return length;
		memcpy(&h->dilp[k].entry, &code, sizeof code);
	}
	h->run.dilp = h->dilp;
	h->run.ndilp = n;
	return mprotect(m, size, PROT_READ | PROT_EXEC) ? -E_NOMEM : 0;
}

int host_pipes(struct host *h, const struct ash_pipe *pipe, uint32_t n)
{
	drop_pipes(h);
	int count = dilp_gather(pipe, n, h->pipe, h->dilp);
	return count > 0 ? compile_pipes(h, (uint32_t)count) : count;
}

uint32_t host_native(struct host *h)
{
	ash_entry *enter;
	void *start = h->image;

	memcpy(&enter, &start, sizeof enter);
	running = h;
	uint32_t stop = enter(&h->run);
	running = NULL;
	return stop;
}

uint32_t host_instruction(const struct host *h, uint32_t offset)
{
	uint32_t found = 0;

	for (uint32_t at = 0; at < h->program.ninsn && h->where[at] <= offset; at++)
		if (!(h->program.mark[at] & ASH_SECOND))
			found = at;
	return found;
}

uint32_t host_interpret(struct host *h) { return ash_interpret(&h->program, &h->run); }

void host_close(struct host *h)
{
	unload(h);
	drop_pipes(h);
	if (h->reserved)
		munmap(h->reserved, RESERVED);
	h->reserved = NULL;
}
