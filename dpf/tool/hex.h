/* dpf/tool/hex.h - bytes written as pairs of hexadecimal digits. SPDX-License-Identifier: ISC */
#pragma once

/* Read all of s into out, which may be s itself and has room for half its length. Returns how
 * many bytes, or -1 when the text is anything else. */
long unhex(const char *s, void *out);
