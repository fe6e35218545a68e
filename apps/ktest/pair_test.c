/* apps/ktest/pair_test.c - queue pairs that environments own. The machine has two, 1 and 2, whose wires
 * are one: what is sent on either is received on the other (apps/rules.mk). SPDX-License-Identifier: ISC */
#include "apps/ktest/wire.h"
#include "exo/filter.h"
#include <string.h>

enum { OUT = 1, IN = 2, NONE = 3, FLIGHT = BUFFERS };

static struct {
	uint32_t out, in; /* slots */
	uint32_t taken;   /* frames received */
	struct child child;
} t;

static volatile uint32_t *const shared = (volatile uint32_t *)KTEST_SHARED;
static struct exo_cap cap;

static const volatile struct exo_nic *pair(uint32_t n) { return &exo_info()->pair[n]; }

static bool pairs_there(void)
{
	if (!pair(IN)->present)
		ktest_print("# no second and third interface: skipped\n");
	return pair(IN)->present;
}

/* A capability for what a slot names, with these rights: its slot. */
static uint32_t with_rights(uint32_t slot, uint32_t rights)
{
	sys_cap_mint(slot, rights, (uint64_t)&cap);
	return (uint32_t)sys_cap_bind((uint64_t)&cap);
}

/* Both pairs, and a ring that gets what comes to one of them. */
static bool open_pairs(void)
{
	sys_pair_free(t.out); /* what a test that failed has left */
	sys_pair_free(t.in);
	t.out = (uint32_t)sys_pair_alloc(SLOT_NIC, OUT);
	t.in = (uint32_t)sys_pair_alloc(SLOT_NIC, IN);
	t.taken = 0;
	return open_ring() && sys_pair_bind(t.in, net.ring) == 0;
}

static void close_pairs(void)
{
	sys_pair_free(t.out);
	sys_pair_free(t.in);
	close_ring();
}

static bool adds_up(uint32_t n)
{
	const volatile struct exo_nic *p = pair(n);
	uint64_t drops = 0;

	for (int i = 0; i < DROP_COUNT; i++)
		drops += p->drop[i];
	return p->received == p->delivered + drops && p->delivered == p->copies;
}

/* Send what is described on a pair; whoever receives it is not waited for. */
static long send_on(uint32_t slot)
{
	long left = 0;

	EVENTUALLY((left = sys_ring_send(net.ring, slot)) <= 0);
	return left;
}

/* A frame whose bytes tell its length; no address in it is the interface's. */
static void write_frame(uint8_t *f, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		f[i] = (uint8_t)(i * 7 + length);
}

/* Is the next frame received the one of this length? Its buffer is posted again. */
static bool arrives(uint32_t length)
{
	static uint8_t wanted[EXO_FRAME_MAX];

	if (!received(t.taken + 1))
		return false;
	const volatile struct exo_rx *rx = &ring()->used[t.taken++ % EXO_RING_N];
	const uint8_t *frame = (const uint8_t *)REGION + RX_BASE + rx->buffer * EXO_BUF_SIZE;
	write_frame(wanted, length);
	bool good = rx->length == length && rx->filter == EXO_RX_PAIR + IN &&
	            memcmp(frame, wanted, length) == 0;
	ring()->free[ring()->free_head++ % EXO_RING_N] = rx->buffer;
	return good;
}

static bool send_frame(uint32_t length)
{
	write_frame(tx_memory(), length);
	describe(TX_BASE, (uint16_t)length, 0);
	return send_on(t.out) == 0;
}

/* One that the device reads itself: when it is done with it, the other one has it. */
static bool send_and_wait(void)
{
	if (!send_frame(500))
		return false;
	EVENTUALLY(ring()->tx_done == ring()->tx_seen);
	return ring()->tx_done == ring()->tx_seen;
}

