/* Sums and copies of every length, alignment and overlap, against a byte at a time.
 * SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>
#include "ash/ash.h"

enum { ROOM = 200 };

static uint8_t window[ROOM], want[ROOM];
static struct ash_run run = { .window = window,
	                      .nextent = 1,
	                      .extent = { { 0, ROOM, true } },
	                      .budget = UINT64_MAX };

static void fill(unsigned seed)
{
	for (unsigned k = 0; k < ROOM; k++)
		window[k] = (uint8_t)(seed % 3 == 0 ? 0xff : seed % 3 == 1 ? 0 : k * 37 + seed * k * k);
	memcpy(want, window, ROOM);
}

static const char *sums(void)
{
	static const uint64_t start[] = { 0, 1, 0xffff, 0x10000, 0xfffffffe, 0xffff0000ffff, UINT64_MAX };

	for (unsigned seed = 0; seed < 9; seed++)
		for (unsigned at = 0; at < 9; at++)
			for (unsigned n = 0; n < 120; n++)
				for (unsigned s = 0; s < 7; s++) {
					const uint64_t arg[5] = { at, n, start[s] };
					uint64_t sum = (start[s] >> 32) + (uint32_t)start[s];
					fill(seed);
					for (unsigned k = 0; k < n; k++)
						sum += k % 2 ? window[at + k] : (uint64_t)window[at + k] << 8;
					while (sum >> 16)
						sum = (sum >> 16) + (sum & 0xffff);
					if (ash_helper(&run, ASH_HELPER_SUM, arg) != sum)
						return "different sum";
				}
	return NULL;
}

static const char *copies(void)
{
	for (unsigned to = 0; to < 40; to++)
		for (unsigned from = 0; from < 40; from++)
			for (unsigned n = 0; n < 70; n++) {
				const uint64_t arg[5] = { to, from, n };
				fill(2 + 3 * n);
				memmove(want + to, want + from, n);
				ash_helper(&run, ASH_HELPER_COPY, arg);
				if (memcmp(window, want, ROOM))
					return "different bytes";
			}
	return NULL;
}

static int report(const char *name, const char *why)
{
	printf(why ? "not ok %s - %s\n" : "ok %s\n", name, why);
	return why != NULL;
}

int main(void) { return report("sums", sums()) + report("copies", copies()); }
