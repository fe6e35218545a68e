/* dpf/test/fuzz/target.h - what the fuzz targets share. An input is a byte n, n bytes of a frame,
 * and what the target reads. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What libFuzzer calls, and dpf/test/fuzz/main.c for inputs kept from earlier. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct frame {
	const uint8_t *data; /* ends where a page ends that nobody may read */
	uint32_t caplen, wirelen;
};

/* Take the frame off the input, which is at least a byte. wirelen is larger where n is odd. */
struct frame take_frame(const uint8_t **data, size_t *n);

/* End the program with a message that names both sides. */
void must_equal(const char *what, uint32_t left, uint32_t right);
