/* kernel/test/generation.c - everything has had nearly all of its generations (apps/ktest/aged_test.c).
 * SPDX-License-Identifier: ISC */
#include "kernel/generation.h"

enum { LEFT = 3 };

const uint32_t generation_first = GENERATION_MAX - LEFT;
const uint32_t generation_env_first = GENERATION_ENV_MAX - LEFT;