static void pairs_are_owned_by_number_and_once(void)
{
	if (!pairs_there())
		return;
	uint32_t weak = with_rights(SLOT_NIC, RIGHT_ALL & ~RIGHT_MAP);
	CHECK_IS(sys_pair_alloc(weak, OUT), -E_PERM);
	CHECK_IS(sys_pair_alloc(SLOT_MACHINE, OUT), -E_PERM);
	CHECK_IS(sys_pair_alloc(UINT32_MAX, OUT), -E_PERM);
	CHECK_IS(sys_pair_alloc(SLOT_NIC, NONE), -E_INVAL);
	CHECK_IS(sys_pair_alloc(SLOT_NIC, EXO_PAIR_MAX), -E_INVAL);
	CHECK_IS(sys_pair_alloc(SLOT_NIC, UINT32_MAX), -E_INVAL);
	uint32_t generation = pair(OUT)->generation;
	long out = sys_pair_alloc(SLOT_NIC, OUT);
	CHECK(out > 0);
	CHECK_IS(pair(OUT)->owner, exo_self());
	CHECK_IS(pair(IN)->owner, 0);
	CHECK_IS(sys_pair_alloc(SLOT_NIC, OUT), -E_BUSY);
	long in = sys_pair_alloc(SLOT_NIC, PAIR_ANY);
	CHECK(in > 0);
	CHECK_IS(pair(IN)->owner, exo_self());
	CHECK_IS(sys_pair_alloc(SLOT_NIC, PAIR_ANY), -E_NOSPC);
	CHECK_IS(sys_pair_alloc((uint32_t)out, IN), -E_PERM); /* a pair is no interface */
	CHECK_IS(sys_pair_free((uint32_t)out), 0);
	CHECK_IS(sys_pair_free((uint32_t)out), -E_PERM);
	CHECK_IS(sys_pair_free(SLOT_NIC), -E_PERM);
	CHECK_IS(pair(OUT)->owner, 0);
	CHECK_IS(pair(OUT)->generation, generation + 1);
	CHECK_IS(sys_pair_free((uint32_t)in), 0);
	CHECK_IS(sys_cap_drop(weak, 1), 0);
}

/* As many slots as there may be. */
static void a_pair_without_a_slot_is_nobodys(void)
{
	long slot, first = 0;
	uint32_t n = 0;

	if (!pairs_there())
		return;
	CHECK_IS(sys_cap_mint(SLOT_NIC, RIGHT_RECV, (uint64_t)&cap), 0);
	for (; (slot = sys_cap_bind((uint64_t)&cap)) > 0; n++)
		first = first ? first : slot;
	long pair_slot = sys_pair_alloc(SLOT_NIC, OUT);
	uint32_t owner = pair(OUT)->owner;
	CHECK_IS(sys_cap_drop((uint32_t)first, n), 0);
	CHECK_IS(pair_slot, -E_NOSPC);
	CHECK_IS(owner, 0);
}

static void frames_of_every_length_cross_two_wires_without_a_filter(void)
{
	uint64_t sent = pair(OUT)->sent, delivered = pair(IN)->delivered;
	uint64_t others = exo_info()->nic.sent;

	if (!pairs_there())
		return;
	CHECK(open_pairs());
	post_buffers();
	for (uint32_t length = EXO_FRAME_MIN; length <= EXO_FRAME_MAX; length++) {
		CHECK(send_frame(length));
		CHECK(arrives(length));
	}
	const uint32_t n = EXO_FRAME_MAX - EXO_FRAME_MIN + 1;
	CHECK_IS(pair(OUT)->sent, sent + n);
	CHECK_IS(pair(IN)->delivered, delivered + n);
	CHECK_IS(exo_info()->nic.sent, others);
	CHECK(adds_up(IN) && adds_up(OUT));
	EVENTUALLY(ring()->tx_done == n);
	CHECK_IS(ring()->tx_done, n);
	CHECK_IS(ring()->tx_refused, 0);
	close_pairs();
}

static void frames_keep_their_order_in_flights(void)
{
	if (!pairs_there())
		return;
	CHECK(open_pairs());
	post_buffers();
	for (uint32_t flight = 0; flight < 20; flight++) {
		for (uint32_t i = 0; i < FLIGHT; i++) {
			write_frame(tx_memory() + i * 200, 100 + i);
			describe(TX_BASE + i * 200, (uint16_t)(100 + i), 0);
		}
		CHECK_IS(send_on(t.out), 0);
		for (uint32_t i = 0; i < FLIGHT; i++)
			CHECK(arrives(100 + i));
	}
	close_pairs();
}

/* More than the device takes at once, of pages it reads itself. */
static void what_a_pair_has_no_room_for_is_sent_later(void)
{
	const uint32_t n = EXO_RING_N;

	if (!pairs_there())
		return;
	CHECK(open_pairs());
	for (uint32_t i = 0; i < n; i++)
		describe(TX_BASE, 1000, 0);
	uint32_t room = ring()->tx_room;
	CHECK(sys_ring_send(net.ring, t.out) > 0);
	for (uint32_t i = 0; i < n && ring()->tx_seen != n; i++) {
		struct exo_wait_term wait = { .address = (uint64_t)&ring()->tx_room,
			                      .value = room, .op = WAIT_NE };

		context_wait(&wait, 1, WAIT_FOREVER);
		room = ring()->tx_room;
		sys_ring_send(net.ring, t.out);
	}
	CHECK_IS(ring()->tx_seen, n);
	EVENTUALLY(ring()->tx_done == n);
	CHECK_IS(ring()->tx_done, n);
	close_pairs();
}

