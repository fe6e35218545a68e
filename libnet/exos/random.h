/* libnet/exos/random.h - a key nobody can guess. Layer: libnet/exos.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* A fresh key from the CPU (RDRAND; Intel SDM vol. 1, 7.3.17). Returns false when the CPU
 * has none; then the key is from the time stamp only, which others can guess. */
bool random_key(uint64_t key[2]);
