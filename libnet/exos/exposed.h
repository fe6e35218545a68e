/* libnet/exos/exposed.h - the kernel's structures that everybody may read (exo/layout.h).
 * They change while they are read: exo_snapshot. Layer: libnet/exos. SPDX-License-Identifier: ISC */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "exo/env.h"
#include "exo/info.h"
#include "exo/layout.h"
#include "exo/page.h"
#include "exo/table.h"

static inline const volatile struct exo_info *exo_info(void)
{
	return (const volatile struct exo_info *)EXO_INFO;
}

/* info.npages entries. */
static inline const volatile struct exo_page *exo_pages(void)
{
	return (const volatile struct exo_page *)EXO_PAGES;
}

/* EXO_ENV_MAX entries. */
static inline const volatile struct exo_env *exo_envs(void)
{
	return (const volatile struct exo_env *)EXO_ENVS;
}

/* The entry that belongs to an id, whoever has it now. */
static inline const volatile struct exo_env *exo_env(uint32_t id)
{
	return exo_envs() + id % EXO_ENV_MAX;
}

/* The entry of an environment that has not ended, or NULL. */
static inline const volatile struct exo_env *exo_env_alive(uint32_t id)
{
	const volatile struct exo_env *e = exo_env(id);

	return id && e->id == id && e->state != ENV_ENDED ? e : NULL;
}

/* Our own id. */
static inline uint32_t exo_self(void) { return exo_info()->running; }

/* The entry that maps the page at va (exo/table.h), 0 if there is none or no table. */
static inline uint64_t exo_entry(uint64_t va)
{
	uint64_t at[4], e = EXO_ENTRY_PRESENT;

	at[0] = exo_entry_at(va);
	for (int i = 1; i < 4; i++)
		at[i] = exo_entry_at(at[i - 1]);
	for (int i = 3; i >= 0 && e & EXO_ENTRY_PRESENT; i--)
		e = *(const volatile uint64_t *)at[i];
	return e & EXO_ENTRY_PRESENT ? e : 0;
}

/* EXO_FILTER_MAX entries. */
static inline const volatile struct exo_filter_info *exo_filters(void)
{
	return (const volatile struct exo_filter_info *)EXO_FILTERS;
}

/* Copy n bytes, a multiple of 8, of exposed structures as they are at one moment. */
static inline void exo_snapshot(void *to, const volatile void *from, size_t n)
{
	const volatile uint64_t *words = (const volatile uint64_t *)from;
	uint64_t *copy = (uint64_t *)to, before;

	do {
		before = exo_info()->interruptions;
		for (size_t i = 0; i < n / sizeof *copy; i++)
			copy[i] = words[i];
	} while (exo_info()->interruptions != before);
}
