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
