/* ash/elf.c - see elf.h. Offsets and sizes are checked when the file is opened; what is read
 * later lies inside it.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "ash/elf.h"

enum { HEADER = 64, SECTION = 64, SYMBOL = 24, RELOC = 16 };

uint64_t elf_get(const uint8_t *b, int n)
{
	uint64_t v = 0;

	for (int k = n; k-- > 0;)
		v = v << 8 | b[k];
	return v;
}

bool elf_same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

bool elf_is_bpf(const uint8_t *b, size_t size)
{
	static const uint8_t ident[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 }; /* 64, little, v1 */

	if (size < HEADER)
		return false;
	for (size_t k = 0; k < sizeof ident; k++)
		if (b[k] != ident[k])
			return false;
	return elf_get(b + 16, 2) == 1 /* ET_REL */ && elf_get(b + 18, 2) == 247 /* EM_BPF */;
}

static bool inside(const struct elf *e, uint64_t offset, uint64_t size)
{
	return offset <= e->size && size <= e->size - offset;
}

struct elf_section elf_section(const struct elf *e, uint32_t k)
{
	const uint8_t *b = e->bytes + e->sections + (uint64_t)k * SECTION;

	return (struct elf_section){
		.name = (const char *)e->bytes + e->names + elf_get(b, 4),
		.type = (uint32_t)elf_get(b + 4, 4),
		.flags = elf_get(b + 8, 8),
		.offset = elf_get(b + 24, 8),
		.size = elf_get(b + 32, 8),
		.link = (uint32_t)elf_get(b + 40, 4),
		.info = (uint32_t)elf_get(b + 44, 4),
		.align = elf_get(b + 48, 8),
	};
}

/* A table of strings: in the file, and its last byte ends a string. */
static bool strings(const struct elf *e, uint32_t k, uint64_t *at, uint64_t *size)
{
	if (k >= e->nsection)
		return false;
	const uint8_t *b = e->bytes + e->sections + (uint64_t)k * SECTION;
	*at = elf_get(b + 24, 8);
	*size = elf_get(b + 32, 8);
	return *size > 0 && inside(e, *at, *size) && e->bytes[*at + *size - 1] == 0;
}

static bool check_section(const struct elf *e, uint32_t k)
{
	const uint8_t *b = e->bytes + e->sections + (uint64_t)k * SECTION;

	if (elf_get(b, 4) >= e->names_size)
		return false;
	struct elf_section s = elf_section(e, k);
	if (s.type == SHT_NOBITS)
		return s.size <= UINT32_MAX;
	return inside(e, s.offset, s.size);
}

static bool find_symbols(struct elf *e)
{
	for (uint32_t k = 1; k < e->nsection; k++) {
		struct elf_section s = elf_section(e, k);
		if (s.type != SHT_SYMTAB)
			continue;
		e->symbols = s.offset;
		e->nsymbol = (uint32_t)(s.size / SYMBOL);
		return strings(e, s.link, &e->strings, &e->strings_size);
	}
	return true;
}

bool elf_open(struct elf *e, const uint8_t *bytes, size_t size)
{
	*e = (struct elf){ .bytes = bytes, .size = size };
	if (!elf_is_bpf(bytes, size) || size > UINT32_MAX)
		return false;
	e->sections = elf_get(bytes + 40, 8);
	e->nsection = (uint32_t)elf_get(bytes + 60, 2);
	if (elf_get(bytes + 58, 2) != SECTION || e->nsection == 0 ||
	    e->nsection > ELF_SECTIONS_MAX ||
	    !inside(e, e->sections, (uint64_t)e->nsection * SECTION) ||
	    !strings(e, (uint32_t)elf_get(bytes + 62, 2), &e->names, &e->names_size))
		return false;
	for (uint32_t k = 1; k < e->nsection; k++)
		if (!check_section(e, k))
			return false;
	return find_symbols(e);
}

bool elf_symbol(const struct elf *e, uint32_t k, struct elf_symbol *out)
{
	if (k >= e->nsymbol)
		return false;
	const uint8_t *b = e->bytes + e->symbols + (uint64_t)k * SYMBOL;
	uint64_t name = elf_get(b, 4);
	if (name >= e->strings_size)
		return false;
	*out = (struct elf_symbol){
		.name = (const char *)e->bytes + e->strings + name,
		.kind = b[4] & 15u,
		.binding = b[4] >> 4,
		.section = (uint32_t)elf_get(b + 6, 2),
		.value = elf_get(b + 8, 8),
	};
	if (out->kind == STT_SECTION && out->section > 0 && out->section < e->nsection)
		out->name = elf_section(e, out->section).name;
	return true;
}

struct elf_reloc elf_reloc(const struct elf *e, const struct elf_section *s, uint32_t k)
{
	const uint8_t *b = e->bytes + s->offset + (uint64_t)k * RELOC;

	return (struct elf_reloc){ .offset = elf_get(b, 8),
		                   .type = (uint32_t)elf_get(b + 8, 4),
		                   .symbol = (uint32_t)elf_get(b + 12, 4) };
}

uint32_t elf_find(const struct elf *e, const char *name)
{
	for (uint32_t k = 1; k < e->nsection; k++)
		if (elf_same(elf_section(e, k).name, name))
			return k;
	return 0;
}