static void a_pairs_losses_are_counted_by_reason(void)
{
	uint64_t unclaimed, nobuf, wild;

	if (!pairs_there())
		return;
	CHECK(open_pairs());
	nobuf = pair(IN)->drop[DROP_NOBUF];
	CHECK(send_frame(60));
	EVENTUALLY(pair(IN)->drop[DROP_NOBUF] == nobuf + 1);
	CHECK_IS(pair(IN)->drop[DROP_NOBUF], nobuf + 1);
	CHECK_IS(ring()->dropped, 1);
	wild = pair(IN)->drop[DROP_RING];
	ring()->free[0] = BUFFERS;
	ring()->free_head = 1;
	CHECK(send_frame(60));
	EVENTUALLY(pair(IN)->drop[DROP_RING] == wild + 1);
	CHECK_IS(pair(IN)->drop[DROP_RING], wild + 1);
	/* What came while nobody listened is nobody's. */
	unclaimed = pair(IN)->drop[DROP_UNCLAIMED];
	CHECK_IS(sys_pair_free(t.in), 0);
	CHECK(send_and_wait());
	t.in = (uint32_t)sys_pair_alloc(SLOT_NIC, IN);
	CHECK_IS(pair(IN)->drop[DROP_UNCLAIMED], unclaimed);
	CHECK_IS(sys_pair_bind(t.in, net.ring), 0);
	CHECK_IS(pair(IN)->drop[DROP_UNCLAIMED], unclaimed + 1);
	CHECK_IS(ring()->used_head, 0);
	CHECK(adds_up(IN));
	close_pairs();
}

static void a_pairs_capability_carries_its_rights(void)
{
	if (!pairs_there())
		return;
	CHECK(open_pairs());
	post_buffers();
	uint32_t reads = with_rights(t.out, RIGHT_READ), writes = with_rights(t.out, RIGHT_WRITE);
	describe(TX_BASE, 60, 0);
	CHECK_IS(sys_ring_send(net.ring, reads), -E_PERM);
	CHECK_IS(sys_ring_send(net.ring, SLOT_MACHINE), -E_PERM);
	CHECK_IS(sys_pair_bind(writes, net.ring), -E_PERM);
	CHECK_IS(sys_pair_bind(SLOT_NIC, net.ring), -E_PERM);
	CHECK_IS(sys_pair_bind(reads, t.out), -E_PERM);
	uint32_t mute = with_rights(net.ring, RIGHT_ALL & ~RIGHT_RECV);
	CHECK_IS(sys_pair_bind(reads, mute), -E_PERM);
	CHECK_IS(sys_pair_free(reads), -E_PERM);
	CHECK_IS(sys_cap_revoke(reads), -E_PERM);
	static const uint8_t filter[8];
	CHECK_IS(sys_filter_insert(t.out, net.ring, (uint64_t)filter, sizeof filter, 0, 0), -E_PERM);
	ring()->tx_head--;
	write_frame(tx_memory(), 60);
	describe(TX_BASE, 60, 0);
	CHECK_IS(send_on(writes), 0);
	CHECK(arrives(60));
	CHECK_IS(sys_pair_bind(reads, net.ring), 0);
	CHECK_IS(pair(OUT)->bound, 1);
	cap.mac ^= 1;
	CHECK_IS(sys_cap_bind((uint64_t)&cap), -E_PERM);
	CHECK_IS(sys_cap_drop(mute, 1), 0);
	CHECK_IS(sys_cap_drop(reads, 1), 0);
	CHECK_IS(sys_cap_drop(writes, 1), 0);
	close_pairs();
}

static void revoking_a_pair_breaks_its_bindings_in_the_same_call(void)
{
	if (!pairs_there())
		return;
	CHECK(open_pairs());
	post_buffers();
	uint32_t other = with_rights(t.in, RIGHT_READ | RIGHT_WRITE);
	struct exo_cap old = cap;
	CHECK_IS(sys_cap_revoke(t.in), 0);
	CHECK_IS(pair(IN)->bound, 0);
	CHECK_IS(pair(IN)->owner, exo_self());
	CHECK_IS(sys_pair_bind(other, net.ring), -E_PERM);
	CHECK_IS(sys_ring_send(net.ring, other), -E_PERM);
	CHECK_IS(sys_cap_bind((uint64_t)&old), -E_PERM);
	CHECK(send_and_wait());
	for (int i = 0; i < 5; i++)
		context_yield(0);
	CHECK_IS(ring()->used_head, 0);
	CHECK_IS(sys_pair_bind(t.in, net.ring), 0); /* our slot was bound anew */
	CHECK(send_frame(61));
	CHECK(arrives(61));
	CHECK_IS(sys_cap_drop(other, 1), 0);
	close_pairs();
}

