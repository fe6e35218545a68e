/* kernel/filter.h - the filters installed, and whose they are.
 *
 * A filter's number is its id in the receive classifier. What a filter receives, mirrored,
 * is what its owner may transmit: the second classifier holds the mirrors.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/info.h"

struct dpf;
struct env;

enum {
	FILTER_KERNEL_MAX = 16384, /* bytes of one filter that the kernel takes */
	FILTER_CARVE_MAX = 16,     /* filters one insertion may take frames from by capability */
};

extern struct exo_filter_info filter_info[]; /* [EXO_FILTER_MAX], page-aligned */

void filter_init(void);

/* Install filter bytes (private to the kernel) to feed ring `ring` of env's.
 *   may, nmay  filters it may take frames from, or copy if it is FILTER_SHARED; UINT32_MAX: all
 *   conflict   out: the filter that -E_OVERLAP is about, else 0
 * Returns the filter's number, or what dpf_insert returns, or -E_NOSPC for a tee too many
 * (kernel/tee.h), with nothing changed. */
long filter_insert(struct env *env, uint32_t ring, const void *bytes, uint32_t length,
                   const uint32_t *may, uint32_t nmay, uint32_t *conflict);

/* Do these bytes ask for copies beside the winner's (FILTER_SHARED)? */
bool filter_is_shared(const void *bytes, uint32_t length);

void filter_remove(uint32_t number);

/* The number of one of env's filters. REQUIRES that it has one. */
uint32_t filter_first(const struct env *env);

/* Remove all that feed a ring; all of env's. */
void filter_release_ring(uint32_t ring);
void filter_release(struct env *env);

/* The receive classifier; has it filters that get copies (FILTER_SHARED)? */
const struct dpf *filter_rx(void);
bool filter_has_shared(void);

/* The environment that may send a frame of `length` bytes that begins so: its id, or 0. */
uint32_t filter_tx_owner(const uint8_t *header, uint32_t copied, uint32_t length);
