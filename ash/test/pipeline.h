/* ash/test/pipeline.h - a pipeline on the host, in executable memory. SPDX-License-Identifier: ISC */
#pragma once
#include "ash/dilp.h"

/* Check and compile; pipe stays the caller's, and must live on. What dilp_check says, or 0. */
int pipeline_open(struct dilp *d, const struct dilp_pipe *pipe, uint32_t n);
