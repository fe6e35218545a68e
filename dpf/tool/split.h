/* dpf/tool/split.h - which of two interfaces each frame of a capture leaves by, as tcpprep wrote
 * it to a cache file. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum split_way { SPLIT_NONE, SPLIT_FIRST, SPLIT_SECOND };

/* Read a cache file of format 04 that tells the ways of at least n frames, into way[n]. False
 * after a message. */
bool split_read(const char *path, uint8_t *way, size_t n);
