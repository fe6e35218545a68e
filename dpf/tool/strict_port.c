/* dpf/tool/strict_port.c - ports, and protocols by number.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/strict_parts.h"
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_MAX = 1500 }; /* of an 802.3 frame; above are EtherTypes */

struct ports {
	uint32_t lo, hi;
};

static void port_side(struct strict *x, const void *what, bool source, uint16_t yes, uint16_t no)
{
	const struct ports *w = what;

	strict_load_at(x, STRICT_TRANSPORT, 2, source ? 0 : 2);
	if (w->lo == w->hi) {
		code_if(x->c, BPF_JEQ, w->lo, yes, no);
		return;
	}
	code_if(x->c, BPF_JGE, w->lo, FALL, no);
	code_if(x->c, BPF_JGT, w->hi, no, yes);
}

/* One port, in figures or by its name in services(5). */
static bool read_port(const char *s, size_t n, uint32_t *port)
{
	char text[64];
	char *end;

	if (n == 0 || n >= sizeof text)
		return false;
	memcpy(text, s, n);
	text[n] = 0;
	unsigned long v = strtoul(text, &end, 0);
	struct servent *e = *end ? getservbyname(text, NULL) : NULL;
	*port = e ? ntohs((uint16_t)e->s_port) : (uint32_t)v;
	return e || (*end == 0 && v <= UINT16_MAX);
}

static bool read_ports(const struct node *n, struct ports *w)
{
	const char *s = n->token.at, *dash = memchr(s, '-', n->token.length);
	size_t length = n->token.length;

	if (!token_is(&n->q.type, "portrange") || !dash) {
		bool good = read_port(s, length, &w->lo);
		w->hi = w->lo;
		return good;
	}
	if (!read_port(s, (size_t)(dash - s), &w->lo) ||
	    !read_port(dash + 1, length - (size_t)(dash - s) - 1, &w->hi))
		return false;
	if (w->lo > w->hi) /* either order, as in libpcap */
		*w = (struct ports){ w->hi, w->lo };
	return true;
}

void strict_port(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	const struct protocol *p = n->q.proto.kind == TOKEN_END ? NULL : strict_protocol(&n->q.proto);
	uint16_t right = code_label(x->c);
	struct ports w;

	if (!read_ports(n, &w)) {
		strict_refuse(x, &n->token, "strict meaning: unknown port");
		return;
	}
	if (n->q.proto.kind != TOKEN_END &&
	    (!p || (p->number != TCP && p->number != UDP && p->number != SCTP))) {
		strict_refuse(x, &n->q.proto, "strict meaning: this protocol has no ports");
		return;
	}
	strict_load_slot(x, STRICT_TRANSPORT);
	code_if(x->c, BPF_JEQ, 0, no, FALL);
	strict_load_slot(x, STRICT_PROTO);
	if (p) {
		code_if(x->c, BPF_JEQ, p->number, FALL, no);
	} else {
		code_if(x->c, BPF_JEQ, TCP, right, FALL);
		code_if(x->c, BPF_JEQ, UDP, right, FALL);
		code_if(x->c, BPF_JEQ, SCTP, right, no);
	}
	code_place(x->c, right);
	strict_sides(x, n, port_side, &w, yes, no);
}

/* `geneve`, `geneve VNI`: RFC 8926, section 3.4, version 0. What it carries is not looked into. */
void strict_geneve(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	enum { PORT = 6081, VERSION = 0xc0 };
	const struct protocol udp = { .number = UDP, .ip4 = true, .ip6 = true };

	strict_need(x, &udp, no);
	strict_load_slot(x, STRICT_TRANSPORT);
	code_if(x->c, BPF_JEQ, 0, no, FALL);
	strict_load_at(x, STRICT_TRANSPORT, 2, 2);
	code_if(x->c, BPF_JEQ, PORT, FALL, no);
	strict_load_at(x, STRICT_TRANSPORT, 1, 8);
	code_if(x->c, BPF_JSET, VERSION, no, n->has_value ? FALL : yes);
	if (!n->has_value)
		return;
	strict_load_at(x, STRICT_TRANSPORT, 4, 12);
	code_put(x->c, BPF_ALU | BPF_RSH, 8);
	code_if(x->c, BPF_JEQ, n->value, yes, no);
}

/* Headers that are looked through can be followed by a protocol, but are none. */
static bool is_looked_through(uint32_t number)
{
	return number == 0 || number == 43 || number == 44 || number == 60;
}

/* [ether|ip|ip6] proto NUMBER or NAME; and protochain, which means the same here: the protocol
 * behind the extension headers. */
void strict_proto(struct strict *x, const struct node *n, uint16_t yes, uint16_t no)
{
	struct token name = n->token;
	bool ether = token_is(&n->q.proto, "ether") || token_is(&n->q.proto, "link");
	struct protocol p = { .number = name.value };

	if (name.kind == TOKEN_NAME) {
		name.at += *name.at == '\\';
		name.length -= name.at != n->token.at;
		name.kind = TOKEN_WORD;
		const struct protocol *named = strict_protocol(&name);
		if (ether && !named && strict_without_type(x, &name, yes, no))
			return;
		if (!named || ether == (named->ip4 || named->ip6)) {
			strict_refuse(x, &n->token, "strict meaning: unknown protocol");
			return;
		}
		p.number = named->number;
	} else if (name.kind != TOKEN_NUMBER) {
		strict_refuse(x, &n->token, "strict meaning: unknown protocol");
		return;
	}
	if (ether && p.number <= LENGTH_MAX) { /* below EtherTypes: a SAP, as in libpcap */
		strict_sap(x, p.number, yes, no);
		return;
	}
	if (!ether) {
		bool any = n->q.proto.kind == TOKEN_END;

		p.ip4 = any || token_is(&n->q.proto, "ip");
		p.ip6 = any || token_is(&n->q.proto, "ip6") || token_is(&n->q.proto, "ipv6");
		if (!p.ip4 && !p.ip6) {
			strict_refuse(x, &n->q.proto, "strict meaning: only of ether, ip and ip6");
			return;
		}
	}
	if (token_is(&n->q.type, "protochain") && p.ip6 && is_looked_through(p.number)) {
		strict_refuse(x, &n->token, "strict meaning: extension headers are looked through");
		return;
	}
	strict_need(x, &p, no);
	code_goto(x->c, yes);
}
