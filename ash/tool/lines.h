/* ash/tool/lines.h - which line of C an instruction comes from.
 *
 * clang -g writes it twice for BPF: in .debug_line, and in .BTF.ext, which needs no
 * relocation and brings the text of the line along. This reads the second.
 * Layer: hosted tool. SPDX-License-Identifier: ISC
 */
#pragma once
#include "ash/elf.h"

struct source_line {
	const char *file, *text; /* in the object */
	uint32_t line, column;
};

/* The line of the instruction at `offset` of a section. False: not known. */
bool source_line(const struct elf *e, uint32_t section, uint64_t offset,
                 struct source_line *out);
