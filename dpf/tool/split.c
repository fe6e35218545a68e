/* dpf/tool/split.c - see split.h. The file: 8 bytes "tcpprep", 4 bytes "04", then in network order
 * 8 bytes how many frames, 2 bytes how many in a byte (4), 2 bytes length of a comment; the
 * comment; and from the lowest bits of each byte on two bits a frame: 1, by the first interface; 2, it is sent.
 * Source: tcpreplay 4.4, files made by tcpprep. SPDX-License-Identifier: ISC */
#include "dpf/tool/split.h"
#include "dpf/tool/complain.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HEAD = 24, FRAMES_A_BYTE = 4 };

static uint64_t get(const uint8_t *at, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | *at++;
	return v;
}

static const char *read_ways(FILE *f, uint8_t *way, size_t n)
{
	uint8_t head[HEAD];
	int byte = 0;

	if (fread(head, 1, HEAD, f) != HEAD || memcmp(head, "tcpprep", 8) != 0)
		return "not a cache file of tcpprep";
	if (memcmp(head + 8, "04", 3) != 0 || get(head + 20, 2) != FRAMES_A_BYTE)
		return "a cache file of a format that is not 04";
	if (get(head + 12, 8) < n)
		return "it tells the ways of fewer frames than the capture has";
	for (uint64_t i = get(head + 22, 2); i > 0; i--)
		byte = getc(f);
	for (size_t i = 0; i < n; i++) {
		unsigned shift = i % FRAMES_A_BYTE * 2;

		if (shift == 0 && (byte = getc(f)) == EOF)
			return "it ends early";
		way[i] = !(byte >> shift & 2) ? SPLIT_NONE : byte >> shift & 1 ? SPLIT_FIRST : SPLIT_SECOND;
	}
	return NULL;
}

bool split_read(const char *path, uint8_t *way, size_t n)
{
	FILE *f = fopen(path, "rb");
	const char *why = f ? read_ways(f, way, n) : strerror(errno);

	if (f)
		fclose(f);
	if (why)
		complain("%s: %s", path, why);
	return !why;
}
