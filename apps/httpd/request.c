/* apps/httpd/request.c - see request.h. SPDX-License-Identifier: ISC */
#include "apps/httpd/request.h"
#include <string.h>

/* A piece of the text. */
struct span {
	const char *p;
	size_t n;
};

static bool is(struct span s, const char *word)
{
	return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static bool is_any_case(struct span s, const char *word)
{
	if (s.n != strlen(word))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (lower(s.p[i]) != word[i])
			return false;
	return true;
}

/* Cut off and return what stands before the first `c`; *rest is what stands after it.
 * Without a `c`, everything is cut off. */
static struct span cut(struct span *rest, char c)
{
	const char *at = memchr(rest->p, c, rest->n);
	struct span s = { rest->p, at ? (size_t)(at - rest->p) : rest->n };
	size_t skip = s.n + (at != NULL);

	rest->p += skip;
	rest->n -= skip;
	return s;
}

static struct span trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* One line without its end, CRLF or LF (RFC 9112, 2.2). */
static struct span cut_line(struct span *rest)
{
	struct span line = cut(rest, '\n');

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* RFC 9110, 5.6.2: visible characters but for "(),/:;<=>?@[\]{} and the quote; a bit for each. */
static bool is_token_character(char c)
{
	static const uint64_t bits[] = { 0x3ff6cfa00000000, 0x57ffffffc7fffffe };
	unsigned u = (unsigned char)c;

	return u < 128 && bits[u / 64] >> u % 64 & 1;
}

static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token_character(s.p[i]))
			return false;
	return s.n > 0;
}

static int method(struct request *r, struct span s)
{
	static const char *const others[] = { "POST", "PUT", "DELETE", "CONNECT", "OPTIONS",
		                              "TRACE", "PATCH" };

	if (!is_token(s))
		return 400;
	r->head = is(s, "HEAD");
	if (r->head || is(s, "GET"))
		return REQUEST_GOOD;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (is(s, others[i]))
			return 405;
	return 501;
}

static int hex(char c)
{
	c = lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode percent signs into r->path. */
static int decode(struct request *r, struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];

		if (c == '%') {
			int high = s.n - i > 2 ? hex(s.p[i + 1]) : -1;
			int low = s.n - i > 2 ? hex(s.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return 400;
			c = high << 4 | low;
			i += 2;
		}
		if (c < ' ' || c == 127)
			return 400;
		if (n == REQUEST_PATH_MAX)
			return 414;
		r->path[n++] = (char)c;
	}
	r->path[n] = '\0';
	return REQUEST_GOOD;
}

/* No part of the path may be "." or "..": files are found by name only. */
static bool has_dots(const char *path)
{
	for (const char *p = path; (p = strchr(p, '/')); p++) {
		size_t n = strcspn(p + 1, "/");

		if ((n == 1 && p[1] == '.') || (n == 2 && p[1] == '.' && p[2] == '.'))
			return true;
	}
	return false;
}

/* Origin form, or absolute form whose host is not looked at (RFC 9112, 3.2). */
static int target(struct request *r, struct span s)
{
	struct span scheme = { s.p, 7 };

	if (s.n >= 7 && is_any_case(scheme, "http://")) {
		s.p += 7;
		s.n -= 7;
		const char *slash = memchr(s.p, '/', s.n);
		if (!slash)
			return 400;
		s.n -= (size_t)(slash - s.p);
		s.p = slash;
	}
	if (s.n == 0 || s.p[0] != '/')
		return 400;
	int status = decode(r, cut(&s, '?'));
	return status == REQUEST_GOOD && has_dots(r->path) ? 400 : status;
}

static int version(struct request *r, struct span s)
{
	if (s.n != 8 || memcmp(s.p, "HTTP/", 5) != 0 || s.p[6] != '.')
		return 400;
	if (!is(s, "HTTP/1.0") && !is(s, "HTTP/1.1"))
		return 505;
	r->keep_alive = s.p[7] == '1';
	return REQUEST_GOOD;
}

static int request_line(struct request *r, struct span line)
{
	struct span m = cut(&line, ' '), t = cut(&line, ' ');
	int status = method(r, m), spoken = version(r, line);

	/* What is no HTTP has no method either. */
	if (t.n == 0 || spoken == 400)
		return 400;
	if (status == REQUEST_GOOD)
		status = spoken;
	return status == REQUEST_GOOD ? target(r, t) : status;
}

static int content_length(struct request *r, struct span value)
{
	uint32_t n = 0;

	if (value.n == 0)
		return 400;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return 400;
		n = n * 10 + (uint32_t)(value.p[i] - '0');
		if (n > REQUEST_BODY_MAX)
			return 413;
	}
	r->body = n;
	return REQUEST_GOOD;
}

static void connection(struct request *r, struct span value)
{
	while (value.n) {
		struct span option = trim(cut(&value, ','));

		if (is_any_case(option, "close"))
			r->keep_alive = false;
		else if (is_any_case(option, "keep-alive"))
			r->keep_alive = true;
	}
}

/* What the fields have said so far. */
struct seen {
	int hosts, lengths;
};

static int field(struct request *r, struct span line, struct seen *seen)
{
	size_t length = line.n;
	struct span name = cut(&line, ':'), value = trim(line);

	if (name.n == length || !is_token(name)) /* also: space before the colon, folded lines */
		return 400;
	if (is_any_case(name, "host"))
		seen->hosts++;
	if (is_any_case(name, "transfer-encoding"))
		return 501;
	if (is_any_case(name, "content-length"))
		return seen->lengths++ ? 400 : content_length(r, value);
	if (is_any_case(name, "connection"))
		connection(r, value);
	return REQUEST_GOOD;
}

/* Length of the head with its empty line, 0 if that is not there. Empty lines before the
 * request line belong to it (RFC 9112, 2.2). */
static size_t head_length(const char *text, size_t n)
{
	const char *line = text, *end;
	bool begun = false;

	while ((end = memchr(line, '\n', n - (size_t)(line - text)))) {
		bool empty = end == line || (end == line + 1 && *line == '\r');

		line = end + 1;
		if (empty && begun)
			return (size_t)(line - text);
		begun |= !empty;
	}
	return 0;
}

int request_parse(struct request *r, const char *text, size_t n, size_t *used)
{
	struct seen seen = { 0, 0 };
	size_t length = head_length(text, n < REQUEST_HEAD_MAX ? n : REQUEST_HEAD_MAX);
	struct span rest = { text, length }, line;

	if (length == 0)
		return n < REQUEST_HEAD_MAX ? REQUEST_MORE : 431;
	*r = (struct request){ 0 };
	do {
		line = cut_line(&rest);
	} while (line.n == 0);
	bool is_11 = line.n >= 3 && memcmp(line.p + line.n - 3, "1.1", 3) == 0;
	int status = request_line(r, line);
	while (status == REQUEST_GOOD && (line = cut_line(&rest)).n)
		status = field(r, line, &seen);
	if (status == REQUEST_GOOD && (seen.hosts > 1 || (is_11 && seen.hosts == 0)))
		status = 400;
	*used = length;
	return status;
}
