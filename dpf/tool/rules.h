/* dpf/tool/rules.h - files of rules (filters.h). SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/tool/filters.h"

enum { RULES_BYTES_MAX = 64 << 20, OWNER_BYTES_MAX = 100 };

/* Read the rules of all of o's files into f. False after a message. An owner's name has letters,
 * digits, `.`, `_` and `-`, and does not begin with `.`: it can be a file's name. */
bool rules_read(struct filters *f, const struct options *o);
