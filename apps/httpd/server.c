/* apps/httpd/server.c - see server.h. SPDX-License-Identifier: ISC */
#include "apps/httpd/server.h"
#include <string.h>
#include "apps/httpd/request.h"
#include "apps/httpd/tar.h"
#include "libnet/session.h"

enum {
	HEAD_MAX = 256,     /* bytes of an answer's head */
	BACKLOG = 32,
};

/* A connection. Bytes that have come in wait in `in`, and behind it in `more`, which keeps
 * the peer's window shut; the answer being sent is what is left of `head` and of `body`. */
struct connection {
	struct tcp_pcb *pcb; /* NULL: free */
	char in[REQUEST_HEAD_MAX];
	size_t in_used;
	struct pbuf *more;
	uint32_t skip;       /* bytes of a request's body still to come */
	char head[HEAD_MAX];
	size_t head_sent, head_length;
	const char *body;
	size_t body_length;
	bool closing;        /* close once the answer is sent */
	bool lingering;      /* our side has ended */
	bool eof;            /* the peer has no more to say */
	uint16_t idle;       /* seconds without progress */
};

static struct {
	const char *archive;
	size_t size;
	struct connection connection[SERVER_CONNECTIONS];
	struct server_counts counts;
} server;

const struct server_counts *server_counts(void) { return &server.counts; }

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
static void append(struct connection *c, const char *text)
{
	size_t n = strlen(text), room = sizeof c->head - c->head_length;

	n = n < room ? n : room;
	memcpy(c->head + c->head_length, text, n);
	c->head_length += n;
}

static void append_number(struct connection *c, size_t v)
{
	char digits[24];
	size_t at = sizeof digits - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + v % 10);
	} while (v /= 10);
	append(c, digits + at);
}

static void set_answer(struct connection *c, int status, const char *type, const char *body,
                       size_t length, bool only_head)
{
	c->head_sent = c->head_length = 0;
	append(c, "HTTP/1.1 ");
	append_number(c, (size_t)status);
	append(c, " ");
	append(c, reason(status));
	append(c, "\r\nServer: exonet\r\nContent-Type: ");
	append(c, type);
	append(c, "\r\nContent-Length: ");
	append_number(c, length);
	append(c, status == 405 ? "\r\nAllow: GET, HEAD" : "");
	append(c, c->closing ? "\r\nConnection: close\r\n\r\n"
	                     : "\r\nConnection: keep-alive\r\n\r\n");
	c->body = body;
	c->body_length = only_head ? 0 : length;
	server.counts.requests++;
	server.counts.errors += status >= 400;
}

/* An error is answered in words; all but 404 end the connection. */
static void set_error(struct connection *c, int status, bool only_head)
{
	const char *text = reason(status);

	c->closing |= status != 404;
	set_answer(c, status, "text/plain; charset=utf-8", text, strlen(text), only_head);
}

static void answer(struct connection *c, const struct request *r)
{
	struct tar_file file;
	char path[REQUEST_PATH_MAX + sizeof "index.html"];
	size_t n = strlen(r->path);

	memcpy(path, r->path, n + 1);
	if (path[n - 1] == '/')
		strcpy(path + n, "index.html");
	if (tar_find(server.archive, server.size, path, &file))
		set_answer(c, 200, content_type(path), file.data, file.size, r->head);
	else
		set_error(c, 404, r->head);
}

static void consume(struct connection *c, size_t n)
{
	c->in_used -= n;
	memmove(c->in, c->in + n, c->in_used);
}

static bool is_answering(const struct connection *c)
{
	return c->head_sent < c->head_length || c->body_length > 0;
}

/* Take the next request, if it is all there and the last one is answered. Returns whether
 * any bytes were used. */
static bool next_request(struct connection *c)
{
	struct request r = { 0 };
	size_t used, skip = c->skip < c->in_used ? c->skip : c->in_used;

	consume(c, skip);
	c->skip -= (uint32_t)skip;
	if (is_answering(c) || c->closing || c->skip)
		return skip > 0;
	int status = request_parse(&r, c->in, c->in_used, &used);
	if (status == REQUEST_MORE)
		return skip > 0;
	if (status != REQUEST_GOOD) {
		c->in_used = 0;
		set_error(c, status, r.head);
		return true;
	}
	consume(c, used);
	c->skip = r.body;
	c->closing = !r.keep_alive;
	answer(c, &r);
	return true;
}

/* Move what fits from `more` to `in`. */
static void refill(struct connection *c)
{
	size_t room = sizeof c->in - c->in_used;

	if (!c->more || room == 0)
		return;
	u16_t n = c->more->tot_len < room ? c->more->tot_len : (u16_t)room;
	pbuf_copy_partial(c->more, c->in + c->in_used, n, 0);
	c->in_used += n;
	c->more = pbuf_free_header(c->more, n);
	tcp_recved(c->pcb, n);
}

