/* kernel/string.h - the four memory functions that gcc and the leaf libraries need.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
