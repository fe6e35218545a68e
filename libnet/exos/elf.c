/* libnet/exos/elf.c - see elf.h. SPDX-License-Identifier: ISC */
#include "libnet/exos/elf.h"
#include <stdbool.h>
#include <string.h>
#include "exo/err.h"
#include "exo/layout.h"
#include "exo/page.h"

struct header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct header) == 64, "ELF64");

struct segment_header {
	uint32_t type, flags;
	uint64_t offset, va, pa, filesz, memsz, align;
};
_Static_assert(sizeof(struct segment_header) == 56, "ELF64");

enum { ET_EXEC = 2, EM_X86_64 = 62, PT_LOAD = 1, PF_X = 1, PF_W = 2, PF_R = 4 };

static bool header_is_ours(const struct header *h)
{
	/* Magic number, 64 bits, little-endian, version 1. */
	static const uint8_t ident[7] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

	return memcmp(h->ident, ident, sizeof ident) == 0 && h->type == ET_EXEC &&
	       h->machine == EM_X86_64 && h->version == 1 &&
	       h->phentsize == sizeof(struct segment_header);
}

static uint32_t prot_of(uint32_t flags)
{
	return (flags & PF_R ? PROT_R : 0) | (flags & PF_W ? PROT_W : 0) |
	       (flags & PF_X ? PROT_X : 0);
}

/* Both ends of a segment, checked: bytes in the image, addresses in [low, high). */
static bool segment_fits(const struct segment_header *s, size_t size, uint64_t low,
                         uint64_t high)
{
	return s->offset <= size && s->filesz <= size - s->offset && s->filesz <= s->memsz &&
	       s->va >= low && s->va <= high && s->memsz <= high - s->va &&
	       !(s->flags & PF_W && s->flags & PF_X) && s->flags & PF_R;
}

static void widen(struct elf_segment *out, const struct segment_header *s)
{
	uint64_t skip = s->va % EXO_PAGE_SIZE;

	*out = (struct elf_segment){
		.va = s->va - skip,
		.npages = (uint32_t)((skip + s->memsz + EXO_PAGE_SIZE - 1) / EXO_PAGE_SIZE),
		.prot = prot_of(s->flags),
		.offset = s->offset,
		.nbytes = s->filesz,
		.skip = (uint32_t)skip,
	};
}

static int add_segment(struct elf_program *p, const struct segment_header *s, size_t size,
                       uint64_t low, uint64_t high)
{
	if (s->type != PT_LOAD || s->memsz == 0)
		return 0;
	if (!segment_fits(s, size, p->top > low ? p->top : low, high))
		return -E_INVAL;
	if (p->nsegments == ELF_SEGMENTS_MAX)
		return -E_LIMIT;
	struct elf_segment *out = &p->segment[p->nsegments++];
	widen(out, s);
	if (out->va < p->top)
		return -E_INVAL;
	p->top = out->va + (uint64_t)out->npages * EXO_PAGE_SIZE;
	return 0;
}

static bool entry_is_code(const struct elf_program *p)
{
	for (uint32_t i = 0; i < p->nsegments; i++) {
		const struct elf_segment *s = &p->segment[i];
		uint64_t start = s->va + s->skip;
		if (s->prot & PROT_X && p->entry >= start && p->entry - start < s->nbytes)
			return true;
	}
	return false;
}

int elf_decode(const void *image, size_t size, uint64_t low, uint64_t high,
               struct elf_program *program)
{
	struct header h;

	if (size < sizeof h)
		return -E_INVAL;
	memcpy(&h, image, sizeof h);
	if (!header_is_ours(&h) || h.phoff > size ||
	    (size - h.phoff) / sizeof(struct segment_header) < h.phnum)
		return -E_INVAL;
	*program = (struct elf_program){ .entry = h.entry };
	for (unsigned i = 0; i < h.phnum; i++) {
		struct segment_header s;
		memcpy(&s, (const uint8_t *)image + h.phoff + i * sizeof s, sizeof s);
		int err = add_segment(program, &s, size, low, high);
		if (err)
			return err;
	}
	return entry_is_code(program) ? 0 : -E_INVAL;
}
