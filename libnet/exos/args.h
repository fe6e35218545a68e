/* libnet/exos/args.h - what a program is given by who started it: a page at EXOS_ARGS.
 *
 * Its powers are in here, as capabilities; an entry that is zero was not given. The page is
 * private to the program.
 * Layer: libnet/exos. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdint.h>
#include "exo/cap.h"
#include "libnet/exos/memory.h"

enum { ARGS_ENVS = 32 };

struct exos_args {
	struct exo_cap machine;        /* the console: RIGHT_WRITE, or more */
	struct exo_cap nic;            /* RIGHT_RECV, or more */
	struct exo_cap carve;          /* of the interface, with RIGHT_CARVE, if we may take what others have */
	struct exo_cap request;        /* names our request page (libnet/share.h), RIGHT_READ */
	struct exo_cap env[ARGS_ENVS]; /* environments we may end */
	uint32_t envs;                 /* how many */
	uint32_t file_slot;            /* first page slot of a file that is ours now */
	uint64_t file_size;            /* its bytes; 0: none */
};
_Static_assert(sizeof(struct exos_args) <= 4096, "a page");

static inline const struct exos_args *exos_args(void)
{
	return (const struct exos_args *)EXOS_ARGS;
}
