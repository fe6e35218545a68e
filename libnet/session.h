/* libnet/session.h - lwIP's raw TCP, for servers: what each of them does with a connection.
 * Layer: libnet. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lwip/tcp.h"

/* lwIP's callbacks; all get the argument of session_open. */
struct session_events {
	tcp_recv_fn receive;
	tcp_sent_fn sent;
	tcp_err_fn error;
	tcp_poll_fn poll; /* once a second */
};

/* Listen on a port of any address of both families. Returns false if lwIP has no memory for
 * it or the port is taken. */
bool session_listen(uint16_t port, uint8_t backlog, tcp_accept_fn accept);

/* Take a connection that was accepted: its callbacks, and no waiting for full segments. */
void session_open(struct tcp_pcb *, void *arg, const struct session_events *);

/* What a connection has received and nobody has read. A peer decides in how many pieces its bytes come, and
 * each piece holds a buffer of the ring or a block of the heap: who reads slowly holds a few of them always, and
 * more as long as all connections together hold less than SESSION_ALL. */
enum {
	SESSION_FEW = 4,
	SESSION_PIECES = 64, /* of one connection: more than a whole window has in full segments */
	SESSION_ALL = 384,
};

/* Put p behind what is held (*held is NULL: nothing). For the receive callback, which returns the result:
 *   ERR_OK   p is held
 *   ERR_MEM  too many pieces are; p stays lwIP's, which offers it again, and takes no more meanwhile */
err_t session_hold(struct pbuf **held, struct pbuf *p);

/* Free the first n bytes of what is held: n <= (*held)->tot_len. Free all of it, if there is any. */
void session_release(struct pbuf **held, uint16_t n);
void session_release_all(struct pbuf **held);

/* Close it, or abort it when there is no memory to close; abort it. There are no more callbacks.
 * They return what a callback must return: ERR_ABRT if lwIP must not touch it again. */
err_t session_close(struct tcp_pcb *);
err_t session_abort(struct tcp_pcb *);
