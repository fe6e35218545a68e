/* apps/httpd/tar.h - find a file in a tar archive in memory.
 *
 * Source: POSIX.1-2017, pax, "ustar Interchange Format". Layer: apps, pure.
 * SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct tar_file {
	const char *data; /* in the archive */
	size_t size;
};

/* Find regular file `name` (leading "./" and "/" in either name do not count). The archive
 * is untrusted: an entry that leaves it ends it. */
bool tar_find(const char *archive, size_t size, const char *name, struct tar_file *out);
