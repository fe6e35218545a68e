/* kernel/generation.c - see generation.h; kernel/test/generation.c takes its place in a kernel that
 * is about to run out of them. SPDX-License-Identifier: ISC */
#include "kernel/generation.h"

const uint32_t generation_first = 1, generation_env_first = 1;
