/* See lines.h. Every number in the two sections is checked before it is used.
 * Source: Linux, Documentation/bpf/btf.rst, "ELF file format interface".
 * SPDX-License-Identifier: ISC
 */
#include "ash/tool/lines.h"

enum { MAGIC = 0xeb9f, EXT_HEADER = 24, BTF_HEADER = 24, RECORD = 16 };

/* Bytes of a section, or a part of it. */
struct part {
	const uint8_t *b;
	uint64_t n;
};

static bool slice(struct part from, uint64_t at, uint64_t n, struct part *out)
{
	if (at > from.n || n > from.n - at)
		return false;
	*out = (struct part){ from.b + at, n };
	return true;
}

static bool load(const struct elf *e, const char *name, struct part *out)
{
	uint32_t k = elf_find(e, name);

	if (!k)
		return false;
	struct elf_section s = elf_section(e, k);
	*out = (struct part){ e->bytes + s.offset, s.size };
	return s.type != SHT_NOBITS && s.size >= BTF_HEADER && elf_get(out->b, 2) == MAGIC;
}

/* The part that two words of a header name: an offset from the header's end, and a size. */
static bool named(struct part whole, int word, struct part *out)
{
	return slice(whole, elf_get(whole.b + 4, 4) + elf_get(whole.b + word, 4),
	             elf_get(whole.b + word + 4, 4), out);
}

static const char *string(struct part strings, uint64_t at)
{
	if (at >= strings.n || strings.b[strings.n - 1])
		return "";
	return (const char *)strings.b + at;
}

/* The record with the greatest offset that is not past `offset`, or null. */
static const uint8_t *search(struct part records, uint64_t size, uint64_t offset)
{
	const uint8_t *best = NULL;

	for (uint64_t at = 0; at + size <= records.n; at += size) {
		uint64_t here = elf_get(records.b + at, 4);
		if (here <= offset && (!best || here >= elf_get(best, 4)))
			best = records.b + at;
	}
	return best;
}

bool source_line(const struct elf *e, uint32_t section, uint64_t offset,
                 struct source_line *out)
{
	struct part ext, btf, lines, strings, records;
	struct elf_section s = elf_section(e, section);

	if (!load(e, ".BTF.ext", &ext) || !load(e, ".BTF", &btf) || ext.n < EXT_HEADER ||
	    !named(ext, 16, &lines) || !named(btf, 16, &strings) || lines.n < 4 || strings.n == 0)
		return false;
	uint64_t size = elf_get(lines.b, 4), at = 4;
	if (size < RECORD)
		return false;
	while (at + 8 <= lines.n) {
		const char *name = string(strings, elf_get(lines.b + at, 4));
		uint64_t bytes = elf_get(lines.b + at + 4, 4) * size;
		if (bytes > lines.n || !slice(lines, at + 8, bytes, &records))
			return false;
		at += 8 + bytes;
		const uint8_t *r = elf_same(name, s.name) ? search(records, size, offset) : NULL;
		if (!r)
			continue;
		uint32_t column = (uint32_t)elf_get(r + 12, 4);
		*out = (struct source_line){ .file = string(strings, elf_get(r + 4, 4)),
			                     .text = string(strings, elf_get(r + 8, 4)),
			                     .line = column >> 10,
			                     .column = column & 1023 };
		return true;
	}
	return false;
}