/* Give up the connection's memory. Returns lwIP's part of it. */
static struct tcp_pcb *forget(struct connection *c)
{
	struct tcp_pcb *pcb = c->pcb;

	c->pcb = NULL;
	if (c->more)
		pbuf_free(c->more);
	c->more = NULL;
	return pcb;
}

/* Hand what fits of text[0, n) to lwIP. The body is sent from where it lies, the head
 * from lwIP's copy. Returns how many bytes went. */
static size_t push(struct tcp_pcb *pcb, const char *text, size_t n, uint8_t flags)
{
	size_t room = tcp_sndbuf(pcb);

	n = n < room ? n : room;
	if (n == 0 || tcp_sndqueuelen(pcb) >= TCP_SND_QUEUELEN - 1)
		return 0;
	return tcp_write(pcb, text, (u16_t)n, flags) == ERR_OK ? n : 0;
}

static void send_answer(struct connection *c)
{
	size_t n;

	if (c->head_sent < c->head_length)
		c->head_sent += push(c->pcb, c->head + c->head_sent, c->head_length - c->head_sent,
		                     TCP_WRITE_FLAG_COPY | (c->body_length ? TCP_WRITE_FLAG_MORE : 0));
	while (c->head_sent == c->head_length && c->body_length > 0) {
		n = push(c->pcb, c->body, c->body_length < 0xffff ? c->body_length : 0xffff, 0);
		if (n == 0)
			break;
		c->body += n;
		c->body_length -= n;
	}
}

/* Nothing more is read from it. */
static void discard(struct connection *c)
{
	if (!c->more)
		return;
	tcp_recved(c->pcb, c->more->tot_len);
	pbuf_free(c->more);
	c->more = NULL;
}

/* We are done. Closing while the peer still sends would make lwIP reset the connection, and
 * the peer lose our answer: end our side, and wait for its end (RFC 9112, 9.6). */
static err_t end_connection(struct connection *c)
{
	discard(c);
	if (c->eof)
		return session_close(forget(c));
	if (!c->lingering && tcp_shutdown(c->pcb, 0, 1) != ERR_OK)
		return session_abort(forget(c));
	if (!c->lingering)
		c->idle = 0;
	c->lingering = true;
	return ERR_OK;
}

/* As far as it goes now: requests, answers, the end. */
static err_t advance(struct connection *c)
{
	bool used;

	if (c->lingering)
		return end_connection(c);
	do {
		refill(c);
		used = next_request(c);
		send_answer(c);
	} while (used && !is_answering(c) && !c->closing);
	tcp_output(c->pcb);
	return (c->closing || c->eof) && !is_answering(c) ? end_connection(c) : ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t length)
{
	struct connection *c = arg;

	(void)pcb;
	(void)length;
	c->idle = 0;
	return advance(c);
}

static err_t on_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	struct connection *c = arg;

	(void)pcb;
	(void)error;
	if (!p) {
		c->eof = true;
		return advance(c);
	}
	if (c->in_used == 0)
		c->idle = 0; /* a request begins */
	if (c->more)
		pbuf_cat(c->more, p);
	else
		c->more = p;
	return advance(c);
}

static void on_error(void *arg, err_t error)
{
	(void)error;
	forget(arg); /* lwIP has freed its part */
}

/* Once a second: nobody may hold a connection for nothing. */
static err_t on_poll(void *arg, struct tcp_pcb *pcb)
{
	struct connection *c = arg;

	(void)pcb;
	c->idle++;
	if (c->lingering)
		return c->idle >= SERVER_LINGER_S ? session_close(forget(c)) : ERR_OK;
	if (is_answering(c)) {
		if (c->idle >= SERVER_STALL_S) {
			server.counts.timeouts++;
			return session_abort(forget(c));
		}
		return advance(c);
	}
	if (c->in_used > 0 && c->idle >= SERVER_REQUEST_S) {
		server.counts.timeouts++;
		set_error(c, 408, false);
		return advance(c);
	}
	if (c->idle >= SERVER_IDLE_S) {
		server.counts.timeouts++;
		return session_close(forget(c));
	}
	return ERR_OK;
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t error)
{
	static const struct session_events events = { on_receive, on_sent, on_error, on_poll };

	(void)arg;
	if (error != ERR_OK || !pcb)
		return ERR_VAL;
	for (size_t i = 0; i < SERVER_CONNECTIONS; i++) {
		struct connection *c = &server.connection[i];

		if (c->pcb)
			continue;
		*c = (struct connection){ .pcb = pcb };
		session_open(pcb, c, &events);
		server.counts.connections++;
		return ERR_OK;
	}
	server.counts.refused++;
	tcp_abort(pcb);
	return ERR_ABRT;
}

bool server_start(const char *archive, size_t size, uint16_t port)
{
	server.archive = archive;
	server.size = size;
	return session_listen(port, BACKLOG, on_accept);
}
