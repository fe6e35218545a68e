/* apps/ktest/aged_test.c - generations end. For a kernel whose objects have had nearly all of theirs
 * (kernel/test/generation.c), on a CPU that lacks what it may lack.
 * SPDX-License-Identifier: ISC */
#include "apps/ktest/handler.h"

enum { LIVES = 8, LAST = 0xffffff }; /* more lives than any object has left; the last generation */

static uint32_t index_of(struct exo_cap cap) { return cap.name & 0xfffffff; }
static uint32_t generation_of(struct exo_cap cap) { return cap.name >> 32 & 0xffffff; }

/* Make and end an object many times, each time the first that is free. Each name must be one of its
 * own, of the rights asked for, and stale for good; all of one object's generations are seen. */
static void lives_are_told_apart(long (*make)(void), long (*end)(uint32_t slot))
{
	static struct exo_cap cap[LIVES];

	for (int i = 0; i < LIVES; i++) {
		long slot = make();

		CHECK(slot > 0);
		CHECK_IS(sys_cap_mint((uint32_t)slot, RIGHT_OWN, (uint64_t)&cap[i]), 0);
		CHECK_IS(cap[i].name >> 56, RIGHT_OWN);
		CHECK_IS(end((uint32_t)slot), 0);
		for (int k = 0; k <= i; k++) {
			CHECK_IS(sys_cap_bind((uint64_t)&cap[k]), -E_PERM);
			CHECK(k == i || cap[k].name != cap[i].name);
		}
	}
	CHECK(index_of(cap[0]) != index_of(cap[LIVES - 1]));
}

static long make_page(void) { return sys_page_alloc(exo_info()->free_head, 1); }
static long end_page(uint32_t slot) { return sys_page_free(slot, 1); }
static long make_slice(void) { return sys_slice_alloc(UINT32_MAX); }
static long make_ring(void) { return sys_ring_create(net.pages, PAGES); }
static long make_device(void) { return sys_device_claim(SLOT_MACHINE, DEVICE_IRQ, 5, 1, 0); }

static long make_env(void)
{
	static const char name[16] = "aged";

	return sys_env_create((uint64_t)name, 8);
}

static long end_env(uint32_t slot)
{
	long error = sys_env_destroy(slot, 0);

	return error ? error : sys_env_destroy(slot, 0);
}

static void pages_retire(void) { lives_are_told_apart(make_page, end_page); }
static void slices_retire(void) { lives_are_told_apart(make_slice, sys_slice_free); }
static void devices_retire(void) { lives_are_told_apart(make_device, sys_device_free); }
static void environments_retire(void) { lives_are_told_apart(make_env, end_env); }

static void rings_retire(void)
{
	CHECK(make_region());
	lives_are_told_apart(make_ring, sys_ring_destroy);
	CHECK_IS(sys_page_free(net.pages, PAGES), 0);
}

/* There are few: one is had as long as it can be. The other one is still to be had. */
static void a_queue_pair_retires(void)
{
	static struct exo_cap cap[LIVES];
	const uint32_t pair = 1;
	long slot;
	int n = 0;

	if (!exo_info()->pair[2].present)
		return;
	while ((slot = sys_pair_alloc(SLOT_NIC, pair)) > 0 && n < LIVES) {
		CHECK_IS(sys_cap_mint((uint32_t)slot, RIGHT_OWN, (uint64_t)&cap[n++]), 0);
		CHECK_IS(sys_pair_free((uint32_t)slot), 0);
		for (int i = 0; i < n; i++)
			CHECK_IS(sys_cap_bind((uint64_t)&cap[i]), -E_PERM);
	}
	CHECK_IS(slot, -E_BUSY);
	CHECK_IS(exo_info()->pair[pair].owner, 0);
	slot = sys_pair_alloc(SLOT_NIC, PAIR_ANY);
	CHECK(slot > 0);
	CHECK_IS(exo_info()->pair[pair].owner, 0);
	CHECK_IS(sys_pair_free((uint32_t)slot), 0);
}

static void filters_retire(void)
{
	CHECK(open_ring());
	lives_are_told_apart(insert_arp, sys_filter_remove);
	close_ring();
}

/* Revoking uses generations up, to the last but not beyond; it can still be freed then. */
static void revoked_to_the_last(long slot, long (*end)(uint32_t slot))
{
	struct exo_cap cap = { 0 };
	long error;
	int n = 0;

	CHECK(slot > 0);
	while ((error = sys_cap_revoke((uint32_t)slot)) == 0 && n < LIVES)
		n++;
	CHECK_IS(error, -E_LIMIT);
	CHECK_IS(sys_cap_mint((uint32_t)slot, RIGHT_OWN, (uint64_t)&cap), 0);
	CHECK_IS(generation_of(cap), LAST);
	CHECK_IS(end((uint32_t)slot), 0);
	CHECK_IS(sys_cap_bind((uint64_t)&cap), -E_PERM);
}

static void what_is_revoked_too_often_can_only_be_freed(void)
{
	uint32_t page = exo_info()->free_head;

	revoked_to_the_last(sys_page_alloc(page, 1), end_page);
	CHECK_IS(sys_page_alloc(page, 1), -E_BUSY);
	revoked_to_the_last(make_slice(), sys_slice_free);
	revoked_to_the_last(make_device(), sys_device_free);
}

static void a_pipe_without_its_instruction_is_refused(void)
{
	uint32_t b, c = 0, d, a = 1;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	CHECK_IS(c & 1 << 20, 0); /* SSE4.2: the machine is to be one without */
	CHECK(open_handler());
	ash.pipes[0] = (struct ash_pipe){ .kind = DILP_CRC };
	ash.extra.npipe = 1;
	CHECK_IS(BIND(MOV(0, 0), EXIT), -E_NOSYS);
	ash.pipes[0].kind = DILP_SUM;
	CHECK_IS(BIND(MOV(0, 0), EXIT), 0);
	close_handler();
}

const struct ktest aged_tests[] = {
	{ "pages_retire", pages_retire },
	{ "slices_retire", slices_retire },
	{ "devices_retire", devices_retire },
	{ "environments_retire", environments_retire },
	{ "rings_retire", rings_retire },
	{ "filters_retire", filters_retire },
	{ "a_queue_pair_retires", a_queue_pair_retires },
	{ "what_is_revoked_too_often_can_only_be_freed",
	  what_is_revoked_too_often_can_only_be_freed },
	{ "a_pipe_without_its_instruction_is_refused", a_pipe_without_its_instruction_is_refused },
	{ NULL, NULL },
};
