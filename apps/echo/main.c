/* apps/echo/main.c - the echo service, UDP and TCP on port 7 (RFC 862).
 *
 * Given an object file, it is the handler for datagrams, or the SYN proxy for connections: what it
 * does not answer comes here.
 * A datagram goes out from the buffer it came in. Over TCP the peer's window opens
 * as its bytes go back, so that a peer that does not read cannot make us hold more.
 * SPDX-License-Identifier: ISC */
#include <stdbool.h>
#include <stdio.h>
#include "ash/object.h"
#include "libnet/exos/args.h"
#include "libnet/handler.h"
#include "libnet/nic.h"
#include "libnet/session.h"
#include "libnet/stack.h"
#include "libnet/syn_proxy.h"
#include "lwip/udp.h"

enum {
	PORT = 7,
	BACKLOG = 16,
	CONNECTIONS = 64,
	IDLE_S = 120,      /* a connection without progress */
};

/* A connection: what has come in and has not gone back yet. */
struct connection {
	struct tcp_pcb *pcb; /* NULL: free */
	struct pbuf *held;
	uint16_t idle;       /* seconds */
	bool eof;            /* the peer has no more to say */
};

static struct connection connection[CONNECTIONS];

/* --- UDP --- */

static void on_datagram(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                        u16_t port)
{
	(void)arg;
	if (port != PORT) /* two echo services would never stop */
		udp_sendto(pcb, p, from, port);
	pbuf_free(p);
}

static bool serve_udp(void)
{
	struct udp_pcb *pcb = udp_new_ip_type(IPADDR_TYPE_ANY);

	if (!pcb || udp_bind(pcb, IP_ANY_TYPE, PORT) != ERR_OK)
		return false;
	udp_recv(pcb, on_datagram, NULL);
	return true;
}

/* --- TCP --- */

/* Give up the connection's memory. Returns lwIP's part of it. */
static struct tcp_pcb *forget(struct connection *c)
{
	struct tcp_pcb *pcb = c->pcb;

	c->pcb = NULL;
	session_release_all(&c->held);
	return pcb;
}

/* Hand lwIP what its send buffer takes; it copies, so that the bytes taken are free. */
static void send_held(struct connection *c)
{
	while (c->held) {
		struct pbuf *p = c->held;
		u16_t room = tcp_sndbuf(c->pcb), n = p->len < room ? p->len : room;

		if (n == 0 || tcp_write(c->pcb, p->payload, n, TCP_WRITE_FLAG_COPY) != ERR_OK)
			return;
		session_release(&c->held, n);
		tcp_recved(c->pcb, n);
	}
}

static err_t advance(struct connection *c)
{
	send_held(c);
	if (c->eof && !c->held)
		return session_close(forget(c));
	tcp_output(c->pcb);
	return ERR_OK;
}

static err_t on_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	struct connection *c = arg;

	(void)pcb;
	(void)error;
	if (!p)
		c->eof = true;
	else if (session_hold(&c->held, p) != ERR_OK)
		return ERR_MEM;
	c->idle = 0;
	return advance(c);
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t length)
{
	struct connection *c = arg;

	(void)pcb;
	(void)length;
	c->idle = 0;
	return advance(c);
}

static err_t on_poll(void *arg, struct tcp_pcb *pcb)
{
	struct connection *c = arg;

	(void)pcb;
	return ++c->idle >= IDLE_S ? session_abort(forget(c)) : advance(c);
}

static void on_error(void *arg, err_t error)
{
	(void)error;
	forget(arg); /* lwIP has freed its part */
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t error)
{
	static const struct session_events events = { on_receive, on_sent, on_error, on_poll };

	(void)arg;
	if (error != ERR_OK || !pcb)
		return ERR_VAL;
	for (int i = 0; i < CONNECTIONS; i++) {
		struct connection *c = &connection[i];

		if (c->pcb)
			continue;
		*c = (struct connection){ .pcb = pcb };
		session_open(pcb, c, &events);
		return ERR_OK;
	}
	tcp_abort(pcb);
	return ERR_ABRT;
}

/* The handler we were given, if any: a SYN proxy for connections, any other for datagrams. What
 * it passes on, lwIP answers. */
static void load_handler(long udp, long tcp)
{
	static struct handler handler; /* which shares no more pages with us */
	const size_t size = exos_args()->file_size;
	long error;

	if (!nic_file())
		return;
	error = syn_proxy_load(&handler, (uint32_t)tcp, EXOS_HANDLERS, nic_file(), size);
	if (handler.bad == ASH_OBJECT_NO_PROGRAM)
		error = handler_load(&handler, (uint32_t)udp, EXOS_HANDLERS, nic_file(), size, NULL);
	if (error < 0)
		printf("echo: the handler is not to be had: error %ld\n", -error);
}

int main(void)
{
	long error = stack_start(), udp, tcp;

	if (error < 0) {
		printf("echo: no interface: error %ld\n", -error);
		return 1;
	}
	if (!serve_udp() || !session_listen(PORT, BACKLOG, on_accept)) {
		printf("echo: no memory for a listener\n");
		return 1;
	}
	if ((error = udp = stack_reserve(STACK_UDP, PORT)) < 0 ||
	    (error = tcp = stack_reserve(STACK_TCP, PORT)) < 0) {
		printf("echo: port %d is not to be had: error %ld\n", PORT, -error);
		return 1;
	}
	load_handler(udp, tcp);
	for (;;)
		stack_turn();
}
