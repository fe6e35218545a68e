/* apps/ktest/ash_test.c - handlers in the kernel: what they may do to a frame, and that what
 * they may not harms nobody. The frames are ARP replies of the host's user network.
 * SPDX-License-Identifier: ISC */
#include <string.h>
#include "apps/ktest/wire.h"
#include "exo/ash.h"
#include "libnet/calls.h"

enum {
	WINDOW_VA = KTEST_VA + 0x200000, /* the handler's own pages, as we see them */
	WINDOW_PAGES = ASH_OWN_PAGES + 1,
	DATA_VA = WINDOW_VA + ASH_OWN_PAGES * EXO_PAGE_SIZE,
};

/* RFC 9669: r0 = v; r1 = v; r1 = 64 bits; exit; loads and stores; loops. */
#define MOV(dst, v)      { .code = 0xb7, .regs = dst, .imm = (int32_t)(v) }
#define MOV_REG(dst, src) { .code = 0xbf, .regs = dst | src << 4 }
#define ADD(dst, v)      { .code = 0x07, .regs = dst, .imm = (v) }
#define LOAD(dst, src, o) { .code = 0x61, .regs = dst | (src) << 4, .off = (o) }
#define STORE(dst, src, o) { .code = 0x63, .regs = dst | (src) << 4, .off = (o) }
#define STORE_LONG(dst, src, o) { .code = 0x7b, .regs = dst | (src) << 4, .off = (o) }
#define STORE_BYTE(dst, o, v) { .code = 0x72, .regs = dst, .off = (o), .imm = (v) }
#define JUMP_ABOVE(r, v, o) { .code = 0x25, .regs = r, .off = (o), .imm = (v) }
#define JUMP_NOT(r, v, o) { .code = 0x55, .regs = r, .off = (o), .imm = (v) }
#define SWAP_IF_R0(dst, src) { .code = 0xc3, .regs = dst | (src) << 4, .imm = 0xf1 } /* 32 bits */
#define JUMP(o)          { .code = 0x05, .off = (o) }
#define CALL_SELF        { .code = 0x85, .regs = 1 << 4, .imm = -1 }
#define CALL(helper)     { .code = 0x85, .imm = ASH_HELPER_##helper }
#define EXIT             { .code = 0x95 }

static struct {
	long filter;
	uint32_t pages;
	uint32_t frames; /* that should have reached the ring */
} ash;

static struct ash_image extra; /* what the next bindings ask for beside their program */

static uint32_t filter_index(void)
{
	struct exo_cap cap = { 0 };

	sys_cap_mint((uint32_t)ash.filter, RIGHT_READ, (uint64_t)&cap);
	return cap.name & 0xfffffff;
}

static const volatile struct exo_filter_info *counts(void)
{
	return &exo_filters()[filter_index()];
}

static bool open_handler(void)
{
	ash.frames = 0;
	extra = (struct ash_image){ 0 };
	if (!open_ring())
		return false;
	post_buffers();
	ash.filter = insert_arp();
	ash.pages = (uint32_t)sys_page_alloc(PAGE_ANY, WINDOW_PAGES);
	return ash.filter > 0 && sys_page_map(SLOT_SELF, WINDOW_VA, ash.pages, WINDOW_PAGES,
	                                      PROT_R | PROT_W) == 0;
}

static void close_handler(void)
{
	close_ring();
	sys_page_free(ash.pages, WINDOW_PAGES);
}

static struct ash_pipe pipes[ASH_PIPES + 1]; /* [extra.npipe] */

static long bind(const struct ash_insn *insn, uint32_t n)
{
	static struct {
		struct ash_image head;
		struct ash_insn insn[64];
		uint8_t pipes[sizeof pipes];
	} image;
	uint32_t code = n * (uint32_t)sizeof *insn, piped = extra.npipe * (uint32_t)sizeof *pipes;

	image.head = extra;
	image.head.ninsn = n;
	memcpy(image.insn, insn, code);
	memcpy((uint8_t *)image.insn + code, pipes, piped);
	return sys_ash_bind((uint32_t)ash.filter, (uint64_t)&image,
	                    (uint32_t)sizeof image.head + code + piped, ash.pages, WINDOW_PAGES);
}
#define BIND(...)                                                                 \
	bind((const struct ash_insn[]){ __VA_ARGS__ },                            \
	     sizeof (struct ash_insn[]){ __VA_ARGS__ } / sizeof(struct ash_insn))

