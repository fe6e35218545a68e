/* dpf/interp.h - the reference: what a filter means, one path after another.
 *
 * Shares nothing with the generator but the canonical form.
 * Layer: leaf library, private to dpf/. SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/filter.h"

/* Is the frame captured as far as the path needs it, and do the path's tests of ranges hold? Then
 * base[] says where its bases lie; its bytes are not looked at. */
bool interp_tests(const struct path *p, const uint8_t *frame, uint32_t caplen,
                  uint32_t wirelen, uint64_t base[PATH_BASES]);

/* Does a finished path hold for this frame, its residual apart? */
bool interp_path(const struct path *p, const uint8_t *frame, uint32_t caplen,
                 uint32_t wirelen);

/* Does a filter accept this frame? *rank is then the highest rank of its paths that do. p is
 * scratch memory. */
bool interp_filter(const struct filter_view *f, struct path *p, const uint8_t *frame,
                   uint32_t caplen, uint32_t wirelen, uint64_t *rank);
