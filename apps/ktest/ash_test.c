/* apps/ktest/ash_test.c - handlers in the kernel: what they may do to a frame, and that what
 * they may not harms nobody. SPDX-License-Identifier: ISC */
#include "apps/ktest/handler.h"
#include "dpf/build.h"

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
	ash.extra = (struct ash_image){ .shared = slot, .nshared = PAGES_SHARED };
	CHECK_IS(bind(copy, sizeof copy / sizeof *copy), 0);
	CHECK(one_frame());
	CHECK(delivered()); /* it may not write there */
	CHECK_IS(counts()->aborted, 2);
	CHECK_IS(data[0], 42);
	CHECK_IS(data[1], PAGES_SHARED * EXO_PAGE_SIZE);
	CHECK_IS(shared[last], 0);
	ash.extra.shared_write = 1;
	CHECK_IS(bind(copy, sizeof copy / sizeof *copy), 0);
	CHECK(one_frame());
	CHECK_IS(counts()->handled, 1);
	CHECK_IS(shared[last], 42);
	CHECK_IS(sys_page_map(SLOT_SELF, SHARED_VA, slot, 1, PROT_R | PROT_X), -E_BUSY);
	CHECK_IS(BIND(MOV(2, ASH_PAGES + PAGES_SHARED * EXO_PAGE_SIZE), LOAD(0, 2, 0), EXIT), 0);
	CHECK(one_frame());
	CHECK(delivered()); /* nothing is behind them */
	CHECK_IS(counts()->aborted, 3);
	ash.extra.nshared = ASH_SHARED_PAGES + 1;
	CHECK_IS(bind(copy, sizeof copy / sizeof *copy), -E_LIMIT);
	ash.extra.nshared = PAGES_SHARED + 1;
	CHECK_IS(bind(copy, sizeof copy / sizeof *copy), -E_PERM);
	ash.extra = (struct ash_image){ .shared = slot, .nshared = 1, .shared_write = 2 };
	CHECK_IS(bind(copy, sizeof copy / sizeof *copy), -E_INVAL);
	close_handler();
	sys_page_free(slot, PAGES_SHARED);
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
	ash.extra = (struct ash_image){ .shared = slot, .nshared = 1, .shared_write = 1 };
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

static void handlers_run_out_and_come_back(void)
{
	static uint8_t filter[FILTER_BUILD_MAX];
	long bound = 0;
	uint32_t n = 0;

	CHECK(open_handler());
	for (; n < 250 && bound == 0; n += bound == 0) {
		const uint8_t ip[4] = { 10, 9, 9, (uint8_t)n };

		ash.filter = insert(filter, filter_arp_for(filter, sizeof filter, ip));
		CHECK(ash.filter > 0);
		bound = BIND(MOV(0, 0), EXIT);
	}
	CHECK_IS(bound, -E_NOSPC);
	CHECK(n > 50);
	close_handler();
}

/* How many pages we could be asked for. */
static uint32_t revocable(void)
{
	uint32_t few = 0, many = exo_info()->npages;

	while (many - few > 1) {
		uint32_t n = (few + many) / 2;

		if (sys_env_revoke(SLOT_SELF, CAP_PAGE, n, WAIT_FOREVER) == 0)
			few = n;
		else
			many = n;
	}
	return few;
}

/* They count towards table_limit: but the kernel has no page of ours less to take. */
static void the_kernels_pages_for_a_handler_are_not_its_owners(void)
{
	CHECK(open_handler());
	uint32_t before = revocable();
	CHECK_IS(BIND(MOV(0, 0), EXIT), 0);
	uint32_t now = revocable();
	sys_env_revoke(SLOT_SELF, CAP_FILTER, 1, WAIT_FOREVER); /* in place of that, and complied with */
	close_handler();
	CHECK_IS(now, before);
}

static void a_handlers_pages_are_never_executable(void)
{
	CHECK(open_handler());
	CHECK_IS(sys_page_unmap(SLOT_SELF, WINDOW_VA, WINDOW_PAGES), 0);
	CHECK_IS(sys_page_map(SLOT_SELF, WINDOW_VA, ash.pages, 1, PROT_X), 0);
	CHECK_IS(BIND(MOV(0, 0), EXIT), -E_BUSY);
	CHECK_IS(sys_page_unmap(SLOT_SELF, WINDOW_VA, 1), 0);
	CHECK_IS(BIND(MOV(0, 0), EXIT), 0);
	CHECK_IS(sys_page_map(SLOT_SELF, WINDOW_VA, ash.pages, 1, PROT_X), -E_BUSY);
	CHECK_IS(sys_ash_unbind((uint32_t)ash.filter), 0);
	CHECK_IS(sys_page_map(SLOT_SELF, WINDOW_VA, ash.pages, 1, PROT_X), 0);
	close_handler();
}

const struct ktest ash_tests[] = {
	{ "a_handler_passes_and_consumes", a_handler_passes_and_consumes },
	{ "a_handler_shares_memory_with_its_owner", a_handler_shares_memory_with_its_owner },
	{ "a_handler_shares_further_pages", a_handler_shares_further_pages },
	{ "a_shared_page_is_not_reused_under_the_handler",
	  a_shared_page_is_not_reused_under_the_handler },
	{ "a_passed_frame_is_as_the_handler_left_it", a_passed_frame_is_as_the_handler_left_it },
	{ "a_handler_replies_as_its_filter_allows", a_handler_replies_as_its_filter_allows },
	{ "effects_of_a_good_run_happen_and_of_an_aborted_one_do_not",
	  effects_of_a_good_run_happen_and_of_an_aborted_one_do_not },
	{ "a_handler_that_misbehaves_is_stopped_and_the_frame_delivered",
	  a_handler_that_misbehaves_is_stopped_and_the_frame_delivered },
	{ "a_handler_that_aborts_too_often_is_unbound_and_its_owner_told",
	  a_handler_that_aborts_too_often_is_unbound_and_its_owner_told },
	{ "an_owner_in_debt_has_its_frames_queued", an_owner_in_debt_has_its_frames_queued },
	{ "bindings_are_checked", bindings_are_checked },
	{ "handlers_run_out_and_come_back", handlers_run_out_and_come_back },
	{ "the_kernels_pages_for_a_handler_are_not_its_owners",
	  the_kernels_pages_for_a_handler_are_not_its_owners },
	{ "a_handlers_pages_are_never_executable", a_handlers_pages_are_never_executable },
	{ NULL, NULL },
};
