/* libnet/exos/elf.h - decode an ELF program before anything is done with it.
 *
 * Source: System V ABI, "Object Files"; AMD64 supplement. Accepts what our own linker
 * command produces: ELF64, little-endian, x86-64, ET_EXEC, static.
 * Layer: libnet/exos, pure. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { ELF_SEGMENTS_MAX = 8 };

/* One loadable segment, widened to whole pages: the bytes [va, va + npages * 4096), of
 * which [va + skip, va + skip + nbytes) come from the image and the rest are zero. */
struct elf_segment {
	uint64_t va;      /* page aligned */
	uint32_t npages;  /* > 0 */
	uint32_t prot;    /* enum exo_prot; never PROT_W | PROT_X */
	uint64_t offset;  /* of the first byte in the image */
	uint64_t nbytes;  /* from the image; may be 0 */
	uint32_t skip;    /* < 4096 */
	uint32_t zero;
};

struct elf_program {
	uint64_t entry; /* lies in an executable segment */
	uint64_t top;   /* first page boundary after all segments */
	uint32_t nsegments;
	struct elf_segment segment[ELF_SEGMENTS_MAX];
};

/* Decode image[0, size) into *program, whose segments then lie in [low, high), do not
 * share pages, and ascend. The image is untrusted; it must not change meanwhile.
 * Returns 0, or
 *   -E_INVAL  not such a program; or a segment that is writable and executable, leaves
 *             the image or [low, high), or shares a page with the one before
 *   -E_LIMIT  more than ELF_SEGMENTS_MAX loadable segments */
int elf_decode(const void *image, size_t size, uint64_t low, uint64_t high,
               struct elf_program *program);