/* Ask who has 10.0.2.2, and wait until the answer has been through the filter. */
static bool one_frame(void)
{
	uint64_t before = counts()->frames;

	write_arp(tx_memory());
	describe(TX_BASE, ARP_LENGTH, 0);
	if (send() != 0)
		return false;
	for (int i = 0; i < 60 && counts()->frames == before; i++)
		received(ash.frames + 1);
	return counts()->frames == before + 1;
}

/* The frame came to the ring, and is an ARP reply. */
static bool delivered(void)
{
	const volatile struct exo_rx *rx = &ring()->used[ash.frames % EXO_RING_N];
	const uint8_t *frame = (const uint8_t *)REGION + RX_BASE + rx->buffer * EXO_BUF_SIZE;

	return ring()->used_head == ++ash.frames && rx->length >= ARP_LENGTH &&
	       memcmp(frame + 28, peer_ip, 4) == 0;
}

static void a_handler_passes_and_consumes(void)
{
	CHECK(open_handler());
	CHECK_IS(BIND(MOV(0, ASH_PASS), EXIT), 0);
	CHECK(one_frame());
	CHECK(delivered());
	CHECK_IS(counts()->handled, 0);
	CHECK_IS(BIND(MOV(0, ASH_CONSUME), EXIT), 0); /* in place of the other */
	for (int i = 0; i < 3 * BUFFERS; i++)         /* its buffers come back */
		CHECK(one_frame());
	CHECK_IS(ring()->used_head, ash.frames);
	CHECK_IS(counts()->handled, 3 * BUFFERS);
	CHECK_IS(counts()->aborted, 0);
	CHECK_IS(sys_ash_unbind((uint32_t)ash.filter), 0);
	CHECK(one_frame());
	CHECK(delivered());
	CHECK(counters_add_up());
	close_handler();
}

/* It counts in its owner's page, and looks at the frame through the context. */
static void a_handler_shares_memory_with_its_owner(void)
{
	volatile uint32_t *data = (volatile uint32_t *)DATA_VA;

	CHECK(open_handler());
	CHECK_IS(BIND(MOV(2, ASH_DATA), LOAD(3, 2, 0), ADD(3, 1), STORE(2, 3, 0), LOAD(4, 1, 0),
	              LOAD(5, 4, 28), STORE(2, 5, 4), LOAD(4, 1, 24), STORE(2, 4, 8),
	              MOV(0, ASH_CONSUME), EXIT), 0);
	data[0] = 40;
	CHECK(one_frame());
	CHECK(one_frame());
	CHECK_IS(data[0], 42);
	CHECK(memcmp((const uint8_t *)DATA_VA + 4, peer_ip, 4) == 0);
	CHECK(data[2] >= ARP_LENGTH);
	CHECK_IS(sys_page_map(SLOT_SELF, WINDOW_VA, ash.pages, 1, PROT_R | PROT_X), -E_BUSY);
	close_handler();
}

