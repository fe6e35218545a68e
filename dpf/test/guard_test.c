/* dpf/test/guard_test.c - checks of the generated code that random filters seldom need: each test
 * fails when one is left out (dpf/test/mutations.txt). SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "dpf/dpf.h"
#include "dpf/gen.h"
#include "dpf/tool/host.h"

enum { CODE_BYTES = 16 * DPF_PAGE, SUBSCRIBERS = 20, SESSIONS = 40 };

static struct exo_atom is(uint16_t offset, uint8_t width, uint32_t value)
{
	uint32_t ones = width == 1 ? 0xff : width == 2 ? 0xffff : 0xffffffff;

	return (struct exo_atom){ FILTER_IN, width, offset, ones, value, value };
}

/* A filter of one path. */
static int insert(struct dpf *d, const struct exo_atom *atom, uint16_t n, uint16_t flags)
{
	static const struct dpf_dominance any = { NULL, DPF_ALL };
	uint8_t bytes[512];
	struct exo_filter head = { .npaths = 1, .flags = flags };
	struct exo_path path = { .natoms = n };

	head.bytes = (uint32_t)(sizeof head + sizeof path + n * sizeof *atom);
	memcpy(bytes, &head, sizeof head);
	memcpy(bytes + sizeof head, &path, sizeof path);
	memcpy(bytes + sizeof head + sizeof path, atom, n * sizeof *atom);
	int id = dpf_insert(d, bytes, head.bytes, 1, &any, NULL);
	dpf_reclaim(d);
	return id;
}

/* The end of memory that may be read and written. */
static uint8_t *end_of_memory(void)
{
	static uint8_t *end;

	if (!end) {
		uint8_t *p = mmap(NULL, 2 * DPF_PAGE, PROT_READ | PROT_WRITE,
		                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_true(p != MAP_FAILED && mprotect(p + DPF_PAGE, DPF_PAGE, PROT_NONE) == 0);
		end = p + DPF_PAGE;
	}
	return end;
}

/* The function of d's filters, to be called with any arguments. */
static void *function_of(struct dpf *d, bool shared)
{
	uint8_t *code = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                     -1, 0);

	assert_true(code != MAP_FAILED && dpf_tell(d, shared, code, CODE_BYTES, NULL) > 0);
	assert_int_equal(mprotect(code, CODE_BYTES, PROT_READ | PROT_EXEC), 0);
	return code + (shared ? 0 : GEN_FUNCTION);
}

static void a_field_of_three_bytes_ends_with_the_frame(void **state)
{
	struct dpf *d;
	uint8_t *f = end_of_memory() - 14;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, 3, 64, 1), 0);
	for (uint16_t i = 0; i < 3; i++) {
		/* what else they ask makes them different shapes */
		const struct exo_atom a[] = { is(11, 1, i + 1u), is(12, 2, 0x0101u * (i + 1u)),
			                      is(i, 1, 7) };

		assert_int_equal(insert(d, a, 3, 0), i + 1);
	}
	for (uint32_t i = 0; i < 3; i++) {
		memset(f, 7, 11);
		memset(f + 11, (int)i + 1, 3);
		assert_int_equal(dpf_classify(d, f, 14, 14), i + 1);
	}
	dpf_destroy(d);
}

static void the_upper_half_of_a_length_is_ignored(void **state)
{
	const struct exo_atom a = is(12, 2, 0x0800);
	uint32_t (*fn)(const struct dpf *, const uint8_t *, uint64_t, uint64_t), refs[1];
	uint32_t (*collect)(const uint8_t *, uint64_t, uint64_t, uint32_t *, uint64_t);
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, 2, 64, 1), 0);
	assert_int_equal(insert(d, &a, 1, 0), 1);
	assert_int_equal(insert(d, &a, 1, FILTER_SHARED), 2);
	memcpy(&fn, &(void *){ function_of(d, false) }, sizeof fn);
	memcpy(&collect, &(void *){ function_of(d, true) }, sizeof collect);
	assert_int_equal(fn(d, end_of_memory() - 10, (1ull << 40) + 10, 10), 0);
	assert_int_equal(collect(end_of_memory() - 10, (1ull << 40) + 10, 10, refs, 1), 0);
	dpf_destroy(d);
}

static void no_more_references_than_there_is_room_for(void **state)
{
	uint32_t (*fn)(const uint8_t *, uint64_t, uint64_t, uint32_t *, uint64_t);
	uint32_t *room = (uint32_t *)(void *)end_of_memory() - 3;
	uint8_t f[64] = { 0 };
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, SUBSCRIBERS, 512, 1), 0);
	for (uint32_t i = 0; i < SUBSCRIBERS; i++) {
		const struct exo_atom a = { FILTER_IN, 0, 0, 0xffff, i, 0xffff };

		assert_true(insert(d, &a, 1, FILTER_SHARED) > 0);
	}
	memcpy(&fn, &(void *){ function_of(d, true) }, sizeof fn);
	assert_int_equal(fn(f, sizeof f, sizeof f, room, 3), SUBSCRIBERS);
	dpf_destroy(d);
}

/* A frame whose key is all zeros may hit a slot that nobody has: whoever comes behind the
 * table gets it. */
static void an_empty_slot_is_nobodys(void **state)
{
	uint8_t f[64] = { [12] = 8 };

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		const struct exo_atom ip = is(12, 2, 0x0800);
		struct dpf *d;

		assert_int_equal(dpf_create(&d, &host_memory, SESSIONS + 1, 512, seed), 0);
		int all = insert(d, &ip, 1, 0);
		assert_true(all > 0);
		for (uint32_t i = 1; i <= SESSIONS; i++) {
			const struct exo_atom a[] = { ip, is(26, 4, i * 0x01010101), is(30, 4, ~i), is(36, 2, 80) };

			assert_true(insert(d, a, 4, 0) > 0);
		}
		assert_int_equal(dpf_classify(d, f, sizeof f, sizeof f), all);
		dpf_destroy(d);
	}
}

/* Leave something else than zeros below the stack. */
static __attribute__((noinline)) void litter(void)
{
	volatile uint8_t below[4096];

	for (unsigned i = 0; i < sizeof below; i++)
		below[i] = 0xff;
}

/* M[0] is loaded behind the store, and by a way back that came past it. */
static void scratch_memory_is_zero_where_a_loop_leads(void **state)
{
	static const struct exo_bpf_insn program[] = {
		{ 0x00, 0, 0, 1 }, { 0x15, 3, 0, 1 }, { 0x02, 0, 0, 0 }, { 0x60, 0, 0, 0 },
		{ 0x16, 0, 0, 0 }, { 0x05, 0, 0, 0xfffffffd }, { 0x06, 0, 0, 0 },
	};
	struct { struct exo_filter head; struct exo_bpf_insn program[7]; } f = { .head = { .ninsns = 7 } };
	struct dpf *d;

	(void)state;
	f.head.bytes = sizeof f;
	memcpy(f.program, program, sizeof program);
	assert_int_equal(dpf_create(&d, &host_memory, 1, 256, 1), 0);
	assert_int_equal(dpf_insert(d, &f, sizeof f, 1, NULL, NULL), 1);
	litter();
	assert_int_equal(dpf_classify(d, end_of_memory() - 60, 60, 60), 0);
	dpf_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_of_three_bytes_ends_with_the_frame),
		cmocka_unit_test(the_upper_half_of_a_length_is_ignored),
		cmocka_unit_test(no_more_references_than_there_is_room_for),
		cmocka_unit_test(an_empty_slot_is_nobodys),
		cmocka_unit_test(scratch_memory_is_zero_where_a_loop_leads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
