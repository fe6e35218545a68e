/* dpf/test/fuzz/main.c - run a fuzz target on inputs that were kept: main NAME FILE... A wrong
 * one ends the program. Prints TAP. SPDX-License-Identifier: ISC */
#include "dpf/test/fuzz/target.h"
#include <stdio.h>
#include <stdlib.h>

enum { INPUT_MAX = 1 << 20 };

int main(int argc, char **argv)
{
	static uint8_t bytes[INPUT_MAX];

	for (int i = 2; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");

		if (!f) {
			printf("not ok fuzz_%s_reads - %s\n", argv[1], argv[i]);
			return 1;
		}
		size_t n = fread(bytes, 1, sizeof bytes, f);
		fclose(f);
		uint8_t *exact = malloc(n ? n : 1); /* so that reading beyond is seen */
		for (size_t k = 0; k < n; k++)
			exact[k] = bytes[k];
		LLVMFuzzerTestOneInput(exact, n);
		free(exact);
	}
	printf("ok fuzz_%s_takes_%d_kept_inputs\n", argv[1], argc - 2);
	return 0;
}
