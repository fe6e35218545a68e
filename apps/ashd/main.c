/* apps/ashd/main.c - takes handlers over the network, from who has the key (ash/load.h).
 *
 * There is no such service unless the one who boots the machine gives this program a key, as
 * its file. A frame that a handler passes on comes to lwIP here, which has no use for it.
 * SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "apps/ashd/table.h"
#include "libnet/exos/args.h"
#include "libnet/exos/random.h"
#include "libnet/nic.h"
#include "libnet/session.h"
#include "libnet/siphash.h"
#include "libnet/stack.h"

enum {
	BACKLOG = 4,
	CONNECTIONS = 4,
	PATIENCE_S = 20, /* for a whole request */
};

/* A message with its seal before it, as its code is computed. */
struct sealed_request {
	struct load_seal seal;
	struct load_request r;
};
struct sealed_body {
	struct load_seal seal;
	uint8_t bytes[];
};
struct sealed_reply {
	struct load_seal seal;
	struct load_reply reply;
};

/* A connection: how much of its request has come. */
struct connection {
	struct tcp_pcb *pcb; /* NULL: free */
	struct sealed_request head;
	uint32_t head_got, body_got, body_length;
	struct sealed_body *body; /* NULL: the head has not been vouched for */
	uint16_t age; /* seconds */
};

static struct connection connection[CONNECTIONS];
static uint64_t key[2];

static uint64_t code_of(struct load_seal *seal, const struct connection *c, enum load_sealed what,
                        size_t n)
{
	*seal = (struct load_seal){ what, { c->head.seal.nonce[0], c->head.seal.nonce[1] } };
	return siphash(key, seal, sizeof *seal + n);
}

static struct tcp_pcb *forget(struct connection *c)
{
	struct tcp_pcb *pcb = c->pcb;

	free(c->body);
	c->body = NULL;
	c->pcb = NULL;
	return pcb;
}

/* --- A request --- */

static bool ends(const char name[LOAD_NAME]) { return memchr(name, '\0', LOAD_NAME); }

/* Is the head good? Then there is room for the body. */
static bool head_done(struct connection *c)
{
	const struct load_request *r = &c->head.r;

	if (r->code != code_of(&c->head.seal, c, LOAD_IS_REQUEST, offsetof(struct load_request, code)))
		return false;
	if (r->version != LOAD_VERSION || !ends(r->name) || !ends(r->program) ||
	    r->filter > LOAD_BODY_MAX || r->object > LOAD_BODY_MAX - r->filter)
		return false;
	c->body_length = r->filter + r->object;
	c->body = malloc(sizeof *c->body + c->body_length);
	return c->body;
}

/* It is all there: do it, answer, and that is the end. */
static err_t serve(struct connection *c)
{
	static struct sealed_reply out;
	const struct load_request *r = &c->head.r;

	if (r->body_code != code_of(&c->body->seal, c, LOAD_IS_BODY, c->body_length))
		return session_abort(forget(c));
	table_do(r, c->body->bytes, &out.reply);
	out.reply.code = code_of(&out.seal, c, LOAD_IS_REPLY, offsetof(struct load_reply, code));
	if (tcp_write(c->pcb, &out.reply, sizeof out.reply, TCP_WRITE_FLAG_COPY) != ERR_OK)
		return session_abort(forget(c));
	return session_close(forget(c));
}

/* Move what is missing of `to` out of p. */
static uint16_t take(void *to, uint32_t *got, uint32_t whole, const struct pbuf *p, uint16_t at)
{
	uint32_t left = (uint32_t)p->tot_len - at, missing = whole - *got;
	uint16_t n = (uint16_t)(left < missing ? left : missing);

	pbuf_copy_partial(p, (uint8_t *)to + *got, n, at);
	*got += n;
	return n;
}