static void a_ring_that_goes_takes_its_binding_along(void)
{
	if (!pairs_there())
		return;
	CHECK(open_pairs());
	CHECK_IS(sys_ring_destroy(net.ring), 0);
	CHECK_IS(pair(IN)->bound, 0);
	CHECK_IS(pair(IN)->owner, exo_self());
	CHECK_IS(sys_pair_bind(t.in, net.ring), -E_PERM);
	net.ring = (uint32_t)sys_ring_create(net.pages, PAGES); /* the same one, perhaps */
	CHECK(net.ring > 0);
	CHECK_IS(pair(IN)->bound, 0);
	close_pairs();
}

/* A child that owns what it is given, and does nothing. */
static _Noreturn uint32_t holds(uint64_t unused)
{
	(void)unused;
	context_init();
	for (;;)
		context_yield(0);
}

static bool give_to_child(void)
{
	return child_start(&t.child, holds, 0) && sys_cap_give(t.in, 1, t.child.env) >= 0;
}

static void a_pair_given_away_starts_anew_and_dies_with_its_owner(void)
{
	if (!pairs_there())
		return;
	CHECK(open_pairs());
	CHECK(give_to_child());
	CHECK_IS(pair(IN)->owner, t.child.id);
	CHECK_IS(pair(IN)->bound, 0);
	CHECK_IS(sys_pair_alloc(SLOT_NIC, IN), -E_BUSY);
	CHECK_IS(sys_pair_bind(t.in, net.ring), 0); /* we still hold its capability */
	child_reap(&t.child);
	CHECK_IS(pair(IN)->owner, 0);
	CHECK_IS(pair(IN)->bound, 0);
	CHECK_IS(sys_pair_bind(t.in, net.ring), -E_PERM);
	CHECK_IS(sys_pair_free(t.in), -E_PERM);
	t.in = (uint32_t)sys_pair_alloc(SLOT_NIC, IN);
	CHECK_IS(sys_pair_bind(t.in, net.ring), 0);
	post_buffers();
	CHECK(send_frame(60));
	CHECK(arrives(60));
	close_pairs();
}

static void a_pair_can_be_taken_back(void)
{
	if (!pairs_there())
		return;
	CHECK(open_pairs());
	CHECK(give_to_child());
	CHECK_IS(sys_env_revoke(t.child.env, CAP_PAIR, 2, 0), -E_LIMIT);
	CHECK_IS(sys_env_revoke(t.child.env, CAP_PAIR, 1, 0), 0);
	CHECK_IS(pair(IN)->owner, 0);
	CHECK_IS(sys_pair_bind(t.in, net.ring), -E_PERM);
	CHECK_IS(pair(OUT)->owner, exo_self());
	child_reap(&t.child);
	close_pairs();
}

/* Frames for a child that sleeps: the work for them is the child's. */
static _Noreturn uint32_t sleeps(uint64_t unused)
{
	(void)unused;
	context_init();
	shared[0] = 1;
	for (;;)
		context_wait(NULL, 0, WAIT_FOREVER - 1);
}

static void the_work_for_a_pairs_frames_is_charged_to_its_owner(void)
{
	if (!pairs_there())
		return;
	CHECK(open_pairs());
	shared[0] = 0;
	CHECK(child_start(&t.child, sleeps, 0));
	EVENTUALLY(shared[0]);
	context_yield(0);
	CHECK(sys_cap_give(t.in, 1, t.child.env) >= 0);
	CHECK_IS(sys_pair_bind(t.in, net.ring), 0);
	uint64_t cycles = child_record(&t.child)->cycles, slices = child_record(&t.child)->slices;
	uint64_t dropped = pair(IN)->drop[DROP_NOBUF];
	for (uint32_t i = 0; i < FLIGHT; i++)
		CHECK(send_frame(60));
	EVENTUALLY(pair(IN)->drop[DROP_NOBUF] == dropped + FLIGHT);
	CHECK_IS(pair(IN)->drop[DROP_NOBUF], dropped + FLIGHT);
	CHECK_IS(child_record(&t.child)->slices, slices);
	CHECK(child_record(&t.child)->cycles > cycles);
	child_reap(&t.child);
	close_pairs();
}

#define T(name) { #name, name }
const struct ktest pair_tests[] = {
	T(pairs_are_owned_by_number_and_once),
	T(a_pair_without_a_slot_is_nobodys),
	T(frames_of_every_length_cross_two_wires_without_a_filter),
	T(frames_keep_their_order_in_flights),
	T(what_a_pair_has_no_room_for_is_sent_later),
	T(a_pairs_losses_are_counted_by_reason),
	T(a_pairs_capability_carries_its_rights),
	T(revoking_a_pair_breaks_its_bindings_in_the_same_call),
	T(a_ring_that_goes_takes_its_binding_along),
	T(a_pair_given_away_starts_anew_and_dies_with_its_owner),
	T(a_pair_can_be_taken_back),
	T(the_work_for_a_pairs_frames_is_charged_to_its_owner),
	{ NULL, NULL },
};
#undef T
