/* libnet/exos/shm.h - memory that environments share: pages, handed over by capability.
 *
 * One environment owns the pages (one of those that share them, or a third); whoever holds the
 * capabilities maps them. How they get to the other side is the callers' business: in the arguments of
 * a program (libnet/exos/args.h), or as two words in registers (libnet/exos/lrpc.h).
 *
 * An owner may take a page back at any moment, or end. The next access to it then finds a page of our own,
 * whose contents mean nothing, and the mapping is marked as lost. So who does not trust the
 * owner need not look before each access, only sometimes afterwards.
 * Layer: libnet/exos. Source: SOSP '95, 6.1 (shm). SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/cap.h"
#include "libnet/exos/context.h"

enum { SHM_MAPPINGS_MAX = 64 };

struct shm {
	uint64_t va;
	uint32_t n;    /* pages; 0: not mapped */
	uint32_t lost; /* 1: at least one page was taken away, and has been missed */
};

/* Own n new pages (1..4096), zeroed, and write their capabilities, with the rights to read and
 * write, to cap[0, n). They are not mapped yet. Returns the first of n slots, for sys_page_free, or what
 * sys_page_alloc returns; then nothing has changed. */
long shm_new(uint32_t n, struct exo_cap *cap);

/* Map the n pages at va, readable and writable, always in a page table. The capabilities may come from
 * anybody; cap[] itself is the caller's own. *s stays where it is until shm_unmap. If nobody handles page
 * faults (context_on_fault), shm_fault does from now on. Returns 0, or with nothing mapped
 *   -E_PERM   a capability is forged or stale, names no page, or lacks a right
 *   -E_INVAL  va
 *   -E_BUSY   a page is executable somewhere
 *   -E_LIMIT  SHM_MAPPINGS_MAX are mapped
 *   -E_NOSPC, -E_NOMEM  no slot, no page table, no page of our own */
long shm_map(struct shm *s, uint64_t va, const struct exo_cap *cap, uint32_t n);

/* Map n pages more behind those that s has. Returns as shm_map, with s as it was if that is an error. */
long shm_extend(struct shm *s, const struct exo_cap *cap, uint32_t n);

/* Take the mapping away, lost or not. */
void shm_unmap(struct shm *s);

/* A fault handler, also for another one to call: if the address is in a mapping, its page is gone; put ours there. */
fault_handler shm_fault;
