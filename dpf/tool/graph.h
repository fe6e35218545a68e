/* dpf/tool/graph.h - expressions as flow graphs. SPDX-License-Identifier: ISC */
#pragma once
#include <stdio.h>
#include "dpf/tool/filters.h"

/* Write the graphs of all programs, a cluster for each, in Graphviz's language. */
void graph_write(FILE *out, const struct filters *f);

/* As JSON: a list of {expression, blocks: [{first, last, text, yes, no}]}, where blocks are
 * numbered by their first instruction. */
void graph_write_json(FILE *out, const struct filters *f);
