/* ash/tool/peer.h - an engine of somebody else's for `ash bench`, as a shared library.
 * Layer: hosted tool. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include "exo/ash.h"

/* The compiled program; its argument is the context, its result the verdict. */
typedef uint64_t peer_program(void *context);

/* Compile insn[0, n), which stays in use. NULL with *why set if the engine does not take it. Once in a
 * process. */
peer_program *peer_load(const struct ash_insn *insn, uint32_t n, const char **why);
