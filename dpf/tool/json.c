/* dpf/tool/json.c - see json.h. RFC 8259, section 7; RFC 3629. SPDX-License-Identifier: ISC */
#include "dpf/tool/json.h"
#include <stdint.h>

/* Bytes of the UTF-8 character at s, or 0. */
static int utf8_length(const uint8_t *s)
{
	static const struct { uint8_t lo, hi, next_lo, next_hi, length; } form[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (unsigned i = 0; i < sizeof form / sizeof *form; i++) {
		if (s[0] < form[i].lo || s[0] > form[i].hi)
			continue;
		if (form[i].length > 1 && (s[1] < form[i].next_lo || s[1] > form[i].next_hi))
			return 0;
		for (int k = 2; k < form[i].length; k++)
			if (s[k] < 0x80 || s[k] > 0xbf)
				return 0;
		return form[i].length;
	}
	return 0;
}

void json_string(FILE *out, const char *text)
{
	const uint8_t *s = (const uint8_t *)text;

	putc('"', out);
	while (*s) {
		int n = utf8_length(s);

		if (n == 0) {
			fputs("\\ufffd", out);
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			fprintf(out, "\\%c", *s);
		} else if (*s < 0x20) {
			fprintf(out, "\\u%04x", *s);
		} else {
			fwrite(s, 1, (size_t)n, out);
		}
		s += n;
	}
	putc('"', out);
}
