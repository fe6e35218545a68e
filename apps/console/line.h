/* apps/console/line.h - edit one line of input. Layer: apps, pure.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { LINE_MAX_BYTES = 128 };

struct line {
	char text[LINE_MAX_BYTES]; /* NUL-terminated */
	size_t length;
	bool after_cr; /* a line feed that follows belongs to it */
};

/* Take one character. `echo` gets what the terminal is to show. Returns true when the line
 * is complete (carriage return or line feed); then the caller uses text and sets length
 * to 0. Backspace and DEL take a character back, ^U and ^C the whole line; other control
 * characters, and more than fits, are ignored. */
bool line_input(struct line *l, char c, void (*echo)(const char *text));
