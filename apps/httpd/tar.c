/* apps/httpd/tar.c - see tar.h. SPDX-License-Identifier: ISC */
#include "apps/httpd/tar.h"
#include <string.h>

enum { BLOCK = 512, NAME = 0, NAME_SIZE = 100, SIZE = 124, SIZE_DIGITS = 11, TYPE = 156 };

static const char *plain(const char *name)
{
	while (name[0] == '/' || (name[0] == '.' && name[1] == '/'))
		name++;
	return name;
}

/* An octal number; false if it is none. */
static bool number(const char *digits, size_t *out)
{
	size_t v = 0;

	for (int i = 0; i < SIZE_DIGITS; i++) {
		if (digits[i] < '0' || digits[i] > '7')
			return false;
		v = v << 3 | (size_t)(digits[i] - '0');
	}
	*out = v;
	return true;
}

bool tar_find(const char *archive, size_t size, const char *name, struct tar_file *out)
{
	size_t at = 0, length;

	while (size - at >= BLOCK && archive[at + NAME]) {
		const char *header = archive + at;
		char entry[NAME_SIZE + 1] = { 0 };

		at += BLOCK;
		if (!number(header + SIZE, &length) || length > size - at)
			return false;
		memcpy(entry, header + NAME, NAME_SIZE);
		if ((header[TYPE] == '0' || header[TYPE] == '\0') &&
		    strcmp(plain(entry), plain(name)) == 0) {
			*out = (struct tar_file){ archive + at, length };
			return true;
		}
		length = (length + BLOCK - 1) / BLOCK * BLOCK;
		at = length < size - at ? at + length : size;
	}
	return false;
}
