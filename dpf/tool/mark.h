/* dpf/tool/mark.h - messages that show where an expression is wrong.
 * SPDX-License-Identifier: ISC */
#pragma once
#include "dpf/tool/filters.h"
#include "dpf/tool/token.h"

/* libpcap refused e, compiled for `in`, with this message. Say so on standard error, with the
 * place: as our own parser finds it; else the first primitive that libpcap refuses alone for the
 * same reason, or the word in it that the message names; else all of the expression. */
void mark_error(const struct expression *e, pcap_t *in, const char *message);

/* Say that e is wrong at this token of it. */
void mark_place(const struct expression *e, const char *message, const struct token *where);

/* Say what is wrong with all of e. */
void mark_all(const struct expression *e, const char *message);
