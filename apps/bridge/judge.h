/* apps/bridge/judge.h - all the rules as one native function, made by dpf in ring 3.
 * Layer: apps. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Take the rules of a text (rules.h), once. Returns how many, or
 *   -E_INVAL, -E_LIMIT  a rule, or more than RULES_MAX; *bad is its number, from 1
 *   -E_NOMEM */
long judge_open(const char *text, size_t length, uint32_t *bad);

/* May the frame pass? Before judge_open every one may. */
bool judge_passes(const uint8_t *frame, uint32_t length);
