/* libnet/exos/shm.c - see shm.h. SPDX-License-Identifier: ISC */
#include "libnet/exos/shm.h"
#include <stddef.h>
#include "exo/err.h"
#include "exo/layout.h"
#include "exo/page.h"
#include "exo/stub.h"

static struct {
	struct shm *mapping[SHM_MAPPINGS_MAX]; /* NULL: free */
	uint32_t spare; /* slot of the page that takes the place of lost ones, all of them */
} state;

enum { PROT = PROT_R | PROT_W | PROT_GUARANTEED };

long shm_new(uint32_t n, struct exo_cap *cap)
{
	long slot = sys_page_alloc(PAGE_ANY, n);

	for (uint32_t i = 0; slot > 0 && i < n; i++)
		sys_cap_mint((uint32_t)slot + i, RIGHT_READ | RIGHT_WRITE, (uint64_t)&cap[i]);
	return slot;
}

CONTEXT_FAULT_HANDLER bool shm_fault(uint64_t address, uint64_t error)
{
	(void)error;
	for (uint32_t i = 0; i < SHM_MAPPINGS_MAX; i++) {
		struct shm *s = state.mapping[i];

		if (!s || address - s->va >= (uint64_t)s->n * EXO_PAGE_SIZE)
			continue;
		s->lost = 1;
		return sys_page_map(SLOT_SELF, address & -(uint64_t)EXO_PAGE_SIZE, state.spare, 1, PROT) == 0;
	}
	return false;
}

static long map_one(uint64_t va, const struct exo_cap *cap)
{
	long slot = sys_cap_bind((uint64_t)cap);

	if (slot < 0)
		return slot;
	long error = sys_page_map(SLOT_SELF, va, (uint32_t)slot, 1, PROT);
	sys_cap_drop((uint32_t)slot, 1);
	return error;
}

long shm_extend(struct shm *s, const struct exo_cap *cap, uint32_t n)
{
	uint64_t va = s->va + (uint64_t)s->n * EXO_PAGE_SIZE;

	for (uint32_t i = 0; i < n; i++) {
		long error = map_one(va + (uint64_t)i * EXO_PAGE_SIZE, &cap[i]);

		if (error < 0) {
			sys_page_unmap(SLOT_SELF, va, i);
			return error;
		}
	}
	s->n += n;
	return 0;
}

/* Where s is noted, or would be (NULL). */
static struct shm **place_of(const struct shm *s)
{
	for (uint32_t i = 0; i < SHM_MAPPINGS_MAX; i++)
		if (state.mapping[i] == s)
			return &state.mapping[i];
	return NULL;
}

/* Be ready for the loss of a page. */
static long prepare(void)
{
	if (!place_of(NULL))
		return -E_LIMIT;
	long slot = state.spare ? state.spare : sys_page_alloc(PAGE_ANY, 1);
	if (slot < 0)
		return slot;
	state.spare = (uint32_t)slot;
	fault_handler *before = context_on_fault(shm_fault);
	if (before)
		context_on_fault(before);
	return 0;
}

/* With the last mapping the spare page goes, and the handler, if it is ours. */
static void tidy(void)
{
	for (uint32_t i = 0; i < SHM_MAPPINGS_MAX; i++)
		if (state.mapping[i])
			return;
	sys_page_free(state.spare, 1);
	state.spare = 0;
	fault_handler *handler = context_on_fault(NULL);
	if (handler != shm_fault)
		context_on_fault(handler);
}

long shm_map(struct shm *s, uint64_t va, const struct exo_cap *cap, uint32_t n)
{
	long error = prepare();

	*s = (struct shm){ .va = va };
	if (error == 0)
		error = shm_extend(s, cap, n);
	if (error == 0)
		*place_of(NULL) = s;
	else if (state.spare)
		tidy();
	return error;
}

void shm_unmap(struct shm *s)
{
	struct shm **place = place_of(s);

	if (!place)
		return;
	*place = NULL;
	sys_page_unmap(SLOT_SELF, s->va, s->n);
	s->n = 0;
	tidy();
}