/* Pages of its owner's at ASH_PAGES: to be read, or written too. */
static void a_handler_shares_further_pages(void)
{
	enum { PAGES_SHARED = 2, SHARED_VA = WINDOW_VA + 0x100000 };
	volatile uint32_t *shared = (volatile uint32_t *)SHARED_VA;
	const uint32_t last = PAGES_SHARED * EXO_PAGE_SIZE / 4 - 1;
	const struct ash_insn copy[] = { MOV(2, ASH_PAGES), LOAD(3, 2, 0), LOAD(4, 1, 52),
		                         MOV(5, ASH_DATA), STORE(5, 3, 0), STORE(5, 4, 4),
		                         MOV(2, ASH_PAGES + PAGES_SHARED * EXO_PAGE_SIZE - 4),
		                         STORE(2, 3, 0), MOV(0, ASH_CONSUME), EXIT };
	const volatile uint32_t *data = (const volatile uint32_t *)DATA_VA;

	CHECK(open_handler());
	uint32_t slot = (uint32_t)sys_page_alloc(PAGE_ANY, PAGES_SHARED);
	CHECK_IS(sys_page_map(SLOT_SELF, SHARED_VA, slot, PAGES_SHARED, PROT_R | PROT_W), 0);
	shared[0] = 42;
	CHECK_IS(BIND(MOV(2, ASH_PAGES), LOAD(0, 2, 0), EXIT), 0); /* none are shared yet */
	CHECK(one_frame());
	CHECK(delivered());
	CHECK_IS(counts()->aborted, 1);
	extra = (struct ash_image){ .shared = slot, .nshared = PAGES_SHARED };
	CHECK_IS(bind(copy, sizeof copy / sizeof *copy), 0);
	CHECK(one_frame());
	CHECK(delivered()); /* it may not write there */
	CHECK_IS(counts()->aborted, 2);
	CHECK_IS(data[0], 42);
	CHECK_IS(data[1], PAGES_SHARED * EXO_PAGE_SIZE);
	CHECK_IS(shared[last], 0);
	extra.shared_write = 1;
	CHECK_IS(bind(copy, sizeof copy / sizeof *copy), 0);
	CHECK(one_frame());
	CHECK_IS(counts()->handled, 1);
	CHECK_IS(shared[last], 42);
	CHECK_IS(sys_page_map(SLOT_SELF, SHARED_VA, slot, 1, PROT_R | PROT_X), -E_BUSY);
	CHECK_IS(BIND(MOV(2, ASH_PAGES + PAGES_SHARED * EXO_PAGE_SIZE), LOAD(0, 2, 0), EXIT), 0);
	CHECK(one_frame());
	CHECK(delivered()); /* nothing is behind them */
	CHECK_IS(counts()->aborted, 3);
	extra.nshared = ASH_SHARED_PAGES + 1;
	CHECK_IS(bind(copy, sizeof copy / sizeof *copy), -E_LIMIT);
	extra.nshared = PAGES_SHARED + 1;
	CHECK_IS(bind(copy, sizeof copy / sizeof *copy), -E_PERM);
	extra = (struct ash_image){ .shared = slot, .nshared = 1, .shared_write = 2 };
	CHECK_IS(bind(copy, sizeof copy / sizeof *copy), -E_INVAL);
	close_handler();
	sys_page_free(slot, PAGES_SHARED);
}

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
	memset(pipes, 0, sizeof pipes);
	pipes[0].kind = DILP_COPY;
	pipes[1].kind = DILP_SUM;
	pipes[2].kind = DILP_CRC;
	pipes[3] = (struct ash_pipe){ .pipeline = 1, .kind = DILP_USER, .gauge = 8, .ninsn = 2,
		                      .insn = { ADD(6, 1), { .code = 0x0f, .regs = 0 | 6 << 4 } } };
	pipes[4] = (struct ash_pipe){ .pipeline = 1, .kind = DILP_COPY };
	extra.npipe = 5;
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
	memset(pipes, 0, sizeof pipes);
	for (uint16_t k = 0; k < ASH_PIPES; k++)
		pipes[k].pipeline = k / DILP_PIPES, pipes[k].kind = DILP_XOR;
	extra.npipe = ASH_PIPES;
	CHECK_IS(bind(pass, 2), 0);
	extra.npipe++;
	CHECK_IS(bind(pass, 2), -E_INVAL);
	extra.npipe = 2;
	pipes[0].pipeline = 1;
	CHECK_IS(bind(pass, 2), -E_INVAL); /* begins with 1 */
	pipes[0].pipeline = 0;
	pipes[1].pipeline = 2;
	CHECK_IS(bind(pass, 2), -E_INVAL); /* leaves one out */
	pipes[1].pipeline = 0;
	pipes[1].kind = DILP_KINDS;
	CHECK_IS(bind(pass, 2), -E_INVAL);
	pipes[1] = (struct ash_pipe){ .kind = DILP_USER, .gauge = 1, .ninsn = 1, .insn = { LOAD(0, 1, 0) } };
	CHECK_IS(bind(pass, 2), -E_INVAL); /* no arithmetic */
	pipes[1].insn[0] = (struct ash_insn)ADD(0, 1);
	CHECK_IS(bind(pass, 2), 0);
	pipes[1].ninsn = DILP_USER_INSNS + 1;
	CHECK_IS(bind(pass, 2), -E_LIMIT);
	memset(pipes, 0, sizeof pipes);
	for (uint16_t k = 0; k <= ASH_PIPELINES; k++)
		pipes[k] = (struct ash_pipe){ .pipeline = k, .kind = DILP_COPY };
	extra.npipe = ASH_PIPELINES;
	CHECK_IS(bind(pass, 2), 0);
	extra.npipe++;
	CHECK_IS(bind(pass, 2), -E_LIMIT);
	close_handler();
}

