/* kernel/tee.c - see tee.h. SPDX-License-Identifier: ISC */
#include "kernel/tee.h"
#include "kernel/filter.h"
#include "kernel/panic.h"

/* Filters by number and generation: a number's next holder is another filter. */
struct tee {
	uint32_t n, used;
	struct {
		uint32_t number, generation;
	} filter[TEE_FILTERS];
};

static struct {
	struct tee tee[TEE_MAX];
	uint8_t of[EXO_FILTER_MAX]; /* its tee, from 1; 0: no limit */
} state;
_Static_assert(TEE_MAX < UINT8_MAX, "numbers of tees fit");

static struct tee *unused(void)
{
	for (int i = 0; i < TEE_MAX; i++)
		if (!state.tee[i].used)
			return &state.tee[i];
	return NULL;
}

bool tee_room(void) { return unused() != NULL; }

void tee_limit(uint32_t tee, const uint32_t filters[], uint32_t n)
{
	struct tee *t = unused();

	assert(t && n <= TEE_FILTERS);
	t->used = 1;
	t->n = n;
	for (uint32_t i = 0; i < n; i++) {
		t->filter[i].number = filters[i];
		t->filter[i].generation = filter_info[filters[i]].generation;
	}
	state.of[tee] = (uint8_t)(t - state.tee + 1);
}

void tee_forget(uint32_t tee)
{
	if (state.of[tee])
		state.tee[state.of[tee] - 1].used = 0;
	state.of[tee] = 0;
}

bool tee_may(uint32_t tee, uint32_t winner)
{
	if (!state.of[tee])
		return true;
	const struct tee *t = &state.tee[state.of[tee] - 1];
	for (uint32_t i = 0; i < t->n; i++)
		if (t->filter[i].number == winner &&
		    t->filter[i].generation == filter_info[winner].generation)
			return true;
	return false;
}
