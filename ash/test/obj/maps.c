/* Declares a BPF map. SPDX-License-Identifier: ISC */
#include "exo/ash.h"

__attribute__((section(".maps"), used)) uint64_t counters[4];

__attribute__((section("ash"), used)) uint32_t maps(struct ash_ctx *c)
{
	return (uint32_t)counters[c->length & 3];
}
