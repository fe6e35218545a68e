/* dpf/tool/lines.h - lines of a file, without waiting for more than one.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { LINE_BYTES_MAX = 4 << 20 };

struct lines {
	int fd;
	FILE *answers;    /* flushed before each wait for input, so that a peer can converse;
	                     may be NULL */
	char *buffer;
	size_t begin, end, room;
	bool skipping, ended;
};

enum line_result { LINE_OK, LINE_END, LINE_TOO_LONG, LINE_ERROR };

/* The next line: *text, ended by a 0 in place of its newline, valid until the next call.
 * TOO_LONG: above LINE_BYTES_MAX; *text is its beginning and the rest is passed over. ERROR:
 * errno tells. The last line may lack its newline. */
enum line_result line_next(struct lines *l, char **text);
void lines_free(struct lines *l);