/* Returns false when the peer is not to be heard any further. */
static bool feed(struct connection *c, const struct pbuf *p)
{
	const uint32_t whole = sizeof c->head.r;
	uint16_t at = 0;

	if (c->head_got < whole)
		at = take(&c->head.r, &c->head_got, whole, p, 0);
	if (c->head_got < whole)
		return true;
	if (!c->body && !head_done(c))
		return false;
	take(c->body->bytes, &c->body_got, c->body_length, p, at);
	return true;
}

static err_t on_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	struct connection *c = arg;

	(void)error;
	if (!p)
		return session_abort(forget(c));
	bool good = feed(c, p);
	tcp_recved(pcb, p->tot_len);
	pbuf_free(p);
	if (!good)
		return session_abort(forget(c));
	return c->body && c->body_got == c->body_length ? serve(c) : ERR_OK;
}

/* --- Connections --- */

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t length)
{
	(void)arg;
	(void)pcb;
	(void)length;
	return ERR_OK;
}

static err_t on_poll(void *arg, struct tcp_pcb *pcb)
{
	struct connection *c = arg;

	(void)pcb;
	return ++c->age >= PATIENCE_S ? session_abort(forget(c)) : ERR_OK;
}

static void on_error(void *arg, err_t error)
{
	(void)error;
	forget(arg); /* lwIP has freed its part */
}

static struct connection *free_connection(void)
{
	for (int i = 0; i < CONNECTIONS; i++)
		if (!connection[i].pcb)
			return &connection[i];
	return NULL;
}

/* The oldest one of those that have not shown the key. */
static struct connection *stranger(void)
{
	struct connection *oldest = NULL;

	for (int i = 0; i < CONNECTIONS; i++)
		if (!connection[i].body && (!oldest || connection[i].age > oldest->age))
			oldest = &connection[i];
	return oldest;
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t error)
{
	static const struct session_events events = { on_receive, on_sent, on_error, on_poll };
	struct connection *c = free_connection(), *other = c ? NULL : stranger();

	(void)arg;
	if (error != ERR_OK || !pcb)
		return ERR_VAL;
	if (other) {
		session_abort(forget(other));
		c = other;
	}
	if (c)
		*c = (struct connection){ .pcb = pcb };
	if (!c || !random_key(c->head.seal.nonce)) {
		tcp_abort(pcb);
		return ERR_ABRT;
	}
	session_open(pcb, c, &events);
	tcp_write(pcb, c->head.seal.nonce, sizeof c->head.seal.nonce, TCP_WRITE_FLAG_COPY);
	return ERR_OK;
}

/* --- The key --- */

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | (c >= 'A' ? 0x20 : 0)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The file's first line: digits, two for each byte. */
static bool read_key(const char *file, size_t size)
{
	uint8_t bytes[sizeof key];

	if (size < LOAD_KEY_DIGITS || (size > LOAD_KEY_DIGITS && file[LOAD_KEY_DIGITS] != '\n'))
		return false;
	for (size_t i = 0; i < sizeof bytes; i++) {
		int high = digit(file[2 * i]), low = digit(file[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(key, bytes, sizeof key);
	return true;
}

int main(void)
{
	uint64_t any[2];
	long error = stack_start();

	if (error < 0) {
		printf("ashd: no interface: error %ld\n", -error);
		return 1;
	}
	if (!nic_file() || !read_key(nic_file(), exos_args()->file_size)) {
		printf("ashd: no key: %d hexadecimal digits in a file\n", LOAD_KEY_DIGITS);
		return 1;
	}
	if (!random_key(any)) {
		printf("ashd: no random numbers: requests could be used again\n");
		return 1;
	}
	if (!session_listen(LOAD_PORT, BACKLOG, on_accept)) {
		printf("ashd: no memory for a listener\n");
		return 1;
	}
	if ((error = stack_reserve(STACK_TCP, LOAD_PORT)) < 0) {
		printf("ashd: port %d is not to be had: error %ld\n", LOAD_PORT, -error);
		return 1;
	}
	for (;;)
		stack_turn();
}
