/* libnet/exos/start.c - from crt0.S to main and out again. SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include "exo/stub.h"
#include "libnet/exos/args.h"
#include "libnet/exos/console.h"
#include "libnet/exos/context.h"

int main(void);
_Noreturn void exos_start(void); /* crt0.S */

_Noreturn void exos_start(void)
{
	long machine = sys_cap_bind((uint64_t)&exos_args()->machine);

	context_init();
	console_use(machine < 0 ? 0 : (uint32_t)machine);
	exit(main());
}
