/* libnet/test/elf_test.c - programs that must be refused, one field wrong each.
 * Layer: host test. SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "exo/err.h"
#include "exo/page.h"
#include "libnet/exos/elf.h"

enum {
	LOW = 0x400000, HIGH = 0x800000,
	SIZE = 0x1100,
	/* Byte offsets in the ELF header and in a program header. */
	E_TYPE = 16, E_MACHINE = 18, E_VERSION = 20, E_ENTRY = 24, E_PHOFF = 32,
	E_PHENTSIZE = 54, E_PHNUM = 56,
	PH = 64, PH_SIZE = 56, P_TYPE = 0, P_FLAGS = 4, P_OFFSET = 8, P_VA = 16,
	P_FILESZ = 32, P_MEMSZ = 40,
	TEXT = PH, DATA = PH + PH_SIZE, NOTE = PH + 2 * PH_SIZE,
	R = 4, W = 2, X = 1,
};

static void put(uint8_t *image, unsigned at, unsigned width, uint64_t value)
{
	memcpy(image + at, &value, width);
}

static void segment(uint8_t *image, unsigned at, unsigned flags, uint64_t offset,
                    uint64_t va, uint64_t filesz, uint64_t memsz)
{
	put(image, at + P_TYPE, 4, 1);
	put(image, at + P_FLAGS, 4, flags);
	put(image, at + P_OFFSET, 8, offset);
	put(image, at + P_VA, 8, va);
	put(image, at + P_FILESZ, 8, filesz);
	put(image, at + P_MEMSZ, 8, memsz);
}

/* Text of 0x80 bytes at 0x401000; data of 0x100 bytes in 0x3000, at 0x402ff0. */
static void good(uint8_t image[SIZE])
{
	static const uint8_t ident[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

	memset(image, 0, SIZE);
	memcpy(image, ident, sizeof ident);
	put(image, E_TYPE, 2, 2);
	put(image, E_MACHINE, 2, 62);
	put(image, E_VERSION, 4, 1);
	put(image, E_ENTRY, 8, 0x401010);
	put(image, E_PHOFF, 8, PH);
	put(image, E_PHENTSIZE, 2, PH_SIZE);
	put(image, E_PHNUM, 2, 3);
	segment(image, TEXT, R | X, 0x1000, 0x401000, 0x80, 0x80);
	segment(image, DATA, R | W, 0x1000, 0x402ff0, 0x100, 0x3000);
	segment(image, NOTE, R, 0, 0, 0, 0);
	put(image, NOTE + P_TYPE, 4, 4);
}

static void decodes_a_program(void **state)
{
	uint8_t image[SIZE];
	struct elf_program p;

	(void)state;
	good(image);
	assert_int_equal(elf_decode(image, SIZE, LOW, HIGH, &p), 0);
	assert_int_equal(p.entry, 0x401010);
	assert_int_equal(p.nsegments, 2);
	assert_int_equal(p.segment[0].va, 0x401000);
	assert_int_equal(p.segment[0].npages, 1);
	assert_int_equal(p.segment[0].prot, PROT_R | PROT_X);
	assert_int_equal(p.segment[1].va, 0x402000);
	assert_int_equal(p.segment[1].skip, 0xff0);
	assert_int_equal(p.segment[1].npages, 4);
	assert_int_equal(p.segment[1].prot, PROT_R | PROT_W);
	assert_int_equal(p.top, 0x406000);
}

struct wrong {
	const char *why;
	unsigned at, width;
	uint64_t value;
};

static const struct wrong wrong[] = {
	{ "magic", 0, 1, 0 },
	{ "32 bits", 4, 1, 1 },
	{ "big-endian", 5, 1, 2 },
	{ "shared object", E_TYPE, 2, 3 },
	{ "another machine", E_MACHINE, 2, 3 },
	{ "version", E_VERSION, 4, 2 },
	{ "entry in data", E_ENTRY, 8, 0x402ff4 },
	{ "entry after the text", E_ENTRY, 8, 0x401080 },
	{ "entry 0", E_ENTRY, 8, 0 },
	{ "header table outside", E_PHOFF, 8, SIZE - 10 },
	{ "header table far outside", E_PHOFF, 8, UINT64_MAX - 8 },
	{ "header size", E_PHENTSIZE, 2, 32 },
	{ "header count", E_PHNUM, 2, 0xffff },
	{ "no header", E_PHNUM, 2, 0 },
	{ "writable code", TEXT + P_FLAGS, 4, R | W | X },
	{ "unreadable code", TEXT + P_FLAGS, 4, X },
	{ "offset outside", TEXT + P_OFFSET, 8, SIZE + 1 },
	{ "offset wraps", TEXT + P_OFFSET, 8, UINT64_MAX - 4 },
	{ "bytes outside", DATA + P_FILESZ, 8, 0x101 },
	{ "bytes wrap", DATA + P_FILESZ, 8, UINT64_MAX },
	{ "more bytes than memory", DATA + P_MEMSZ, 8, 0xff },
	{ "memory wraps", DATA + P_MEMSZ, 8, UINT64_MAX - 0x402ff0 + 2 },
	{ "memory too high", DATA + P_MEMSZ, 8, HIGH - 0x402ff0 + 1 },
	{ "below the image area", TEXT + P_VA, 8, LOW - 0x1000 },
	{ "kernel address", TEXT + P_VA, 8, 0xffff800000000000 },
	{ "descending", DATA + P_VA, 8, 0x400000 },
	{ "shares a page", DATA + P_VA, 8, 0x401f00 },
};

static void refuses_what_is_no_program_of_ours(void **state)
{
	uint8_t image[SIZE];
	struct elf_program p;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		good(image);
		put(image, wrong[i].at, wrong[i].width, wrong[i].value);
		if (wrong[i].at == DATA + P_VA && wrong[i].value == 0x401f00)
			put(image, TEXT + P_MEMSZ, 8, 0xf80);
		if (elf_decode(image, SIZE, LOW, HIGH, &p) != -E_INVAL)
			fail_msg("accepted: %s", wrong[i].why);
	}
}

static void refuses_too_many_segments(void **state)
{
	uint8_t image[SIZE];
	struct elf_program p;

	(void)state;
	good(image);
	put(image, E_PHNUM, 2, ELF_SEGMENTS_MAX + 1);
	for (unsigned i = 0; i <= ELF_SEGMENTS_MAX; i++)
		segment(image, PH + i * PH_SIZE, R, 0, 0x400000 + i * 0x1000, 8, 8);
	assert_int_equal(elf_decode(image, SIZE, LOW, HIGH, &p), -E_LIMIT);
}

/* The image lies at the end of its allocation, so that the sanitizer sees any read past
 * it, whatever the length. */
static void survives_every_truncation(void **state)
{
	uint8_t image[SIZE];
	struct elf_program p;

	(void)state;
	good(image);
	for (size_t n = 0; n < SIZE; n++) {
		uint8_t *cut = malloc(n ? n : 1);
		memcpy(cut, image, n);
		assert_int_equal(elf_decode(cut, n, LOW, HIGH, &p), -E_INVAL);
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_a_program),
		cmocka_unit_test(refuses_what_is_no_program_of_ours),
		cmocka_unit_test(refuses_too_many_segments),
		cmocka_unit_test(survives_every_truncation),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
