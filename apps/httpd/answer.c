/* apps/httpd/answer.c - see answer.h. SPDX-License-Identifier: ISC */
#include "apps/httpd/answer.h"
#include <string.h>
#include "apps/httpd/tar.h"
#include "libnet/decimal.h"

static const char *reason(int status)
{
	static const struct { int status; const char *text; } reasons[] = {
		{ 200, "OK" }, { 400, "Bad Request" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 408, "Request Timeout" },
		{ 413, "Content Too Large" }, { 414, "URI Too Long" },
		{ 431, "Request Header Fields Too Large" }, { 501, "Not Implemented" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Error";
}

static const char *content_type(const char *path)
{
	static const struct { const char *ending, *type; } types[] = {
		{ ".html", "text/html; charset=utf-8" }, { ".css", "text/css" },
		{ ".js", "text/javascript" }, { ".svg", "image/svg+xml" },
		{ ".png", "image/png" }, { ".txt", "text/plain; charset=utf-8" },
		{ ".json", "application/json" }, { ".ico", "image/x-icon" },
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
		if (strcmp(dot, types[i].ending) == 0)
			return types[i].type;
	return "application/octet-stream";
}

/* The head is written by hand: printf takes longer than the rest of an answer. */
static void append(struct answer *a, const char *text)
{
	size_t n = strlen(text), room = ANSWER_HEAD_MAX - a->length;

	n = n < room ? n : room;
	memcpy(a->text + a->length, text, n);
	a->length += n;
}

static void append_number(struct answer *a, size_t v)
{
	char digits[DECIMAL_MAX];

	append(a, decimal(digits, v));
}

static void set_body(struct answer *a, const char *body, size_t length)
{
	bool fits = length <= ANSWER_TEXT_MAX - a->length;

	a->body = body;
	a->body_length = fits ? 0 : length;
	if (fits) {
		memcpy(a->text + a->length, body, length);
		a->length += length;
	}
}

static void compose(struct answer *a, int status, const char *type, const char *body,
                    size_t length, bool only_head)
{
	a->status = status;
	a->length = 0;
	append(a, "HTTP/1.1 ");
	append_number(a, (size_t)status);
	append(a, " ");
	append(a, reason(status));
	append(a, "\r\nServer: exonet\r\nContent-Type: ");
	append(a, type);
	append(a, "\r\nContent-Length: ");
	append_number(a, length);
	append(a, status == 405 ? "\r\nAllow: GET, HEAD" : "");
	append(a, a->closing ? "\r\nConnection: close\r\n\r\n"
	                     : "\r\nConnection: keep-alive\r\n\r\n");
	set_body(a, body, only_head ? 0 : length);
}

void answer_error(struct answer *a, int status, bool only_head)
{
	const char *text = reason(status);

	a->closing |= status != 404;
	compose(a, status, "text/plain; charset=utf-8", text, strlen(text), only_head);
}

static void answer_file(const struct answers *s, struct answer *a, const struct request *r)
{
	struct tar_file file;
	char path[REQUEST_PATH_MAX + sizeof "index.html"];
	size_t n = strlen(r->path);

	memcpy(path, r->path, n + 1);
	if (path[n - 1] == '/')
		strcpy(path + n, "index.html");
	if (tar_find(s->archive, s->size, path, &file))
		compose(a, 200, content_type(path), file.data, file.size, r->head);
	else
		answer_error(a, 404, r->head);
}

static void copy(struct answer *to, const struct answer *from)
{
	memcpy(to, from, offsetof(struct answer, text) + from->length);
}

/* The answer that was given to these bytes: a head ends where it ends, whatever follows. */
static const struct answer *find(const struct answers *s, const char *text, size_t n, size_t *used)
{
	for (int i = 0; i < ANSWERS_KEPT; i++) {
		size_t length = s->kept[i].length;

		if (length && length <= n && memcmp(s->kept[i].request, text, length) == 0) {
			*used = length;
			return &s->kept[i].answer;
		}
	}
	return NULL;
}

static void keep(struct answers *s, const char *text, size_t length, const struct answer *a)
{
	uint32_t i = s->next++ % ANSWERS_KEPT;

	s->kept[i].length = length;
	memcpy(s->kept[i].request, text, length);
	copy(&s->kept[i].answer, a);
}

int answer_request(struct answers *s, struct answer *a, const char *text, size_t n, size_t *used,
                   uint32_t *skip)
{
	const struct answer *old = find(s, text, n, used);
	struct request r = { 0 };

	*skip = 0;
	if (old) {
		copy(a, old);
		return a->status;
	}
	int status = request_parse(&r, text, n, used);
	if (status == REQUEST_MORE)
		return status;
	a->closing = !r.keep_alive;
	if (status != REQUEST_GOOD) {
		answer_error(a, status, r.head);
		return status;
	}
	*skip = r.body;
	answer_file(s, a, &r);
	if (*used <= ANSWER_REQUEST_MAX && r.body == 0)
		keep(s, text, *used, a);
	return a->status;
}
