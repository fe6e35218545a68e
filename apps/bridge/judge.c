/* apps/bridge/judge.c - see judge.h. SPDX-License-Identifier: ISC */
#include "apps/bridge/judge.h"
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include "apps/bridge/rules.h"
#include "dpf/dpf.h"
#include "exo/stub.h"
#include "libnet/exos/memory.h"
#include "libnet/exos/random.h"

enum {
	CODE = 0x14000000,   /* where code goes: behind the rings, each piece behind the last */
	PIECES = 4 * RULES_MAX, /* of code, over all time */
	CLASSIFIER_PAGES = 1024,
};

static struct {
	struct dpf *all;
	bool pass[RULES_MAX + 1]; /* by the filter's number */
	bool last;                /* what the last rule said */
	uint16_t level;           /* its priority */
	uint32_t slot[PIECES];    /* of the code's pages */
	uint64_t va[PIECES], next_va;
	uint32_t pieces;
} judge = { .next_va = CODE, .level = 2 * RULES_MAX };

static void *data_alloc(void *unused, size_t npages)
{
	void *p = memalign(DPF_PAGE, npages * DPF_PAGE);

	(void)unused;
	return p ? memset(p, 0, npages * DPF_PAGE) : NULL;
}

static void data_free(void *unused, void *p, size_t npages)
{
	(void)unused, (void)npages;
	free(p);
}

static bool code_alloc(void *unused, struct dpf_code *code, size_t npages)
{
	(void)unused;
	if (judge.pieces == PIECES)
		return false;
	long slot = memory_new(judge.next_va, (uint32_t)npages);
	if (slot < 0)
		return false;
	judge.slot[judge.pieces] = (uint32_t)slot;
	judge.va[judge.pieces++] = judge.next_va;
	*code = (struct dpf_code){ (uint8_t *)judge.next_va, (uint8_t *)judge.next_va, npages };
	judge.next_va += npages * DPF_PAGE;
	return true;
}

static uint32_t slot_of(const struct dpf_code *code)
{
	uint32_t i = 0;

	while (judge.va[i] != (uint64_t)code->exec)
		i++;
	return judge.slot[i];
}

/* Should it fail, the first frame ends the bridge: nothing passes unjudged. */
static void code_seal(void *unused, const struct dpf_code *code)
{
	(void)unused;
	memory_make_code((uint64_t)code->exec, slot_of(code), (uint32_t)code->npages);
}

static void code_free(void *unused, const struct dpf_code *code)
{
	(void)unused;
	sys_page_free(slot_of(code), (uint32_t)code->npages);
}

/* An earlier rule is above a later one. Those in a row that say the same stay on one level, where what
 * asks alike is looked up at once, as long as dpf need not be told which of two is above the other. */
static long insert(struct rule *r)
{
	static const struct dpf_dominance any = { NULL, DPF_ALL };

	judge.level -= r->pass != judge.last;
	judge.last = r->pass;
	r->head.priority = judge.level;
	int id = dpf_insert(judge.all, &r->head, r->head.bytes, 1, &any, NULL);
	if (id == -E_OVERLAP) {
		r->head.priority = --judge.level;
		id = dpf_insert(judge.all, &r->head, r->head.bytes, 1, &any, NULL);
	}
	if (id < 0)
		return id;
	judge.pass[id] = r->pass;
	dpf_reclaim(judge.all);
	return id;
}

long judge_open(const char *text, size_t length, uint32_t *bad)
{
	static const struct dpf_memory memory = { NULL, data_alloc, data_free,
		                                  code_alloc, code_seal, code_free };
	static struct rule rule;
	const char *at = text, *end = text + length;
	uint64_t key[2] = { 0 };
	long got;

	random_key(key); /* without one the tables' order can be guessed */
	*bad = 1;
	long error = dpf_create(&judge.all, &memory, RULES_MAX, CLASSIFIER_PAGES, key[0]);
	if (error < 0)
		return error;
	for (; (got = rules_next(&at, end, &rule)) > 0; ++*bad) {
		long id = *bad > RULES_MAX ? -E_LIMIT : insert(&rule);

		if (id < 0)
			return id;
	}
	return got < 0 ? got : (long)*bad - 1;
}

bool judge_passes(const uint8_t *frame, uint32_t length)
{
	uint32_t id = judge.all ? dpf_classify(judge.all, frame, length, length) : 0;

	return id == 0 || judge.pass[id];
}
