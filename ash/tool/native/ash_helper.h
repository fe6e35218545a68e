/* The helpers for handlers that gcc compiles for the host, to compare speeds: functions of
 * the bench, found before ash/include's file of this name. SPDX-License-Identifier: ISC
 */
#pragma once
#include "exo/ash.h"

uint64_t ash_time(void);
uint64_t ash_sum(const void *bytes, uint64_t n, uint64_t start);
uint64_t ash_copy(void *to, const void *from, uint64_t n);
uint64_t ash_count(uint64_t k, uint64_t n);
uint64_t ash_deliver(const void *frame, uint64_t length);
uint64_t ash_dilp(uint64_t k, void *to, const void *from, uint64_t length,
                  struct ash_dilp_result *result);
