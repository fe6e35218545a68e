/* dpf/tool/mark.h - messages that show where an expression is wrong.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/tool/filters.h"
#include "dpf/tool/token.h"

/* libpcap refused e with this message. Say so on standard error, with the place: as our own
 * parser finds it, else the word that the message quotes, else all of the expression. */
void mark_error(const struct filters *f, const struct expression *e, const char *message);

/* Say that e is wrong at this token of it. */
void mark_place(const struct filters *f, const struct expression *e, const char *message,
                const struct token *where);
