/* dpf/tool/json.h - values for `--json`. SPDX-License-Identifier: ISC */
#pragma once
#include <stdio.h>

/* Write a string in quotes. Bytes that are no UTF-8 become U+FFFD. */
void json_string(FILE *out, const char *s);
