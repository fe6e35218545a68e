/* libnet/exos/spawn.h - start a program in an environment of its own.
 * Layer: libnet/exos. SPDX-License-Identifier: ISC */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "libnet/exos/args.h"

enum { SPAWN_SHARED = 3 }; /* pages at EXOS_SHARE */

struct spawn {
	const char *name;   /* at most 15 characters count */
	const void *image;  /* an ELF program (libnet/exos/elf.h); untrusted, stays unchanged */
	size_t size;
	uint32_t table_limit;             /* sys_env_create's */
	uint32_t shared[SPAWN_SHARED];    /* page slots of ours, mapped for it; 0: none */
	uint32_t shared_prot[SPAWN_SHARED];
	uint32_t file_slot, file_pages;   /* pages of ours that become its own; 0: none */
	struct exos_args args;            /* file_slot is filled in */
};

/* Make the environment: its memory, its arguments, and a time slice of its own. It owns all of
 * its pages. It does not run before sys_env_start(slot, *entry, 0).
 * Returns a slot of CAP_ENV with all rights, or, with nothing changed but that the file's
 * pages may be gone,
 *   -E_INVAL  image is no such program (elf_decode)
 *   -E_LIMIT  it has too many segments
 *   -E_NOSPC, -E_NOMEM  no environment, slice, slot or page is to be had */
long spawn(const struct spawn *s, uint64_t *entry);
