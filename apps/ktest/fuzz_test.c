/* apps/ktest/fuzz_test.c - hostile environments call everything with anything, while a victim
 * looks after what it owns and has its frames answered, all of them.
 *
 * Attackers are children with slots for the network interface and for each other's parent's
 * leavings, which issue random system calls with arguments that are often nearly right. The
 * kernel command line may say "fuzz=SEED,ROUNDS". SPDX-License-Identifier: ISC */
#include "apps/ktest/wire.h"
#include "dpf/build.h"
#include <string.h>

enum { ATTACKERS = 3, CALLS = 4000, TURNS = 1000, ROUNDS = 12, SEED = 1995, VICTIM_PAGES = 16,
       VICTIM_VA = KTEST_VA + 0x100000 };

static struct child victim, attackers[ATTACKERS];

/* Of each attacker: its copy of our data begins with these. */
static struct {
	uint64_t random;
	struct exo_cap nic, pair, line[2]; /* the second serial line's ports and interrupt */
	uint8_t scratch[512];
} a;

/* The victim's reports, in the page that all share. */
static volatile uint32_t *const progress = (volatile uint32_t *)KTEST_SHARED + 100;
static volatile uint32_t *const lost = (volatile uint32_t *)KTEST_SHARED + 101;
static volatile uint32_t *const calls = (volatile uint32_t *)KTEST_SHARED + 102;
static volatile uint32_t *const asked = (volatile uint32_t *)KTEST_SHARED + 103;
static volatile uint32_t *const answered = (volatile uint32_t *)KTEST_SHARED + 104;
static volatile uint32_t *const enough = (volatile uint32_t *)KTEST_SHARED + 105;

static uint64_t next(void) /* xorshift64* */
{
	a.random ^= a.random >> 12;
	a.random ^= a.random << 25;
	a.random ^= a.random >> 27;
	return a.random * 0x2545f4914f6cdd1d;
}

static uint64_t argument(void)
{
	static const uint64_t edges[] = {
		0, 1, 2, 7, 8, 16, 255, 256, 4095, 4096, 4097, 16383, 16384, PAGE_ANY,
		0x7fffffff, 1ull << 32, UINT64_MAX, EXO_ENVPAGE, EXO_ENVPAGE + 0x1000,
		EXO_USER_TOP - 0x1000, EXO_USER_TOP, EXO_INFO, EXO_PAGES, 0x7ffffffff000,
		0x800000000000, 0xffff800000000000, 0xffff800000101000, 0xffffffff80101000,
		0xfffffffffffff000,
	};
	uint64_t r = next();

	switch (r & 7) {
	case 0:
		return edges[(r >> 8) % (sizeof edges / sizeof *edges)];
	case 1:
		return r >> 8;
	case 2:
		return KTEST_VA + (r >> 8) % 64 * EXO_PAGE_SIZE;
	case 3:
		return (uint64_t)a.scratch + (r >> 8) % 64 * 8;
	case 4:
		return exo_envs()[(r >> 8) % EXO_ENV_MAX].id;
	default:
		return (r >> 8) % 40; /* slots, counts, rights, protections */
	}
}

/* Wherever the kernel enters an attacker, it goes on from here with an empty stack. */
void fuzz_restart(void);
void fuzz_go_on(void);
__asm__(".globl fuzz_restart\nfuzz_restart:\n\tmov $0x20003f00, %esp\n\tcld\n\tcall fuzz_go_on\n");
_Static_assert(CHILD_STACK == 0x20000000, "fuzz_restart: in the stack of a child");

/* What would end it most of the time is left for few calls. */
static bool too_fatal(uint64_t number, uint64_t first)
{
	bool fatal = (number == SYS_env_destroy || number == SYS_page_unmap ||
	              number == SYS_page_protect || number == SYS_slice_free ||
	              number == SYS_page_free) && first == SLOT_SELF;

	return fatal && next() % 64;
}

