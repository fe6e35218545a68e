/* apps/ktest/helper_test.c - what handlers have the kernel do for them: helpers, pipelines, calls of
 * their owners' entries, further frames. SPDX-License-Identifier: ISC */
#include "apps/ktest/handler.h"
#include "libnet/calls.h"

/* Two pipelines over the frame: one copies it, adds it up and takes its CRC-32C; one turns its
 * bytes and counts words in a pipe of the owner's. 42 bytes are five words and a tail. */
static void a_handler_runs_pipelines(void)
{
	enum { N = 42, RESULT = 256, TURNED = 512 };
	const struct ash_insn program[] = {
		MOV_REG(8, 1), LOAD(3, 8, 0), MOV(1, 0), MOV(2, ASH_DATA), MOV(4, N),
		MOV(5, ASH_DATA + RESULT), CALL(DILP), MOV(7, ASH_DATA), STORE(7, 0, RESULT + 8),
		LOAD(3, 8, 0), MOV(1, 1), MOV(2, ASH_DATA + TURNED), MOV(4, 40),
		MOV(5, ASH_DATA + RESULT + 16), CALL(DILP), STORE(7, 0, RESULT + 24),
		LOAD(3, 8, 0), MOV(1, 1), MOV(2, ASH_DATA), MOV(4, 3), MOV(5, ASH_DATA + RESULT),
		CALL(DILP), STORE(7, 0, RESULT + 28), /* 3 is no multiple of its gauge */
		MOV(1, 2), CALL(DILP), STORE(7, 0, RESULT + 32), /* there is no such pipeline */
		MOV(0, ASH_PASS), EXIT };
	const uint8_t *data = (const uint8_t *)DATA_VA;
	const uint32_t *result = (const uint32_t *)(DATA_VA + RESULT);
	const uint32_t n = sizeof program / sizeof *program;

	CHECK(open_handler());
	memset(ash.pipes, 0, sizeof ash.pipes);
	ash.pipes[0].kind = DILP_COPY;
	ash.pipes[1].kind = DILP_SUM;
	ash.pipes[2].kind = DILP_CRC;
	ash.pipes[3] = (struct ash_pipe){ .pipeline = 1, .kind = DILP_USER, .gauge = 8, .ninsn = 2,
		                      .insn = { ADD(6, 1), { .code = 0x0f, .regs = 0 | 6 << 4 } } };
	ash.pipes[4] = (struct ash_pipe){ .pipeline = 1, .kind = DILP_COPY };
	ash.extra.npipe = 5;
	CHECK_IS(bind(program, n), 0);
	CHECK(one_frame());
	const volatile struct exo_rx *rx = &ring()->used[0];
	const uint8_t *frame = (const uint8_t *)REGION + RX_BASE + rx->buffer * EXO_BUF_SIZE;
	CHECK(delivered());
	CHECK(memcmp(data, frame, N) == 0);
	uint32_t sum = 0, crc = 0xffffffff;
	for (uint32_t i = 0; i < N; i++) {
		sum += (uint32_t)frame[i] << (i & 1 ? 0 : 8);
		crc ^= frame[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	CHECK_IS(result[0], sum);
	CHECK_IS(result[1], ~crc);
	CHECK_IS(result[2], 0);
	for (uint64_t k = 0; k < 5; k++) {
		uint64_t was, is;
		memcpy(&was, frame + 8 * k, 8);
		memcpy(&is, data + TURNED + 8 * k, 8);
		CHECK_IS(is - was, k + 1); /* its register lives on */
	}
	CHECK_IS(result[6], 0);
	CHECK_IS((int32_t)result[7], -E_INVAL);
	CHECK_IS((int32_t)result[8], -E_INVAL);
	CHECK_IS(counts()->charged, N + 40 + 4); /* by the byte, and 1 for each call */
	close_handler();
}

static void pipelines_are_checked(void)
{
	static const struct ash_insn pass[] = { MOV(0, ASH_PASS), EXIT };

	CHECK(open_handler());
	memset(ash.pipes, 0, sizeof ash.pipes);
	for (uint16_t k = 0; k < ASH_PIPES; k++)
		ash.pipes[k].pipeline = k / DILP_PIPES, ash.pipes[k].kind = DILP_XOR;
	ash.extra.npipe = ASH_PIPES;
	CHECK_IS(bind(pass, 2), 0);
	ash.extra.npipe++;
	CHECK_IS(bind(pass, 2), -E_INVAL);
	ash.extra.npipe = 2;
	ash.pipes[0].pipeline = 1;
	CHECK_IS(bind(pass, 2), -E_INVAL); /* begins with 1 */
	ash.pipes[0].pipeline = 0;
	ash.pipes[1].pipeline = 2;
	CHECK_IS(bind(pass, 2), -E_INVAL); /* leaves one out */
	ash.pipes[1].pipeline = 0;
	ash.pipes[1].kind = DILP_KINDS;
	CHECK_IS(bind(pass, 2), -E_INVAL);
	ash.pipes[1] = (struct ash_pipe){ .kind = DILP_USER, .gauge = 1, .ninsn = 1, .insn = { LOAD(0, 1, 0) } };
	CHECK_IS(bind(pass, 2), -E_INVAL); /* no arithmetic */
	ash.pipes[1].insn[0] = (struct ash_insn)ADD(0, 1);
	CHECK_IS(bind(pass, 2), 0);
	ash.pipes[1].ninsn = DILP_USER_INSNS + 1;
	CHECK_IS(bind(pass, 2), -E_LIMIT);
	memset(ash.pipes, 0, sizeof ash.pipes);
	for (uint16_t k = 0; k <= ASH_PIPELINES; k++)
		ash.pipes[k] = (struct ash_pipe){ .pipeline = k, .kind = DILP_COPY };
	ash.extra.npipe = ASH_PIPELINES;
	CHECK_IS(bind(pass, 2), 0);
	ash.extra.npipe++;
	CHECK_IS(bind(pass, 2), -E_LIMIT);
	close_handler();
}

/* A lock that handler and owner share, a thread of the owner's, and its entries. The thread has a
 * stack of its own, and runs when it is switched to. */
static struct {
	volatile uint32_t *lock, *twin; /* twin[0] and [1] are equal whenever the lock is free */
	uint64_t owner_rsp, thread_rsp, argument;
	uint64_t stack[512] __attribute__((aligned(16)));
	uint32_t thread_runs, late, wrong;
	uint64_t thread_sum;
} active;

/* Save the callee's registers and the stack, go on with another. */
void ash_test_switch(uint64_t *save, uint64_t to);
__asm__(".globl ash_test_switch\n"
        "ash_test_switch:\n"
        "push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rsp, (%rdi)\n"
        "mov %rsi, %rsp\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
        "ret\n");

static void thread(void)
{
	for (;;) {
		active.thread_runs++;
		active.thread_sum += active.argument;
		ash_test_switch(&active.thread_rsp, active.owner_rsp);
	}
}

static void make_thread(void)
{
	uint64_t *top = active.stack + 510; /* as if it had called ash_test_switch */

	*top = (uint64_t)thread;
	active.thread_rsp = (uint64_t)(top - 6);
}

static void start_thread(uint64_t arg, uint32_t filter)
{
	active.wrong += filter != filter_index();
	active.argument = arg;
	ash_test_switch(&active.owner_rsp, active.thread_rsp);
}

static void do_it_later(uint64_t arg, uint32_t filter)
{
	(void)filter;
	active.wrong += *active.lock != 0;
	active.late += (uint32_t)arg;
}

static calls_entry *const entries[] = { NULL, start_thread, do_it_later };

static void serve_calls(uint32_t reasons)
{
	if (reasons & UPCALL_HANDLER)
		calls_run((volatile struct ash_calls *)(WINDOW_VA + ASH_CALLS), entries, 3);
}

/* An active message, as the paper has it: it takes a lock and starts a thread; when the owner has
 * the lock, it leaves a note, and the owner does the work when it has let go. */
static void an_active_message_takes_a_lock_and_starts_a_thread(void)
{
	CHECK(open_handler());
	memset(&active, 0, sizeof active);
	active.lock = (volatile uint32_t *)DATA_VA;
	active.twin = active.lock + 1;
	make_thread();
	context_on_upcall(serve_calls);
	CHECK_IS(BIND(MOV(6, ASH_DATA), MOV(0, 0), MOV(1, 1), SWAP_IF_R0(6, 1), JUMP_NOT(0, 0, 12),
	              LOAD(3, 6, 4), ADD(3, 1), STORE(6, 3, 4), LOAD(3, 6, 8), ADD(3, 1),
	              STORE(6, 3, 8), MOV(3, 0), STORE(6, 3, 0), MOV(1, 1), MOV(2, 7),
	              CALL(CALL), JUMP(3), MOV(1, 2), MOV(2, 5), CALL(CALL), MOV(0, ASH_CONSUME),
	              EXIT), 0);
	CHECK(one_frame());
	CHECK(one_frame());
	CHECK_IS(counts()->handled, 2);
	EVENTUALLY(active.thread_runs == 2);
	CHECK_IS(active.thread_runs, 2);
	CHECK_IS(active.thread_sum, 14);
	CHECK_IS(active.twin[0], 2);
	CHECK_IS(active.twin[1], 2);
	CHECK_IS(*active.lock, 0);
	context_mask(); /* or we would be called with the lock held */
	*active.lock = 1;
	active.twin[0]++;
	CHECK(one_frame());
	CHECK_IS(active.late, 0);
	CHECK_IS(active.twin[0], 3);
	active.twin[1]++;
	*active.lock = 0;
	context_unmask();
	CHECK_IS(active.late, 5);
	CHECK_IS(active.thread_runs, 2);
	CHECK_IS(active.wrong, 0);
	context_on_upcall(NULL);
	close_handler();
}

/* Calls of an aborted run are not made; the queue is bounded, and so are the calls of a run. */
static void calls_are_staged_and_bounded(void)
{
	volatile struct ash_calls *q = (volatile struct ash_calls *)(WINDOW_VA + ASH_CALLS);
	volatile int32_t *data = (volatile int32_t *)DATA_VA;

	CHECK(open_handler());
	CHECK_IS(BIND(MOV(1, 1), MOV(2, 7), CALL(CALL), MOV(0, 77), EXIT), 0);
	CHECK(one_frame());
	CHECK(delivered());
	CHECK_IS(q->head, 0);
	CHECK_IS(BIND(MOV(6, ASH_DATA), MOV(1, ASH_ENTRIES), CALL(CALL), STORE(6, 0, 0),
	              MOV(1, 1), CALL(CALL), MOV(1, 1), CALL(CALL), MOV(1, 1), CALL(CALL),
	              MOV(1, 1), CALL(CALL), STORE(6, 0, 4), MOV(1, 1), CALL(CALL),
	              STORE(6, 0, 8), MOV(0, ASH_CONSUME), EXIT), 0);
	CHECK(one_frame());
	CHECK_IS(data[0], -E_INVAL);
	CHECK_IS(data[1], 0);
	CHECK_IS(data[2], -E_NOSPC);
	CHECK_IS(q->head, ASH_RUN_CALLS);
	q->tail = q->head - (ASH_CALL_RING - 2); /* room for two */
	CHECK(one_frame());
	CHECK_IS(data[1], -E_NOSPC);
	CHECK_IS(q->head, ASH_RUN_CALLS + 2);
	q->head = 0xfffffff0; /* nonsense harms nobody */
	q->tail = 5;
	CHECK(one_frame());
	CHECK_IS(data[1], -E_NOSPC);
	CHECK(counters_add_up());
	close_handler();
}

/* One frame comes; another goes to the ring from the handler's data, two are sent. */
static void a_handler_sends_and_delivers_more_frames(void)
{
	uint8_t *data = (uint8_t *)DATA_VA;
	const volatile int32_t *result = (const volatile int32_t *)(DATA_VA + 2048);
	uint64_t sent, refused;

	CHECK(open_handler());
	write_arp(data); /* a question: its answer would come back here */
	data[41] = 77; /* to nobody */
	memcpy(data + 512, data, ARP_LENGTH);
	data[512 + 6] ^= 0x40; /* not our address: refused */
	CHECK_IS(BIND(MOV(6, ASH_DATA),
	              MOV(1, ASH_DATA), MOV(2, ARP_LENGTH), CALL(SEND), STORE(6, 0, 2048),
	              MOV(1, ASH_DATA + 512), MOV(2, ARP_LENGTH), CALL(SEND), STORE(6, 0, 2052),
	              MOV(1, ASH_DATA + 1024), MOV(2, 100), CALL(DELIVER), STORE(6, 0, 2056),
	              MOV(1, ASH_DATA), MOV(2, EXO_FRAME_MIN - 1), CALL(SEND), STORE(6, 0, 2060),
	              MOV(1, ASH_DATA), MOV(2, EXO_FRAME_MAX + 1), CALL(DELIVER), STORE(6, 0, 2064),
	              MOV(1, ASH_DATA + EXO_PAGE_SIZE - 60), MOV(2, 61), CALL(DELIVER),
	              STORE(6, 0, 2068), MOV(1, ASH_DATA), MOV(2, 60), CALL(DELIVER),
	              MOV(1, ASH_DATA), MOV(2, 60), CALL(DELIVER), STORE(6, 0, 2072),
	              MOV(0, ASH_PASS), EXIT), 0);
	memset(data + 1024, 0x5a, 100);
	sent = exo_info()->nic.sent;
	refused = exo_info()->nic.refused;
	CHECK(one_frame());
	CHECK_IS(result[0], 0);
	CHECK_IS(result[1], 0);
	CHECK_IS(result[2], 0);
	CHECK_IS(result[3], -E_INVAL);
	CHECK_IS(result[4], -E_INVAL);
	CHECK_IS(result[5], -E_FAULT);
	CHECK_IS(result[6], -E_NOSPC);
	CHECK_IS(exo_info()->nic.sent, sent + 2); /* ours, and one */
	CHECK_IS(exo_info()->nic.refused, refused + 1);
	CHECK_IS(counts()->replied, 1);
	CHECK_IS(counts()->dropped, 1);
	CHECK_IS(ring()->used_head, 3);
	const uint8_t *made = (const uint8_t *)REGION + RX_BASE + ring()->used[0].buffer * EXO_BUF_SIZE;
	CHECK_IS(ring()->used[0].length, 100);
	CHECK(made[0] == 0x5a && made[99] == 0x5a);
	CHECK_IS(ring()->used[1].length, 60);
	ash.frames = 2;
	CHECK(delivered()); /* the one that came, last */
	CHECK(counters_add_up());
	CHECK_IS(BIND(MOV(1, ASH_DATA), MOV(2, 60), CALL(DELIVER), MOV(0, 77), EXIT), 0);
	CHECK(one_frame());
	CHECK(delivered()); /* and nothing else: it was aborted */
	CHECK_IS(ring()->used_head, 4);
	close_handler();
}

static uint64_t nanoseconds(void)
{
	uint64_t cycles = __builtin_ia32_rdtsc() - exo_info()->boot_tsc, hz = exo_info()->tsc_hz;

	return cycles / hz * 1000000000 + cycles % hz * 1000000000 / hz;
}

/* The helpers that only compute, here in the kernel: sum, copy, time, random. */
static void helpers_compute_in_the_kernel(void)
{
	volatile uint64_t *data = (volatile uint64_t *)DATA_VA;
	uint64_t from = nanoseconds();

	CHECK(open_handler());
	CHECK_IS(BIND(MOV_REG(8, 1), MOV(6, ASH_DATA), LOAD(7, 8, 0), MOV_REG(1, 7), ADD(1, 14),
	              MOV(2, 28), MOV(3, 0), CALL(SUM), STORE_LONG(6, 0, 0), MOV(1, ASH_DATA + 64),
	              MOV_REG(2, 7), MOV(3, ARP_LENGTH), CALL(COPY), STORE_LONG(6, 0, 8),
	              CALL(TIME), STORE_LONG(6, 0, 16), CALL(RANDOM), STORE_LONG(6, 0, 24),
	              CALL(RANDOM), STORE_LONG(6, 0, 32), MOV(0, ASH_PASS), EXIT), 0);
	CHECK(one_frame());
	uint64_t to = nanoseconds();
	const volatile struct exo_rx *rx = &ring()->used[0];
	const uint8_t *frame = (const uint8_t *)REGION + RX_BASE + rx->buffer * EXO_BUF_SIZE;
	uint32_t sum = 0;
	for (uint32_t i = 14; i < ARP_LENGTH; i++)
		sum += (uint32_t)frame[i] << (i & 1 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	CHECK(delivered());
	CHECK_IS(data[0], sum);
	CHECK_IS(data[1], 0);
	CHECK(memcmp((const uint8_t *)DATA_VA + 64, frame, ARP_LENGTH) == 0);
	CHECK(data[2] + 1000 >= from && data[2] <= to + 1000); /* both are rounded */
	uint64_t first = data[3];
	CHECK(data[3] != data[4]);
	CHECK(one_frame());
	CHECK(data[3] != first && data[4] != first); /* the stream goes on */
	CHECK_IS(counts()->charged, 2 * (5 + 28 + ARP_LENGTH));
	close_handler();
}

const struct ktest helper_tests[] = {
	{ "a_handler_runs_pipelines", a_handler_runs_pipelines },
	{ "pipelines_are_checked", pipelines_are_checked },
	{ "helpers_compute_in_the_kernel", helpers_compute_in_the_kernel },
	{ "an_active_message_takes_a_lock_and_starts_a_thread",
	  an_active_message_takes_a_lock_and_starts_a_thread },
	{ "calls_are_staged_and_bounded", calls_are_staged_and_bounded },
	{ "a_handler_sends_and_delivers_more_frames", a_handler_sends_and_delivers_more_frames },
	{ NULL, NULL },
};
