/* All that clang leaves to the loader, in one program: it passes the frame when every part
 * has the value it should have. SPDX-License-Identifier: ISC */
#include "exo/ash.h"

#define SECTION(name) __attribute__((section(name), used))
#define APART __attribute__((noinline)) /* so that a call remains */

static volatile uint32_t zeroed[64];            /* .bss */
static volatile uint32_t counter = 41;          /* .data */
static const char word[] = "handler";           /* .rodata */
const char *volatile names[] = { word, "abc" }; /* data that points to data */

static APART uint64_t twice(uint64_t x) { return 2 * x; }
static APART uint64_t thrice(uint64_t x) { return 3 * x + zeroed[1]; }
APART uint64_t global(uint64_t x) { return x + counter; }

/* Data that point to code: a static function and a global one. */
static uint64_t (*volatile table[])(uint64_t) = { twice, thrice, global };

static uint64_t switched(uint32_t x) /* a table in .rodata */
{
	switch (x) {
	case 0: return 11;
	case 1: return 7;
	case 2: return 5;
	case 3: return 19;
	case 4: return 23;
	default: return 0;
	}
}

SECTION("ash/everything") uint32_t everything(struct ash_ctx *ctx)
{
	uint64_t (*volatile pointer)(uint64_t) = counter == 41 ? twice : thrice; /* in code */

	for (uint32_t k = 0; k < 64; k++)
		if (zeroed[k])
			return ASH_ABORTED;
	if (twice(4) != 8 || global(1) != 42 || pointer(5) != 10)
		return ASH_ABORTED;
	if (table[0](3) != 6 || table[1](3) != 9 || table[2](3) != 44)
		return ASH_ABORTED;
	if (names[0][6] != 'r' || names[1][2] != 'c' || names[0] != word)
		return ASH_ABORTED;
	if (switched(ctx->length + 3) != 19)
		return ASH_ABORTED;
	counter++;
	return counter == 42 ? ASH_PASS : ASH_ABORTED;
}