__attribute__((used)) void fuzz_go_on(void)
{
	volatile struct exo_envpage *page = envpage();

	page->exception_active = 0;
	page->open = next() % 2;
	page->masked = next() % 8 == 0;
	if (page->pending & UPCALL_SLICE_END) {
		page->pending = 0;
		sys_yield(0);
	}
	for (;;) {
		uint64_t number = next() % (SYS_COUNT + 2), first = argument();

		++*calls;
		if (!too_fatal(number, first))
			exo_syscall((long)number, first, argument(), argument(), argument(),
			            argument(), argument());
		if (next() % 16 == 0)
			a.scratch[next() % sizeof a.scratch] = (uint8_t)next();
	}
}

static _Noreturn uint32_t attack(uint64_t seed)
{
	volatile struct exo_envpage *page = envpage();

	a.random = seed | 1;
	page->start_entry = page->upcall_entry = page->exception_entry = (uint64_t)fuzz_restart;
	page->sync_entry = page->async_entry = (uint32_t)(uint64_t)fuzz_restart;
	sys_cap_bind((uint64_t)&a.nic);
	sys_cap_bind((uint64_t)&a.line[0]);
	sys_cap_bind((uint64_t)&a.line[1]);
	sys_cap_bind((uint64_t)&a.pair);
	long pages = sys_page_alloc(PAGE_ANY, 16);
	sys_page_map(SLOT_SELF, KTEST_VA, (uint32_t)pages, 16, PROT_R | PROT_W);
	fuzz_restart();
	__builtin_unreachable();
}

static uint64_t *victim_word(uint32_t i)
{
	return (uint64_t *)(VICTIM_VA + (uint64_t)i * EXO_PAGE_SIZE + i * 8);
}

/* The victim. What it lost is a number, or 0. */
static uint32_t what_is_lost(const volatile struct exo_env *self, uint32_t pages)
{
	for (uint32_t i = 0; i < VICTIM_PAGES; i++)
		if (*victim_word(i) != i + 0xabcdef0123ull)
			return 1;
	if (self->pages != pages)
		return 2;
	if (envpage()->lost_count || envpage()->revoke.count)
		return 3;
	if (sys_page_scan(SLOT_SELF, VICTIM_VA, 0) <= 0)
		return 4;
	if (ring()->dropped || ring()->tx_refused || *answered > *asked)
		return 6;
	return sys_null() == 0 ? 0 : 5;
}

static const uint8_t victims_ip[4] = { 10, 0, 2, 17 };

/* The victim's ring, and a filter for the answers to what it asks. Returns a slot of CAP_NIC. */
static uint32_t open_traffic(void)
{
	static uint8_t filter[FILTER_BUILD_MAX];
	uint32_t nic = (uint32_t)sys_cap_bind((uint64_t)&a.nic);

	make_region();
	net.ring = (uint32_t)sys_ring_create(net.pages, PAGES);
	post_buffers();
	long length = filter_arp_for(filter, sizeof filter, victims_ip);
	sys_filter_insert(nic, net.ring, (uint64_t)filter, (uint32_t)length, 0, 0);
	return nic;
}

/* Take the answers that have come, give their buffers back; when all have, ask once more who has
 * 10.0.2.2. */
static void traffic(uint32_t nic)
{
	for (; *answered != ring()->used_head; ++*answered) {
		ring()->free[ring()->free_head % EXO_RING_N] =
		        ring()->used[*answered % EXO_RING_N].buffer;
		ring()->free_head++;
	}
	if (*answered != *asked || *enough)
		return;
	write_arp(tx_memory());
	memcpy(tx_memory() + 28, victims_ip, sizeof victims_ip);
	describe(TX_BASE, ARP_LENGTH, 0);
	if (sys_ring_send(net.ring, nic) == 0)
		++*asked;
}

static _Noreturn uint32_t defend(uint64_t argument_)
{
	const volatile struct exo_env *self = exo_env(exo_self());

	(void)argument_;
	context_init();
	uint32_t nic = open_traffic();
	long slot = sys_page_alloc(PAGE_ANY, VICTIM_PAGES);
	sys_page_map(SLOT_SELF, VICTIM_VA, (uint32_t)slot, VICTIM_PAGES, PROT_R | PROT_W);
	for (uint32_t i = 0; i < VICTIM_PAGES; i++)
		*victim_word(i) = i + 0xabcdef0123ull;
	uint32_t pages = self->pages;
	for (;;) {
		uint32_t what = what_is_lost(self, pages);

		if (what)
			*lost = what;
		traffic(nic);
		++*progress;
		context_yield(0);
	}
}

