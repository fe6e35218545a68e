/* dpf/tool/pace.c - see pace.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/pace.h"

uint64_t pace_due(const struct pace *p, uint64_t frames, uint64_t bytes, uint64_t recorded)
{
	double due = 0;

	switch (p->kind) {
	case PACE_RECORDED: due = (double)recorded / p->rate; break;
	case PACE_PPS: due = (double)(frames - frames % p->at_once) * 1e9 / p->rate; break;
	case PACE_MBPS: due = (double)bytes * 8e3 / p->rate; break;
	case PACE_TOP: break;
	}
	return due < 9e18 ? (uint64_t)due : (uint64_t)9e18;
}

/* Values below 2 * PACE_FINE have buckets of their own. */
static unsigned bucket_of(uint64_t v)
{
	unsigned shift = 0;

	while (v >> shift >= 2 * PACE_FINE)
		shift++;
	return shift * PACE_FINE + (unsigned)(v >> shift);
}

static uint64_t bucket_top(unsigned b)
{
	unsigned shift = b < 2 * PACE_FINE ? 0 : b / PACE_FINE - 1;
	uint64_t low = b - shift * PACE_FINE;

	return ((low + 1) << shift) - 1;
}

void pace_note(struct pace_errors *e, uint64_t late)
{
	e->count[bucket_of(late)]++;
	e->total++;
	e->max = late > e->max ? late : e->max;
}

uint64_t pace_percentile(const struct pace_errors *e, double share)
{
	uint64_t seen = 0;

	for (unsigned b = 0; b < PACE_BUCKETS; b++) {
		seen += e->count[b];
		if (e->total && (double)seen >= share * (double)e->total)
			return bucket_top(b) < e->max ? bucket_top(b) : e->max;
	}
	return e->max;
}
