/* libnet/session.c - see session.h. SPDX-License-Identifier: ISC */
#include "libnet/session.h"

enum { POLL_INTERVAL = 2 }; /* tcp_poll's unit is half a second */

bool session_listen(uint16_t port, uint8_t backlog, tcp_accept_fn accept)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_ANY);

	if (!pcb || tcp_bind(pcb, IP_ANY_TYPE, port) != ERR_OK)
		return false;
	pcb = tcp_listen_with_backlog(pcb, backlog);
	if (!pcb)
		return false;
	tcp_accept(pcb, accept);
	return true;
}

void session_open(struct tcp_pcb *pcb, void *arg, const struct session_events *e)
{
	tcp_arg(pcb, arg);
	tcp_recv(pcb, e->receive);
	tcp_sent(pcb, e->sent);
	tcp_err(pcb, e->error);
	tcp_poll(pcb, e->poll, POLL_INTERVAL);
	tcp_nagle_disable(pcb);
}

static unsigned pieces; /* held by all connections */

err_t session_hold(struct pbuf **held, struct pbuf *p)
{
	unsigned had = *held ? pbuf_clen(*held) : 0, more = pbuf_clen(p);

	if (had >= SESSION_FEW && (had + more > SESSION_PIECES || pieces + more > SESSION_ALL))
		return ERR_MEM;
	pieces += more;
	if (*held)
		pbuf_cat(*held, p);
	else
		*held = p;
	return ERR_OK;
}

void session_release(struct pbuf **held, uint16_t n)
{
	unsigned had = pbuf_clen(*held);

	*held = pbuf_free_header(*held, n);
	pieces -= had - (*held ? pbuf_clen(*held) : 0u);
}

void session_release_all(struct pbuf **held)
{
	if (!*held)
		return;
	pieces -= pbuf_clen(*held);
	pbuf_free(*held);
	*held = NULL;
}

static void detach(struct tcp_pcb *pcb)
{
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_poll(pcb, NULL, 0);
	tcp_err(pcb, NULL);
}

err_t session_close(struct tcp_pcb *pcb)
{
	detach(pcb);
	if (tcp_close(pcb) == ERR_OK)
		return ERR_OK;
	tcp_abort(pcb);
	return ERR_ABRT;
}

err_t session_abort(struct tcp_pcb *pcb)
{
	detach(pcb);
	tcp_abort(pcb);
	return ERR_ABRT;
}
