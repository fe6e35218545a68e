/* See pipeline.h. One pipeline at a time. SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "ash/test/pipeline.h"

int pipeline_open(struct dilp *d, const struct dilp_pipe *pipe, uint32_t n)
{
	static uint8_t *code;
	int gauge = dilp_check(pipe, n);

	if (gauge < 0)
		return gauge;
	if (!code)
		code = mmap(NULL, DILP_CODE_MAX, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (code == MAP_FAILED || mprotect(code, DILP_CODE_MAX, PROT_READ | PROT_WRITE) ||
	    dilp_compile(pipe, n, code, DILP_CODE_MAX) < 0 ||
	    mprotect(code, DILP_CODE_MAX, PROT_READ | PROT_EXEC))
		abort();
	*d = (struct dilp){ .pipe = pipe, .n = n, .gauge = (uint32_t)gauge };
	memcpy(&d->entry, &code, sizeof d->entry);
	return 0;
}
