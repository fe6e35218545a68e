/* libnet/exos/lrpc.h - calls of procedures in other environments, over protected control transfer.
 *
 * A call is two transfers: registers carry number, arguments and result, and the server runs in the caller's
 * slices. A server has one stack and does one call at a time. Its procedures run in a critical section, on that stack: one
 * that holds the CPU too long the kernel ends, with its server. They may yield, sleep and call others.
 *
 * Two words in registers are also a capability: that is how one environment hands another a pipe.
 *
 * Layer: libnet/exos. Source: SOSP '95, 6.1 (lrpc) and 7.1 (tlrpc). SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdint.h>

/* A procedure of ours. caller: the id of the environment that calls; the kernel says so, nobody can forge it. The arguments
 * are whatever it likes. What is returned goes to the caller. */
typedef long lrpc_procedure(uint32_t caller, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/* From now on the n procedures of table[], which stays, may be called by everybody, by their index. */
void lrpc_export(lrpc_procedure *const *table, uint32_t n);

/* Do nothing else: sleep while nobody calls. Who has other things to sleep for adds the term
 * { EXO_ENVPAGE + offsetof(struct exo_envpage, open), 1, WAIT_NE, 1 }, if a procedure may yield or sleep. */
_Noreturn void lrpc_serve(void);

/* Call procedure `number` of a server that need not be trusted: no register of ours reaches it but the
 * arguments, and what it leaves in registers is not used but for the result. There is no way back before it returns or
 * ends. Returns what the procedure does, which may be anything, or
 *   -E_NOSYS  it has no such procedure
 *   -E_AGAIN  it is busy with another call, or serves nobody; nothing has happened
 *   -E_INVAL  there is no such environment; nothing has happened
 *   -E_GONE   it ended during the call */
long lrpc(uint32_t server, uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/* The same, of a server that is trusted to keep the registers that a C function keeps (rbx, rbp, r12..r15), and to know them. */
long tlrpc(uint32_t server, uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
