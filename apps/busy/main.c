/* apps/busy/main.c - never sleeps: somebody to share the processor with, for the bench.
 * SPDX-License-Identifier: ISC */

int main(void)
{
	for (volatile unsigned n = 0;; n++)
		;
}