/* A page that its owner gives up, or that is taken by force, is nobody's as long as the handler
 * can write it. */
static void a_shared_page_is_not_reused_under_the_handler(void)
{
	CHECK(open_handler());
	uint32_t slot = (uint32_t)sys_page_alloc(PAGE_ANY, 1);
	struct exo_cap cap = { 0 };
	sys_cap_mint(slot, RIGHT_READ, (uint64_t)&cap);
	const volatile struct exo_page *page = &exo_pages()[cap.name & 0xfffffff];
	extra = (struct ash_image){ .shared = slot, .nshared = 1, .shared_write = 1 };
	CHECK_IS(BIND(MOV(2, ASH_PAGES), LOAD(3, 2, 0), ADD(3, 1), STORE(2, 3, 0),
	              MOV(4, ASH_DATA), STORE(4, 3, 0), MOV(0, ASH_CONSUME), EXIT), 0);
	CHECK(one_frame());
	CHECK_IS(sys_page_free(slot, 1), 0);
	CHECK_IS(page->state, PAGE_QUARANTINE);
	CHECK_IS(sys_page_alloc((uint32_t)(cap.name & 0xfffffff), 1), -E_BUSY);
	CHECK(one_frame());
	CHECK_IS(*(const volatile uint32_t *)DATA_VA, 2);
	CHECK_IS(sys_ash_unbind((uint32_t)ash.filter), 0);
	CHECK_IS(page->state, PAGE_FREE);
	close_handler();
}

