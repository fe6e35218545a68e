/* kernel/upcall.h - telling an environment something. SPDX-License-Identifier: ISC */
#pragma once
#include <stdint.h>
#include "exo/env.h"

struct env;
struct trap;

/* Post reasons (enum exo_upcall) to the running environment, interrupted with these
 * registers: unless upcalls are masked, the trap frame is made to enter its handler, and
 * what the frame held goes to its upcall save area. Otherwise they stay pending. */
void upcall_post(struct env *env, uint32_t reasons, struct trap *trap);
