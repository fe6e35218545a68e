/* apps/probe/main.c - what a program that shares the address can do, as tests beside a peer:
 * the gateway, on which probe_test.sh has echo services on PEER_PORT, nothing on
 * CLOSED_PORT, and datagrams to everybody and to a group, and later fragments in VLAN frames, again
 * and again. Prints TAP and ends the machine.
 * SPDX-License-Identifier: ISC */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "exo/err.h"
#include "exo/stub.h"
#include "libnet/exos/console.h"
#include "libnet/exos/exposed.h"
#include "libnet/exos/memory.h"
#include "libnet/share.h"
#include "libnet/stack.h"
#include "lwip/igmp.h"
#include "lwip/netif.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"
#include "lwip/udp.h"

enum {
	PEER_PORT = 7777, CLOSED_PORT = 9, BROADCAST_PORT = 9999, GROUP_PORT = 9998,
	ECHO_PORT = 7,
	PATIENCE_MS = 60000, /* what only a hang takes */
	TICK_MS = 100,
};

static unsigned failures;
static ip_addr_t peer;

static void report(const char *name, bool good)
{
	printf("%s %s\n", good ? "ok" : "not ok", name);
	failures += !good;
}

/* --- Waiting --- */

static unsigned ticks;

static void tick(void *unused)
{
	(void)unused;
	ticks++;
	sys_timeout(TICK_MS, tick, NULL);
}

/* Run the stack until *count reaches n, or for PATIENCE_MS. */
static bool until(const volatile unsigned *count, unsigned n)
{
	unsigned end = ticks + PATIENCE_MS / TICK_MS;

	while (*count < n && ticks < end)
		stack_turn();
	return *count >= n;
}

static bool wait_for_lease(void)
{
	unsigned end = ticks + PATIENCE_MS / TICK_MS;

	while (ip4_addr_isany(netif_ip4_gw(netif_default)) && ticks < end)
		stack_turn();
	ip_addr_copy_from_ip4(peer, *netif_ip4_gw(netif_default));
	return !ip_addr_isany(&peer);
}

/* --- Ports --- */

static bool a_taken_port_is_not_had(void)
{
	return stack_reserve(STACK_UDP, ECHO_PORT) == -E_OVERLAP &&
	       stack_reserve(STACK_TCP, ECHO_PORT) == -E_OVERLAP;
}

static bool a_released_port_is_free_again(void)
{
	for (int i = 0; i < 2; i++) {
		long port = stack_reserve(STACK_TCP, 4444);
		if (port < 0 || stack_reserve(STACK_TCP, 4444) != -E_OVERLAP)
			return false;
		stack_release(port);
	}
	return true;
}

static bool ephemeral_ports_are_reserved(void)
{
	long held[20];
	bool good = true;

	for (int i = 0; i < 20; i++) {
		uint16_t port;

		held[i] = stack_ephemeral(STACK_UDP, &port);
		good &= held[i] > 0 && port >= SHARE_PORT_EPHEMERAL &&
		        stack_reserve(STACK_UDP, port) == -E_OVERLAP;
	}
	for (int i = 0; i < 20; i++)
		stack_release(held[i]);
	return good;
}

/* --- UDP --- */

static unsigned datagrams;

static void on_datagram(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                        u16_t port)
{
	(void)arg, (void)pcb, (void)from, (void)port;
	datagrams++;
	pbuf_free(p);
}

static struct udp_pcb *open_udp(uint16_t port)
{
	struct udp_pcb *pcb = udp_new_ip_type(IPADDR_TYPE_ANY);

	udp_bind(pcb, IP_ANY_TYPE, port);
	udp_recv(pcb, on_datagram, NULL);
	datagrams = 0;
	return pcb;
}

static void send_datagram(struct udp_pcb *pcb, uint16_t port)
{
	struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, 4, PBUF_RAM);

	memcpy(p->payload, "word", 4);
	udp_sendto(pcb, p, &peer, port);
	pbuf_free(p);
}

static bool asks_from_an_ephemeral_port_and_is_answered(void)
{
	uint16_t port;
	long held = stack_ephemeral(STACK_UDP, &port);
	struct udp_pcb *pcb = open_udp(port);

	send_datagram(pcb, PEER_PORT);
	bool good = held > 0 && until(&datagrams, 1);
	udp_remove(pcb);
	stack_release(held);
	return good;
}

static bool sends_nothing_from_a_port_it_does_not_have(void)
{
	uint64_t refused = exo_info()->nic.refused;
	struct udp_pcb *pcb = open_udp(5555);
	unsigned until_refused = 0;

	send_datagram(pcb, PEER_PORT);
	for (unsigned end = ticks + 20; ticks < end && !until_refused;) {
		stack_turn();
		until_refused = exo_info()->nic.refused > refused;
	}
	udp_remove(pcb);
	return until_refused;
}

