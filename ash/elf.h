/* ash/elf.h - the tables of an ELF object for BPF, read without trusting a byte of them.
 * Layer: leaf library, of the loader only: the kernel does not have it. Source: System V ABI,
 * chapters 4 and 5. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { /* the numbers of the ABI */
       SHT_PROGBITS = 1, SHT_SYMTAB = 2, SHT_RELA = 4, SHT_NOBITS = 8, SHT_REL = 9,
       SHF_ALLOC = 2, SHF_EXECINSTR = 4,
       SHN_UNDEF = 0, SHN_LORESERVE = 0xff00,
       STB_GLOBAL = 1, STB_WEAK = 2, STT_FUNC = 2, STT_SECTION = 3 };
enum { ELF_SECTIONS_MAX = 1024 };

/* An object of at most 4 GiB, private to the caller. */
struct elf {
	const uint8_t *bytes;
	size_t size;
	uint32_t nsection;
	uint64_t sections; /* offset of the section headers */
	uint64_t names, names_size;
	uint64_t symbols, strings, strings_size; /* of the first symbol table; 0 if none */
	uint32_t nsymbol;
};

struct elf_section {
	const char *name;
	uint32_t type, link, info;
	uint64_t flags, offset, size, align;
};

struct elf_symbol {
	const char *name; /* "" for none */
	uint32_t kind, binding, section;
	uint64_t value;
};

struct elf_reloc {
	uint64_t offset;
	uint32_t type, symbol;
};

/* Check the file header, every section header, the strings that are used as names. False:
 * this is no relocatable object for BPF, or a table leaves the file. */
bool elf_open(struct elf *e, const uint8_t *bytes, size_t size);
/* True if it begins as a relocatable, little-endian, 64-bit object for BPF. */
bool elf_is_bpf(const uint8_t *bytes, size_t size);

/* k < e->nsection */
struct elf_section elf_section(const struct elf *e, uint32_t k);
/* False: no such symbol, or its name leaves the strings. */
bool elf_symbol(const struct elf *e, uint32_t k, struct elf_symbol *out);
/* Entry k of relocation section s, k < s->size / 16. */
struct elf_reloc elf_reloc(const struct elf *e, const struct elf_section *s, uint32_t k);
/* Index of the first section of that name, or 0. */
uint32_t elf_find(const struct elf *e, const char *name);

bool elf_same(const char *a, const char *b);
uint64_t elf_get(const uint8_t *b, int n); /* n bytes, little-endian */
