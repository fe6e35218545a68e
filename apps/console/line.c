/* apps/console/line.c - see line.h. SPDX-License-Identifier: ISC */
#include "apps/console/line.h"

enum { CTRL_C = 3, BACKSPACE = 8, CTRL_U = 21, DELETE = 127 };

static void erase(struct line *l, void (*echo)(const char *))
{
	if (l->length == 0)
		return;
	l->length--;
	echo("\b \b");
}

static void append(struct line *l, char c, void (*echo)(const char *))
{
	const char shown[2] = { c, '\0' };

	if (c < ' ' || c == DELETE || l->length + 1 >= sizeof l->text)
		return;
	l->text[l->length++] = c;
	echo(shown);
}

bool line_input(struct line *l, char c, void (*echo)(const char *text))
{
	bool second_half = c == '\n' && l->after_cr;

	l->after_cr = c == '\r';
	if (second_half)
		return false;
	switch (c) {
	case '\r':
	case '\n':
		echo("\n");
		l->text[l->length] = '\0';
		return true;
	case BACKSPACE:
	case DELETE:
		erase(l, echo);
		return false;
	case CTRL_U:
	case CTRL_C:
		while (l->length)
			erase(l, echo);
		return false;
	default:
		append(l, c, echo);
		return false;
	}
}