static bool attacked_enough(uint32_t before)
{
	uint32_t ended = 0;

	for (int i = 0; i < ATTACKERS; i++)
		ended += child_record(&attackers[i])->state == ENV_ENDED;
	return ended == ATTACKERS || *calls - before >= CALLS;
}

static void round_of(uint64_t seed)
{
	uint32_t seen = *progress, before = *calls;
	const uint32_t line[] = {
		(uint32_t)sys_device_claim(SLOT_MACHINE, DEVICE_PORTS, 0x2f8, 8, 0),
		(uint32_t)sys_device_claim(SLOT_MACHINE, DEVICE_IRQ, 3, 1, DEVICE_LEVEL),
	};
	long pair = sys_pair_alloc(SLOT_NIC, PAIR_ANY); /* where there is one */

	for (int i = 0; i < 2; i++)
		CHECK_IS(sys_cap_mint(line[i], RIGHT_ALL & ~RIGHT_OWN, (uint64_t)&a.line[i]), 0);
	if (pair > 0)
		CHECK_IS(sys_cap_mint((uint32_t)pair, RIGHT_ALL & ~RIGHT_OWN, (uint64_t)&a.pair), 0);
	for (int i = 0; i < ATTACKERS; i++)
		CHECK(child_start(&attackers[i], attack, seed * 2654435761u + (uint64_t)i));
	/* Until they have done what they can; they may all be asleep. */
	for (int i = 0; i < TURNS && !attacked_enough(before); i++)
		context_yield(0);
	for (int i = 0; i < ATTACKERS; i++)
		child_reap(&attackers[i]);
	child_reap_all(victim.id);
	for (int i = 0; i < 2; i++)
		CHECK_IS(sys_device_free(line[i]), 0);
	if (pair > 0)
		CHECK_IS(sys_pair_free((uint32_t)pair), 0);
	EVENTUALLY(*progress != seen);
	CHECK(*progress != seen);
	CHECK_IS(*lost, 0);
	CHECK(child_record(&victim)->state == ENV_READY);
}

static uint64_t number(const volatile char **at)
{
	uint64_t v = 0;

	for (; **at >= '0' && **at <= '9'; ++*at)
		v = v * 10 + (uint64_t)(**at - '0');
	return v;
}

static void options(uint64_t *seed, uint64_t *rounds)
{
	const volatile char *at = ktest_option("fuzz=");

	if (!at)
		return;
	*seed = number(&at);
	if (*at++ == ',')
		*rounds = number(&at);
}

static void hostile_environments_harm_nobody(void)
{
	uint64_t seed = SEED, rounds = ROUNDS;

	options(&seed, &rounds);
	CHECK_IS(sys_cap_mint(SLOT_NIC, RIGHT_RECV, (uint64_t)&a.nic), 0);
	*progress = *lost = *calls = *asked = *answered = *enough = 0;
	CHECK(child_start(&victim, defend, 0));
	EVENTUALLY(*progress);
	uint64_t pages = exo_info()->free_pages + exo_info()->splits;
	for (uint64_t i = 0; i < rounds; i++) {
		round_of(seed + i);
		if (exo_info()->free_pages + exo_info()->splits != pages)
			ktest_failed(__FILE__, __LINE__, "free pages after round", (long)i);
	}
	*enough = 1;
	EVENTUALLY(*answered == *asked);
	CHECK_IS(*answered, *asked);
	CHECK(*asked >= rounds);
	child_reap(&victim);
	ktest_print("# frames of the victim, all answered: ");
	ktest_print_number(*asked);
	ktest_print("\n");
	ktest_print("# system calls of the attackers: ");
	ktest_print_number(*calls);
	ktest_print("\n");
	CHECK(*calls > 1000 * rounds);
}

const struct ktest fuzz_tests[] = {
	{ "hostile_environments_harm_nobody", hostile_environments_harm_nobody },
	{ NULL, NULL },
};
