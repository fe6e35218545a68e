/* pcap-tests/http.c - the responses in a server's stream.
 *
 * Source: RFC 9112, sections 4 and 6. SPDX-License-Identifier: ISC */
#include "pcap-tests/http.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The value of a field, or NULL; the header ends with an empty line. */
static const char *field(const char *header, const char *end, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = header; line < end;) {
		const char *next = memchr(line, '\n', (size_t)(end - line));

		if (!next)
			return NULL;
		if ((size_t)(next - line) > n && strncasecmp(line, name, n) == 0 && line[n] == ':')
			return line + n + 1;
		line = next + 1;
	}
	return NULL;
}

int http_next(struct http_response *r, const uint8_t *stream, uint32_t length, bool ended,
              bool head)
{
	const char *s = (const char *)stream;
	const char *end = memmem(s, length, "\r\n\r\n", 4);

	if (length >= 8 && memcmp(s, "HTTP/1.", 7) != 0)
		return -1;
	if (!end)
		return ended && length ? -1 : 0;
	end += 4;
	if (end - s < 16 || field(s, end, "Transfer-Encoding"))
		return -1;
	const char *size = field(s, end, "Content-Length");
	uint32_t header = (uint32_t)(end - s), rest = length - header;

	r->status = atoi(s + 9);
	r->body = stream + header;
	r->body_length = head || r->status == 304 || r->status == 204 ? 0 :
	                 size ? (uint32_t)strtoul(size, NULL, 10) : rest;
	r->length = header + r->body_length;
	if (r->body_length > rest)
		return ended ? -1 : 0;
	return size || head || ended ? 1 : 0;
}

int http_count(const uint8_t *stream, uint32_t length, bool ended, bool head)
{
	struct http_response r;
	int n = 0;

	while (length > 0) {
		int whole = http_next(&r, stream, length, ended, head);

		if (whole < 0)
			return -1;
		if (!whole)
			return n;
		stream += r.length;
		length -= r.length;
		n++;
	}
	return n;
}

const char *http_differs(const uint8_t *want, uint32_t want_length, const uint8_t *got,
                         uint32_t got_length, bool head)
{
	struct http_response a, b;

	while (want_length > 0) {
		if (http_next(&a, want, want_length, true, head) != 1)
			return "the recording is no HTTP";
		if (http_next(&b, got, got_length, true, head) != 1)
			return "a response is missing, cut off or no HTTP";
		if (a.status != b.status)
			return "a response has another status";
		if (a.status == 200 && (a.body_length != b.body_length ||
		                        memcmp(a.body, b.body, a.body_length) != 0))
			return "a response has another body";
		want += a.length;
		want_length -= a.length;
		got += b.length;
		got_length -= b.length;
	}
	return got_length ? "there are more responses than recorded" : NULL;
}
