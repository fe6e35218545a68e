/* dpf/tool/lines.c - see lines.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/lines.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 16 };

/* Room for one more chunk and a 0 behind it. */
static bool make_room(struct lines *l)
{
	if (l->begin > 0) {
		memmove(l->buffer, l->buffer + l->begin, l->end - l->begin);
		l->end -= l->begin;
		l->begin = 0;
	}
	if (l->room - l->end > CHUNK)
		return true;
	size_t room = 2 * l->room + 2 * CHUNK;
	char *more = realloc(l->buffer, room);
	if (!more)
		return false;
	l->buffer = more;
	l->room = room;
	return true;
}

/* Returns false on an error. */
static bool fill(struct lines *l)
{
	if (l->answers && fflush(l->answers) != 0)
		return false;
	if (!make_room(l))
		return false;
	ssize_t n = read(l->fd, l->buffer + l->end, CHUNK);
	if (n < 0)
		return errno == EINTR;
	l->ended = n == 0;
	l->end += (size_t)n;
	return true;
}

static enum line_result cut(struct lines *l, char **text, size_t length, size_t passed)
{
	*text = l->buffer + l->begin;
	(*text)[length] = 0;
	l->begin += passed;
	return LINE_OK;
}

enum line_result line_next(struct lines *l, char **text)
{
	size_t seen = 0; /* of the line, without a newline in it */

	for (;;) {
		size_t length = l->end - l->begin;
		char *newline = length > seen
			? memchr(l->buffer + l->begin + seen, '\n', length - seen) : NULL;

		if (newline) {
			size_t n = (size_t)(newline - l->buffer) - l->begin;

			if (!l->skipping)
				return cut(l, text, n, n + 1);
			l->begin += n + 1;
			l->skipping = false;
			seen = 0;
			continue;
		}
		seen = length;
		if (l->ended && (length == 0 || l->skipping))
			return LINE_END;
		if (l->ended)
			return cut(l, text, length, length);
		if (l->skipping) {
			l->begin = l->end;
			seen = 0;
		} else if (length > LINE_BYTES_MAX) {
			l->skipping = true;
			cut(l, text, length, length);
			return LINE_TOO_LONG;
		}
		if (!fill(l))
			return LINE_ERROR;
	}
}

void lines_free(struct lines *l) { free(l->buffer); }