/* The frame that it changed is the one its owner gets, with a sum that is right. */
static void a_passed_frame_is_as_the_handler_left_it(void)
{
	CHECK(open_handler());
	CHECK_IS(BIND(LOAD(2, 1, 0), STORE_BYTE(2, 41, 0x77), MOV(0, ASH_PASS), EXIT), 0);
	CHECK(one_frame());
	CHECK(delivered());
	const volatile struct exo_rx *rx = &ring()->used[0];
	const uint8_t *frame = (const uint8_t *)REGION + RX_BASE + rx->buffer * EXO_BUF_SIZE;
	uint32_t sum = 0;
	for (uint32_t i = 14; i < rx->length; i++)
		sum += (uint32_t)frame[i] << (i & 1 ? 8 : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	CHECK_IS(frame[41], 0x77);
	CHECK_IS(rx->sum, sum);
	close_handler();
}

/* An ARP reply made into a request again: the mirror lets its owner ask. The host answers,
 * the answer is asked again, five times. */
static void a_handler_replies_as_its_filter_allows(void)
{
	uint64_t sent, refused;

	CHECK(open_handler());
	CHECK_IS(BIND(MOV(0, ASH_REPLY), EXIT), 0); /* in the peer's name: refused */
	refused = exo_info()->nic.refused;
	CHECK(one_frame());
	CHECK_IS(exo_info()->nic.refused, refused + 1);
	CHECK_IS(counts()->dropped, 1);
	uint8_t mac[6];
	for (int i = 0; i < 6; i++)
		mac[i] = exo_info()->nic.mac[i];
	*(volatile uint32_t *)DATA_VA = 0;
	CHECK_IS(BIND(MOV(6, ASH_DATA), LOAD(3, 6, 0), ADD(3, 1), STORE(6, 3, 0),
	              JUMP_ABOVE(3, 5, 18), LOAD(2, 1, 0), /* r2: the frame */
	              STORE_BYTE(2, 0, 0xff), STORE_BYTE(2, 1, 0xff), STORE_BYTE(2, 2, 0xff),
	              STORE_BYTE(2, 3, 0xff), STORE_BYTE(2, 4, 0xff), STORE_BYTE(2, 5, 0xff),
	              STORE_BYTE(2, 6, mac[0]), STORE_BYTE(2, 7, mac[1]),
	              STORE_BYTE(2, 8, mac[2]), STORE_BYTE(2, 9, mac[3]),
	              STORE_BYTE(2, 10, mac[4]), STORE_BYTE(2, 11, mac[5]),
	              STORE_BYTE(2, 21, 1), STORE_BYTE(2, 31, my_ip[3]),
	              STORE_BYTE(2, 41, peer_ip[3]), MOV(0, ASH_REPLY), EXIT,
	              MOV(0, ASH_CONSUME), EXIT), 0);
	sent = exo_info()->nic.sent;
	write_arp(tx_memory());
	describe(TX_BASE, ARP_LENGTH, 0);
	CHECK_IS(send(), 0);
	EVENTUALLY(counts()->handled == 6);
	CHECK_IS(counts()->handled, 6);
	CHECK_IS(exo_info()->nic.sent, sent + 6); /* ours, and five */
	CHECK_IS(counts()->replied, 5);
	CHECK_IS(counts()->runs, 1 + 6);
	CHECK_IS(ring()->used_head, 0);
	close_handler();
}

static volatile uint32_t told;

static void note(uint32_t reasons) { told |= reasons; }

/* Counting and waking wait for a good end. */
static void effects_of_a_good_run_happen_and_of_an_aborted_one_do_not(void)
{
	const volatile uint64_t *count = (const volatile uint64_t *)(WINDOW_VA + ASH_COUNTS);

	CHECK(open_handler());
	CHECK_IS(BIND(MOV(1, 3), MOV(2, 7), CALL(COUNT), CALL(WAKE), MOV(0, 77), EXIT), 0);
	told = 0;
	context_on_upcall(note);
	CHECK(one_frame());
	CHECK(delivered());
	CHECK_IS(count[3], 0);
	CHECK_IS(told & UPCALL_HANDLER, 0);
	CHECK_IS(BIND(MOV(1, 3), MOV(2, 7), CALL(COUNT), CALL(WAKE), MOV(0, ASH_CONSUME), EXIT), 0);
	write_arp(tx_memory());
	describe(TX_BASE, ARP_LENGTH, 0);
	CHECK_IS(send(), 0);
	/* Nothing comes to the ring: what ends this sleep is the handler, or a minute. */
	for (int i = 0; i < 60 && !(told & UPCALL_HANDLER); i++)
		received(ash.frames + 1);
	context_on_upcall(NULL);
	CHECK_IS(told & UPCALL_HANDLER, UPCALL_HANDLER);
	CHECK_IS(count[3], 7);
	CHECK_IS(count[0], 0);
	CHECK_IS(counts()->charged, 4); /* two calls, twice */
	CHECK(counts()->cycles > 0);
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

/* Each of these ends in an abort; the frame is delivered as if there were no handler. */
static void a_handler_that_misbehaves_is_stopped_and_the_frame_delivered(void)
{
	static const struct ash_insn bad[][5] = {
		{ MOV(2, 0), LOAD(0, 2, 0), EXIT },                       /* null */
		{ MOV(2, ASH_CTX), STORE(2, 2, -4), EXIT },               /* below the context */
		{ MOV(2, ASH_DATA + EXO_PAGE_SIZE), LOAD(0, 2, 0), EXIT }, /* past the data */
		{ MOV(2, ASH_RING + PAGES * EXO_PAGE_SIZE), LOAD(0, 2, 0), EXIT },
		{ MOV(2, ASH_RING - 1), LOAD(0, 2, 0), EXIT },
		{ MOV(2, -1), LOAD(0, 2, 0), EXIT },                      /* the last offset */
		{ MOV(2, 0x80201000), STORE(2, 2, 0), EXIT },             /* like the kernel's */
		{ MOV_REG(2, 10), STORE(2, 2, 4), EXIT },                 /* above the stack */
		{ MOV(0, 0), JUMP(-1), EXIT },                            /* for ever */
		{ CALL_SELF, EXIT },                                      /* too deep */
		{ MOV(0, 77), EXIT },                                     /* no verdict */
		{ MOV(0, ASH_ABORTED), EXIT },
		{ LOAD(2, 1, 0), STORE_BYTE(2, 28, 1), MOV(0, 77), EXIT }, /* spoils the frame */
		{ MOV(2, 0x7fffffff), STORE(1, 2, 0), MOV(0, ASH_REPLY), EXIT }, /* wild reply */
		{ MOV(2, 1), STORE(1, 2, 4), MOV(0, ASH_REPLY), EXIT },
	};
	static const uint32_t length[] = { 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 4, 4, 4 };

	CHECK(open_handler());
	for (uint32_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_IS(bind(bad[i], length[i]), 0);
		CHECK(one_frame());
		CHECK_IS(counts()->aborted, i + 1);
		CHECK(delivered());
		post_buffers();
		ring()->free_head = BUFFERS + ash.frames;
		for (uint32_t k = 0; k < EXO_RING_N; k++)
			ring()->free[k] = (uint16_t)(k % BUFFERS);
	}
	CHECK_IS(counts()->handled, 0);
	CHECK(counters_add_up());
	close_handler();
}

static void a_handler_that_aborts_too_often_is_unbound_and_its_owner_told(void)
{
	volatile struct exo_envpage *page = envpage();

	page->lost_count = 0;
	CHECK(open_handler());
	CHECK_IS(BIND(MOV(0, 77), EXIT), 0);
	for (uint32_t k = 0; k < EXO_RING_N; k++)
		ring()->free[k] = (uint16_t)(k % BUFFERS);
	for (int i = 0; i < 200 && counts()->handler == HANDLER_BOUND; i++) {
		CHECK(one_frame());
		ring()->free_head = BUFFERS + ++ash.frames;
	}
	CHECK_IS(counts()->handler, HANDLER_LOST);
	CHECK_IS(page->lost_count, 1);
	CHECK_IS(page->lost[0].type, CAP_FILTER);
	CHECK_IS(page->lost[0].name, filter_index());
	page->lost_count = 0;
	CHECK(one_frame());
	CHECK_IS(BIND(MOV(0, ASH_PASS), EXIT), 0);
	CHECK_IS(counts()->handler, HANDLER_BOUND);
	close_handler();
}

/* A frame that our handler takes its time for; without giving way meanwhile. */
static bool one_frame_at_once(void)
{
	uint64_t before = counts()->frames, end = __builtin_ia32_rdtsc() + 60 * exo_info()->tsc_hz;

	write_arp(tx_memory());
	describe(TX_BASE, ARP_LENGTH, 0);
	if (send() != 0)
		return false;
	while (counts()->frames == before && __builtin_ia32_rdtsc() < end)
		;
	return counts()->frames == before + 1;
}

static void an_owner_in_debt_has_its_frames_queued(void)
{
	const volatile struct exo_env *self = &exo_envs()[exo_self() % EXO_ENV_MAX];

	CHECK(open_handler());
	CHECK_IS(BIND(MOV(2, 400000), ADD(2, -1), JUMP_NOT(2, 0, -2), MOV(0, ASH_CONSUME), EXIT), 0);
	context_mask();
	for (int i = 0; i < 400 && ring()->used_head == 0; i++)
		CHECK(one_frame_at_once());
	CHECK_IS(ring()->used_head, 1);
	CHECK(counts()->handled >= 1);
	CHECK(self->debt >= 16 * exo_info()->slice_cycles);
	context_unmask();
	context_wait(NULL, 0, __builtin_ia32_rdtsc() + 1000); /* nobody wants the CPU */
	uint64_t handled = counts()->handled;
	CHECK(one_frame_at_once());
	CHECK_IS(counts()->handled, handled + 1);
	close_handler();
}

static void bindings_are_checked(void)
{
	static const struct ash_insn good[] = { MOV(0, ASH_PASS), EXIT };
	struct {
		struct ash_image head;
		struct ash_insn insn[2];
	} image = { { .ninsn = 2 }, { good[0], good[1] } };
	const uint64_t at = (uint64_t)&image;
	const uint32_t size = sizeof image;

	CHECK(open_handler());
	const uint32_t f = (uint32_t)ash.filter;
	CHECK_IS(sys_ash_bind(SLOT_SELF, at, size, ash.pages, WINDOW_PAGES), -E_PERM);
	CHECK_IS(sys_ash_bind(f, at, size, SLOT_SELF, WINDOW_PAGES), -E_PERM);
	CHECK_IS(sys_ash_bind(f, at, size, ash.pages, WINDOW_PAGES + 1), -E_PERM);
	CHECK_IS(sys_ash_bind(f, at, size, ash.pages, ASH_OWN_PAGES - 1), -E_LIMIT);
	CHECK_IS(sys_ash_bind(f, at, size, ash.pages, 1u << 20), -E_LIMIT);
	CHECK_IS(sys_ash_bind(f, 0x10, size, ash.pages, WINDOW_PAGES), -E_FAULT);
	CHECK_IS(sys_ash_bind(f, 0xffffffff80100000, size, ash.pages, WINDOW_PAGES), -E_FAULT);
	CHECK_IS(sys_ash_bind(f, at, size - 1, ash.pages, WINDOW_PAGES), -E_INVAL);
	CHECK_IS(sys_ash_bind(f, at, 0, ash.pages, WINDOW_PAGES), -E_INVAL);
	CHECK_IS(sys_ash_bind(f, at, 1u << 31, ash.pages, WINDOW_PAGES), -E_INVAL);
	image.head.ninsn = 0xffffffff;
	CHECK_IS(sys_ash_bind(f, at, size, ash.pages, WINDOW_PAGES), -E_INVAL);
	image.head = (struct ash_image){ .ninsn = 1, .nentry = 2 };
	image.insn[1] = (struct ash_insn){ .code = 0xff };
	CHECK_IS(sys_ash_bind(f, at, size, ash.pages, WINDOW_PAGES), -E_INVAL); /* no exit */
	image.head = (struct ash_image){ .ninsn = 2 };
	CHECK_IS(sys_ash_bind(f, at, size, ash.pages, WINDOW_PAGES), -E_INVAL); /* opcode */
	image.insn[1] = good[1];
	image.head.start = 2;
	CHECK_IS(sys_ash_bind(f, at, size, ash.pages, WINDOW_PAGES), -E_INVAL);
	image.head.start = 0;
	image.head.budget = ASH_BUDGET + 1;
	CHECK_IS(sys_ash_bind(f, at, size, ash.pages, WINDOW_PAGES), -E_INVAL);
	CHECK_IS(counts()->handler, HANDLER_NONE);
	CHECK_IS(sys_ash_unbind(SLOT_SELF), -E_PERM);
	CHECK_IS(sys_ash_unbind(f), 0);
	close_handler();
}

const struct ktest ash_tests[] = {
	{ "a_handler_passes_and_consumes", a_handler_passes_and_consumes },
	{ "a_handler_shares_memory_with_its_owner", a_handler_shares_memory_with_its_owner },
	{ "a_handler_shares_further_pages", a_handler_shares_further_pages },
	{ "a_shared_page_is_not_reused_under_the_handler",
	  a_shared_page_is_not_reused_under_the_handler },
	{ "a_handler_runs_pipelines", a_handler_runs_pipelines },
	{ "pipelines_are_checked", pipelines_are_checked },
	{ "a_passed_frame_is_as_the_handler_left_it", a_passed_frame_is_as_the_handler_left_it },
	{ "a_handler_replies_as_its_filter_allows", a_handler_replies_as_its_filter_allows },
	{ "effects_of_a_good_run_happen_and_of_an_aborted_one_do_not",
	  effects_of_a_good_run_happen_and_of_an_aborted_one_do_not },
	{ "helpers_compute_in_the_kernel", helpers_compute_in_the_kernel },
	{ "an_active_message_takes_a_lock_and_starts_a_thread",
	  an_active_message_takes_a_lock_and_starts_a_thread },
	{ "calls_are_staged_and_bounded", calls_are_staged_and_bounded },
	{ "a_handler_sends_and_delivers_more_frames", a_handler_sends_and_delivers_more_frames },
	{ "a_handler_that_misbehaves_is_stopped_and_the_frame_delivered",
	  a_handler_that_misbehaves_is_stopped_and_the_frame_delivered },
	{ "a_handler_that_aborts_too_often_is_unbound_and_its_owner_told",
	  a_handler_that_aborts_too_often_is_unbound_and_its_owner_told },
	{ "an_owner_in_debt_has_its_frames_queued", an_owner_in_debt_has_its_frames_queued },
	{ "bindings_are_checked", bindings_are_checked },
	{ NULL, NULL },
};