static uint64_t taken_by_us(void)
{
	uint64_t frames = 0;

	for (int i = 0; i < EXO_FILTER_MAX; i++)
		if (exo_filters()[i].owner == exo_self())
			frames += exo_filters()[i].frames;
	return frames;
}

/* Nothing but the error can come to this port. */
static bool errors_come_to_whose_packet_they_quote(void)
{
	uint16_t port;
	uint64_t before = taken_by_us();
	long held = stack_ephemeral(STACK_UDP, &port);
	struct udp_pcb *pcb = open_udp(port);

	send_datagram(pcb, CLOSED_PORT);
	for (unsigned end = ticks + 100; ticks < end && taken_by_us() == before;)
		stack_turn();
	bool good = taken_by_us() > before && datagrams == 0;
	udp_remove(pcb);
	stack_release(held);
	return good;
}

/* --- Groups --- */

static bool hears(uint16_t port)
{
	long held = stack_subscribe(port);
	struct udp_pcb *pcb = open_udp(port);
	bool good = held > 0 && until(&datagrams, 3);

	udp_remove(pcb);
	stack_release(held);
	return good;
}

static bool hears_what_is_sent_to_everybody(void) { return hears(BROADCAST_PORT); }

static bool hears_a_group_that_it_joined(void)
{
	ip4_addr_t group;

	IP4_ADDR(&group, 239, 1, 2, 3);
	return igmp_joingroup_netif(netif_default, &group) == ERR_OK && hears(GROUP_PORT);
}

/* --- Fragments --- */

static bool tagged_fragments_wait_for_their_first(void)
{
	uint64_t before = exo_info()->nic.drop[DROP_FRAGMENT];

	unsigned end = ticks + PATIENCE_MS / TICK_MS;

	while (ticks < end && exo_info()->nic.drop[DROP_FRAGMENT] < before + 4)
		stack_turn();
	return exo_info()->nic.drop[DROP_FRAGMENT] >= before + 4;
}

/* --- TCP --- */

static unsigned bytes, connected, ended;

static err_t on_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	(void)arg, (void)error;
	if (!p) {
		ended++;
		return ERR_OK;
	}
	bytes += p->tot_len;
	tcp_recved(pcb, p->tot_len);
	pbuf_free(p);
	return ERR_OK;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
	(void)arg, (void)error;
	connected++;
	return tcp_write(pcb, "word", 4, TCP_WRITE_FLAG_COPY);
}

static void on_error(void *arg, err_t error)
{
	(void)arg;
	ended += error != ERR_OK;
}

static struct tcp_pcb *connect_from(uint16_t port, uint16_t to)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V4);

	bytes = connected = ended = 0;
	tcp_bind(pcb, IP4_ADDR_ANY, port);
	tcp_recv(pcb, on_receive);
	tcp_err(pcb, on_error);
	tcp_connect(pcb, &peer, to, on_connected);
	return pcb;
}

static bool connects_from_an_ephemeral_port(void)
{
	uint16_t port;
	long held = stack_ephemeral(STACK_TCP, &port);
	struct tcp_pcb *pcb = connect_from(port, PEER_PORT);
	bool good = held > 0 && until(&bytes, 4) && connected == 1;

	tcp_abort(pcb);
	stack_turn();
	stack_release(held);
	return good;
}

static bool a_refusal_reaches_who_asked(void)
{
	uint16_t port;
	long held = stack_ephemeral(STACK_TCP, &port);

	connect_from(port, CLOSED_PORT);
	bool good = held > 0 && until(&ended, 1) && connected == 0;
	stack_release(held);
	return good;
}

int main(void)
{
	static const struct {
		const char *name;
		bool (*run)(void);
	} tests[] = {
#define T(name) { #name, name }
		T(a_taken_port_is_not_had), T(a_released_port_is_free_again),
		T(ephemeral_ports_are_reserved), T(asks_from_an_ephemeral_port_and_is_answered),
		T(sends_nothing_from_a_port_it_does_not_have),
		T(errors_come_to_whose_packet_they_quote), T(hears_what_is_sent_to_everybody),
		T(hears_a_group_that_it_joined), T(connects_from_an_ephemeral_port),
		T(a_refusal_reaches_who_asked), T(tagged_fragments_wait_for_their_first),
#undef T
	};

	if (stack_start() < 0)
		report("starts", false);
	tick(NULL);
	report("gets_a_lease", wait_for_lease());
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		report(tests[i].name, tests[i].run());
	sys_power(console_slot(), POWER_OFF, failures != 0);
	return 1;
}
