/* dpf/tool/complain.h - what is wrong, on standard error: a line that begins with `dpf: `, or
 * with --json an object with the member `error`. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>

/* A part of a text: of a line of a file, or of an expression on the command line. */
struct spot {
	const char *path;        /* NULL: command line */
	unsigned line, indent;   /* there; how many columns stand before the text */
	const char *text;
	unsigned column, length; /* what is wrong of the text, from 0; length 0 is shown as 1 */
};

/* From now on, complaints are JSON. */
void complain_as_json(void);
bool complains_as_json(void);

/* format and what follows: as printf's, without a newline. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, with the place: its column counts from 1, and the line of the text is shown with a
 * mark below. In JSON: path, line (0: command line), column, length, expression. */
void complain_at(const struct spot *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
