/* dpf/tool/bench/count.c - instructions that an engine executes for a packet.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/bench.h"
#include "dpf/tool/steps.h"

enum { FRAMES = 32 };

struct job {
	struct work *work;
	const struct engine *engine;
};

static void run(void *arg)
{
	struct job *j = arg;

	j->engine->run(j->work);
}

static uint64_t steps(struct work w, const struct engine *e, uint32_t frames)
{
	struct job j = { .work = &w, .engine = e };

	w.nframes = frames;
	return steps_of(run, &j);
}

double count_instructions(struct work *w, const struct engine *e)
{
	uint32_t many = w->nframes < 2 * FRAMES ? w->nframes : 2 * FRAMES, few = many / 2;
	uint64_t a = steps(*w, e, few), b = steps(*w, e, many);

	/* what is not of the frames is in both */
	return a && b > a ? (double)(b - a) / (many - few) : 0;
}
