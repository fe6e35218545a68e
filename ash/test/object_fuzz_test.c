/* Objects with damage: each is refused with a reason, or what the linker makes of it is
 * in bounds and goes through the decoder. The sanitizers are the judge.
 *   object_fuzz_test OBJECT [ROUNDS [SEED]]
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ash/object.h"
#include "ash/tool/lines.h"

enum { ROUNDS = 20000, FILE_MAX = 1 << 16 };

static uint8_t original[FILE_MAX];
static size_t size;
static uint64_t state;
static struct ash_object o;
static struct ash_insn insn[ASH_INSN_MAX];
static uint8_t data[ASH_DATA_MAX], mark[ASH_INSN_MAX];
static uint32_t entry[ASH_FUNCTION_MAX], function[ASH_FUNCTION_MAX];
static unsigned seen[ASH_OBJECT_BAD_COUNT], decoded;

static uint32_t below(uint32_t m)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)(state * 0x2545f4914f6cdd1d >> 33) % m;
}

/* Where headers lie, changes say more than in the middle of debug information. */
static size_t somewhere(void)
{
	struct elf e;

	if (below(4) == 0 || !elf_open(&e, original, size))
		return below((uint32_t)size);
	struct elf_section s = elf_section(&e, below(e.nsection));
	switch (below(4)) {
	case 0: return below(64);
	case 1: return e.sections + below(e.nsection * 64);
	case 2: return e.symbols + below(e.nsymbol * 24);
	default: return s.size && s.type != SHT_NOBITS ? s.offset + below((uint32_t)s.size) : 0;
	}
}

static void damage(uint8_t *file)
{
	for (uint32_t k = 1 + below(3); k > 0; k--) {
		size_t at = somewhere();
		switch (below(4)) {
		case 0: file[at] ^= (uint8_t)(1 << below(8)); break;
		case 1: file[at] = (uint8_t)below(64); break;
		case 2: file[at] = (uint8_t)(below(2) ? 0xff : 0); break;
		default:
			if (at + 4 <= size)
				memset(file + at, below(2) ? 0xff : 0x7f, 4);
		}
	}
}

static const char *link_damaged(void)
{
	size_t n = below(20) ? size : below((uint32_t)size + 1);
	uint8_t *file = malloc(n ? n : 1); /* of its exact size, for the sanitizer */
	struct source_line line;
	const char *why = NULL;

	memcpy(file, original, n);
	if (n == size)
		damage(file);
	o.file = file;
	o.size = n;
	o.insn = insn;
	o.data = data;
	o.entry = entry;
	int err = ash_object_link(&o);
	if ((err != 0) != (o.bad != ASH_OBJECT_NONE))
		why = "error and reason do not fit";
	seen[o.bad]++;
	if (!err && (o.ninsn > ASH_INSN_MAX || o.data_length > ASH_DATA_MAX))
		why = "past a limit";
	if (!err) {
		struct ash_program p = { .insn = insn, .ninsn = o.ninsn, .start = o.start,
			                 .mark = mark, .function = function };
		decoded += ash_decode(&p, o.entry, o.nentry) == 0;
		for (uint32_t at = 0; at < o.ninsn; at++) {
			uint32_t section;
			uint64_t offset;
			if (ash_object_place(&o, at, &section, &offset))
				source_line(&o.elf, section, offset, &line);
		}
		ash_object_function(&o, o.start);
	}
	free(file);
	return why;
}

int main(int argc, char **argv)
{
	uint64_t rounds = argc > 2 ? strtoull(argv[2], NULL, 0) : ROUNDS;
	const char *why = NULL;
	FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;

	state = (argc > 3 ? strtoull(argv[3], NULL, 0) : 9669) | 1;
	size = f ? fread(original, 1, sizeof original, f) : 0;
	if (size == 0) {
		printf("not ok damaged_objects - cannot read the object\n");
		return 1;
	}
	fclose(f);
	for (uint64_t k = 0; k < rounds && !why; k++)
		why = link_damaged();
	printf(why ? "not ok damaged_objects - %s\n" : "ok damaged_objects\n", why);
	for (int b = 0; b < ASH_OBJECT_BAD_COUNT; b++)
		printf("# %u %s\n", seen[b], ash_object_bad_text((enum ash_object_bad)b));
	bool varied = decoded > 0 && seen[ASH_OBJECT_NONE] > decoded &&
	              seen[ASH_OBJECT_DAMAGED] && seen[ASH_OBJECT_RELOC] &&
	              seen[ASH_OBJECT_PLACE] && seen[ASH_OBJECT_FUNCTION];
	printf(varied ? "ok damage_is_refused_in_many_ways\n"
	              : "not ok damage_is_refused_in_many_ways - see the counts\n");
	return why || !varied;
}
