/* libnet/exos/lrpc.c - see lrpc.h. SPDX-License-Identifier: ISC */
#include "libnet/exos/lrpc.h"
#include <stddef.h>
#include "exo/err.h"
#include "libnet/exos/context.h"
#include "libnet/exos/exposed.h"

_Static_assert(offsetof(struct exo_envpage, sync_entry) == 232, "lrpc_gates.S");
_Static_assert(offsetof(struct exo_envpage, open) == 248, "lrpc_gates.S");

/* lrpc_gates.S */
void lrpc_entry(void);
long lrpc_call(uint32_t server, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t number);
long lrpc_trusting(uint32_t server, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t number);

/* Called from lrpc_gates.S, and its data. */
long lrpc_over(uint32_t server);
long lrpc_unknown(void);
extern lrpc_procedure *const *lrpc_table;
extern uint64_t lrpc_count;
lrpc_procedure *const *lrpc_table;
uint64_t lrpc_count;

void lrpc_export(lrpc_procedure *const *table, uint32_t n)
{
	lrpc_table = table;
	lrpc_count = n;
	envpage()->sync_entry = (uint32_t)(uint64_t)lrpc_entry;
	__asm__ volatile("" ::: "memory"); /* the table is there before the first call */
	envpage()->open = 1;
}

_Noreturn void lrpc_serve(void)
{
	const struct exo_wait_term called = {
		.address = EXO_ENVPAGE + offsetof(struct exo_envpage, open), .value = 1, .op = WAIT_NE
	};

	for (;;)
		context_wait(&called, 1, WAIT_FOREVER);
}

long lrpc_unknown(void) { return -E_NOSYS; }

/* A slice of ours has begun while we wait: the server has ended, or a third one has yielded to us. */
long lrpc_over(uint32_t server)
{
	if (exo_env_alive(server))
		return 0;
	__atomic_and_fetch(&envpage()->pending, ~(uint32_t)UPCALL_CALLEE_DIED, __ATOMIC_RELAXED);
	return -E_GONE;
}

long lrpc(uint32_t server, uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	context_mask();
	long result = lrpc_call(server, a, b, c, d, number);
	context_unmask();
	return result;
}

long tlrpc(uint32_t server, uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	context_mask();
	long result = lrpc_trusting(server, a, b, c, d, number);
	context_unmask();
	return result;
}
