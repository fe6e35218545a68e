/* kernel/generation.h - generations: how often what a capability names has been another object.
 *
 * A capability has 24 bits for it, an environment's id 20. What has had its last generation is
 * retired, so that none comes twice and what is stale stays so. SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>
#include "exo/env.h"

enum {
	GENERATION_MAX = 0xffffff, /* the last: what is above it names nothing */
	GENERATION_ENV_MAX = (1 << (32 - EXO_ENV_INDEX_BITS)) - 1,
};

/* Where they begin. */
extern const uint32_t generation_first, generation_env_first;
