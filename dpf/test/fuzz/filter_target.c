/* dpf/test/fuzz/filter_target.c - the decoder of filters, atoms first: whatever passes its checks
 * can be inserted beside another one, decides as the reference does, has a mirror that passes, too, and
 * leaves nothing behind. Input: a frame, then a filter whose header's length is put right.
 * SPDX-License-Identifier: ISC */
#include "dpf/dpf.h"
#include "dpf/interp.h"
#include "dpf/test/fuzz/target.h"
#include "dpf/tool/host.h"
#include <stdlib.h>
#include <string.h>

static void check(const uint8_t *filter, size_t n, const struct filter_view *v, struct frame f)
{
	static struct path scratch;
	static const struct exo_filter rest = { .bytes = sizeof rest + sizeof(struct exo_path), .npaths = 1 };
	uint8_t any[sizeof rest + sizeof(struct exo_path)] = { 0 }, *mirror = malloc(FILTER_BYTES_MAX);
	uint32_t ids[2], other;
	uint64_t rank;
	struct dpf *d;

	memcpy(any, &rest, sizeof rest);
	if (!mirror || dpf_create(&d, &host_memory, 2, 65536, 1) < 0)
		abort();
	int id = dpf_insert(d, filter, n, 1, NULL, &other);
	bool want = interp_filter(v, &scratch, f.data, f.caplen, f.wirelen, &rank);
	if (id <= 0 && id != -E_LIMIT && id != -E_NOMEM)
		must_equal("insertion of a valid filter", (uint32_t)id, 1);
	if (id > 0) {
		bool shared = v->flags & FILTER_SHARED;

		must_equal("match_set, reference", dpf_match_set(d, f.data, f.caplen, f.wirelen, ids, 2), want);
		must_equal("classify, reference", dpf_classify(d, f.data, f.caplen, f.wirelen) != 0,
		           want && !shared);
		int all = dpf_insert(d, any, sizeof any, 2, NULL, &other);
		if (all > 0 && !shared && v->priority > 0)
			must_equal("classify above another", dpf_classify(d, f.data, f.caplen, f.wirelen),
			           (uint32_t)(want ? id : all));
		must_equal("deletion", (uint32_t)dpf_delete(d, (uint32_t)id), 0);
		dpf_reclaim(d);
	}
	long m = dpf_mirror(filter, n, mirror, FILTER_BYTES_MAX);
	if (m > 0)
		must_equal("check of the mirror", (uint32_t)dpf_check(mirror, (size_t)m), 0);
	else
		must_equal("mirror", (uint32_t)m, 0);
	dpf_destroy(d);
	must_equal("pages left", (uint32_t)host_pages(), 0);
	free(mirror);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct filter_view v;

	if (n == 0)
		return 0;
	struct frame f = take_frame(&data, &n);
	uint8_t *filter = malloc(n ? n : 1);
	uint32_t bytes = (uint32_t)n;

	memcpy(filter, data, n);
	if (n >= sizeof(struct exo_filter))
		memcpy(filter + offsetof(struct exo_filter, bytes), &bytes, sizeof bytes);
	int decoded = filter_decode(&v, filter, n);
	must_equal("filter_decode, dpf_check", (uint32_t)decoded, (uint32_t)dpf_check(filter, n));
	if (decoded == 0)
		check(filter, n, &v, f);
	free(filter);
	return 0;
}
