/* dpf/test/fuzz/target.c - see target.h. SPDX-License-Identifier: ISC */
#include "dpf/test/fuzz/target.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

struct frame take_frame(const uint8_t **data, size_t *n)
{
	static uint8_t *edge;
	uint32_t length = **data;

	if (!edge) {
		edge = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (edge == MAP_FAILED || mprotect(edge + PAGE, PAGE, PROT_NONE) < 0)
			abort();
		edge += PAGE;
	}
	if (length > *n - 1)
		length = (uint32_t)(*n - 1);
	memcpy(edge - length, *data + 1, length);
	struct frame f = { edge - length, length, length + (**data & 1) * 40 };
	*data += 1 + length;
	*n -= 1 + length;
	return f;
}

void must_equal(const char *what, uint32_t left, uint32_t right)
{
	if (left == right)
		return;
	fprintf(stderr, "%s: %u and %u\n", what, left, right);
	abort();
}
