/* apps/httpd/server.c - see server.h. SPDX-License-Identifier: ISC */
#include "apps/httpd/server.h"
#include <string.h>
#include "apps/httpd/answer.h"
#include "libnet/session.h"

enum {
	BACKLOG = 32,
};

/* A connection. Bytes that have come in wait in `in`, and behind it in `more`, which keeps
 * the peer's window shut; the answer being sent is what is left of its text and of `body`. */
struct connection {
	struct tcp_pcb *pcb; /* NULL: free */
	size_t in_used;
	struct pbuf *more;
	uint32_t skip;       /* bytes of a request's body still to come */
	size_t sent;         /* of the answer's text */
	bool lingering;      /* our side has ended */
	bool eof;            /* the peer has no more to say */
	uint16_t idle;       /* seconds without progress */
	struct answer answer;
	char in[REQUEST_HEAD_MAX];
};

static struct {
	struct answers answers;
	struct connection connection[SERVER_CONNECTIONS];
} server;

static void consume(struct connection *c, size_t n)
{
	c->in_used -= n;
	if (c->in_used)
		memmove(c->in, c->in + n, c->in_used);
}

static bool is_answering(const struct connection *c)
{
	return c->sent < c->answer.length || c->answer.body_length > 0;
}

/* Take the next request, if it is all there and the last one is answered. Returns whether
 * any bytes were used. */
static bool next_request(struct connection *c)
{
	size_t used, skip = c->skip < c->in_used ? c->skip : c->in_used;

	if (skip)
		consume(c, skip);
	c->skip -= (uint32_t)skip;
	if (c->in_used == 0 || is_answering(c) || c->answer.closing || c->skip)
		return skip > 0;
	int status = answer_request(&server.answers, &c->answer, c->in, c->in_used, &used, &c->skip);
	if (status == REQUEST_MORE)
		return skip > 0;
	consume(c, status == 200 || status == 404 ? used : c->in_used);
	c->sent = 0;
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
	session_release(&c->more, n);
	tcp_recved(c->pcb, n);
}

/* Give up the connection's memory. Returns lwIP's part of it. */
static struct tcp_pcb *forget(struct connection *c)
{
	struct tcp_pcb *pcb = c->pcb;

	c->pcb = NULL;
	session_release_all(&c->more);
	return pcb;
}

/* Hand what fits of text[0, n) to lwIP. The body is sent from where it lies, the text
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

	struct answer *a = &c->answer;

	if (c->sent < a->length)
		c->sent += push(c->pcb, a->text + c->sent, a->length - c->sent,
		                TCP_WRITE_FLAG_COPY | (a->body_length ? TCP_WRITE_FLAG_MORE : 0));
	while (c->sent == a->length && a->body_length > 0) {
		n = push(c->pcb, a->body, a->body_length < 0xffff ? a->body_length : 0xffff, 0);
		if (n == 0)
			break;
		a->body += n;
		a->body_length -= n;
	}
}

/* Nothing more is read from it. */
static void discard(struct connection *c)
{
	if (!c->more)
		return;
	tcp_recved(c->pcb, c->more->tot_len);
	session_release_all(&c->more);
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
	} while (used && !is_answering(c) && !c->answer.closing);
	tcp_output(c->pcb);
	return (c->answer.closing || c->eof) && !is_answering(c) ? end_connection(c) : ERR_OK;
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
	if (session_hold(&c->more, p) != ERR_OK)
		return ERR_MEM;
	if (c->in_used == 0 && c->skip == 0)
		c->idle = 0; /* a request begins */
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
	if (is_answering(c))
		return c->idle >= SERVER_STALL_S ? session_abort(forget(c)) : advance(c);
	if (c->in_used > 0 && c->idle >= SERVER_REQUEST_S) {
		answer_error(&c->answer, 408, false);
		c->sent = 0;
		return advance(c);
	}
	/* A body is late when it was answered already. */
	return c->idle >= (c->skip ? SERVER_REQUEST_S : SERVER_IDLE_S) ? session_close(forget(c)) : ERR_OK;
}

/* A free place, or that of the connection which has made no progress for longest. */
static struct connection *place(void)
{
	struct connection *idlest = server.connection;

	for (size_t i = 0; i < SERVER_CONNECTIONS; i++) {
		struct connection *c = &server.connection[i];

		if (!c->pcb)
			return c;
		if (c->idle > idlest->idle)
			idlest = c;
	}
	if (idlest->idle < SERVER_YIELD_S)
		return NULL;
	session_abort(forget(idlest));
	return idlest;
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t error)
{
	static const struct session_events events = { on_receive, on_sent, on_error, on_poll };

	(void)arg;
	if (error != ERR_OK || !pcb)
		return ERR_VAL;
	struct connection *c = place();
	if (!c) {
		tcp_abort(pcb);
		return ERR_ABRT;
	}
	memset(c, 0, offsetof(struct connection, answer.text));
	c->pcb = pcb;
	session_open(pcb, c, &events);
	return ERR_OK;
}

bool server_start(const char *archive, size_t size, uint16_t port)
{
	server.answers.archive = archive;
	server.answers.size = size;
	return session_listen(port, BACKLOG, on_accept);
}
