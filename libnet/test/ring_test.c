/* libnet/test/ring_test.c - the ring against a kernel played by the test.
 * Layer: host test. SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "exo/err.h"
#include "libnet/ring.h"

enum { BUFFERS = 8, RX_BASE = 4096, SIZE = RX_BASE + BUFFERS * EXO_BUF_SIZE + 4096 };

static _Alignas(4096) uint8_t region[SIZE];

static struct ring fresh(void)
{
	struct ring r;

	memset(region, 0, sizeof region);
	ring_init(&r, region, sizeof region, RX_BASE, BUFFERS);
	return r;
}

/* The kernel's side of one delivery; its own tail counter is the caller's. */
static void deliver(struct ring *r, uint32_t *free_tail, uint8_t fill)
{
	struct exo_ring *s = r->shared;
	uint16_t b = s->free[(*free_tail)++ % EXO_RING_N];

	assert_true(*free_tail - 1 != s->free_head);
	memset(region + RX_BASE + b * EXO_BUF_SIZE, fill, 60);
	s->used[s->used_head % EXO_RING_N] = (struct exo_rx){ .buffer = b, .length = 60 };
	s->used_head++;
}

static void all_buffers_are_posted_once(void **state)
{
	struct ring r = fresh();
	unsigned seen = 0;

	(void)state;
	assert_int_equal(r.shared->free_head, BUFFERS);
	for (int i = 0; i < BUFFERS; i++)
		seen |= 1u << r.shared->free[i];
	assert_int_equal(seen, (1u << BUFFERS) - 1);
}

static void frames_come_in_order_and_buffers_go_back_in_any(void **state)
{
	struct ring r = fresh();
	struct exo_rx a, b;
	uint32_t free_tail = 0;

	(void)state;
	assert_null(ring_next(&r, &a));
	for (int i = 0; i < 1000; i++) {
		deliver(&r, &free_tail, (uint8_t)i);
		deliver(&r, &free_tail, (uint8_t)(i + 1));
		assert_int_equal(ring_next(&r, &a)[59], (uint8_t)i);
		assert_int_equal(ring_next(&r, &b)[59], (uint8_t)(i + 1));
		assert_null(ring_next(&r, &a));
		ring_give(&r, b.buffer);
		ring_give(&r, a.buffer);
		assert_int_equal(r.shared->free_head - free_tail, BUFFERS);
	}
}

static void counters_wrap(void **state)
{
	struct ring r = fresh();
	struct exo_rx rx;

	(void)state;
	r.shared->used_head = r.used_tail = UINT32_MAX;
	r.shared->used[EXO_RING_N - 1] = (struct exo_rx){ .buffer = 3, .length = 14 };
	r.shared->used_head++;
	assert_ptr_equal(ring_next(&r, &rx), region + RX_BASE + 3 * EXO_BUF_SIZE);
	assert_null(ring_next(&r, &rx));
}

static void a_frame_is_described_piece_by_piece(void **state)
{
	struct ring r = fresh();
	struct ring_piece piece[2] = { { region + 5000, 54 }, { region + 6000, 1000 } };

	(void)state;
	assert_int_equal(ring_put(&r, piece, 2), 1);
	assert_int_equal(r.shared->tx_head, 2);
	assert_int_equal(ring_unsent(&r), 2);
	assert_int_equal(r.shared->tx[0].offset, 5000);
	assert_int_equal(r.shared->tx[0].more, 1);
	assert_int_equal(r.shared->tx[1].length, 1000);
	assert_int_equal(r.shared->tx[1].more, 0);
}

static void refuses_pieces_outside_the_region(void **state)
{
	struct ring r = fresh();
	struct ring_piece good = { region + 5000, 10 }, piece[EXO_TX_SEGMENTS + 1];

	(void)state;
	for (int i = 0; i <= EXO_TX_SEGMENTS; i++)
		piece[i] = good;
	assert_int_equal(ring_put(&r, piece, 0), -E_INVAL);
	assert_int_equal(ring_put(&r, piece, EXO_TX_SEGMENTS + 1), -E_INVAL);
	piece[1] = (struct ring_piece){ region + 5000, 0 };
	assert_int_equal(ring_put(&r, piece, 2), -E_INVAL);
	piece[1] = (struct ring_piece){ region + SIZE - 9, 10 };
	assert_int_equal(ring_put(&r, piece, 2), -E_INVAL);
	piece[1] = (struct ring_piece){ (uint8_t *)&r, 10 };
	assert_int_equal(ring_put(&r, piece, 2), -E_INVAL);
	piece[1] = (struct ring_piece){ region + SIZE - 10, 10 };
	assert_int_equal(ring_put(&r, piece, 2), 1);
}

static void a_full_ring_takes_more_after_the_device_is_done(void **state)
{
	struct ring r = fresh();
	struct ring_piece piece[2] = { { region, 10 }, { region, 10 } };

	(void)state;
	for (int i = 0; i < EXO_RING_N - 1; i++)
		assert_int_equal(ring_put(&r, piece, 1), i);
	assert_int_equal(ring_put(&r, piece, 2), -E_AGAIN);
	assert_int_equal(ring_reclaim(&r), -E_AGAIN);
	r.shared->tx_done = 2;
	assert_int_equal(ring_reclaim(&r), 0);
	assert_int_equal(ring_reclaim(&r), 1);
	assert_int_equal(ring_reclaim(&r), -E_AGAIN);
	assert_int_equal(ring_put(&r, piece, 2), 0);
	assert_int_equal(ring_put(&r, piece, 2), -E_AGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_buffers_are_posted_once),
		cmocka_unit_test(frames_come_in_order_and_buffers_go_back_in_any),
		cmocka_unit_test(counters_wrap),
		cmocka_unit_test(a_frame_is_described_piece_by_piece),
		cmocka_unit_test(refuses_pieces_outside_the_region),
		cmocka_unit_test(a_full_ring_takes_more_after_the_device_is_done),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
