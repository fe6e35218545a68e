/* pcap-tests/flow.c - play the client's side of a TCP connection.
 *
 * Source: RFC 9293, RFC 7323. SPDX-License-Identifier: ISC */
#include "pcap-tests/flow.h"
#include "pcap-tests/http.h"
#include <stdlib.h>
#include <string.h>

enum { OPTION_END, OPTION_NOP, OPTION_WSCALE = 3, OPTION_STAMPS = 8 };

/* The option of this kind and length, or NULL. */
static const uint8_t *option(const struct packet *p, int kind, int length)
{
	for (uint32_t i = 0; i < p->options_length && p->options[i] != OPTION_END;) {
		const uint8_t *o = p->options + i;

		if (*o == OPTION_NOP) {
			i++;
			continue;
		}
		if (i + 1 >= p->options_length || o[1] < 2 || i + o[1] > p->options_length)
			return NULL;
		if (*o == kind && o[1] == length)
			return o;
		i += o[1];
	}
	return NULL;
}

struct flow *flow_new(const struct packet *p, enum flow_mode mode)
{
	struct flow *f = calloc(1, sizeof *f);
	uint32_t headers = (uint32_t)(p->body - p->frame);
	const uint8_t *scale = option(p, OPTION_WSCALE, 3);

	if (!f)
		return NULL;
	f->want.stream = malloc(FLOW_STREAM_MAX);
	f->got.stream = malloc(FLOW_STREAM_MAX);
	if (!f->want.stream || !f->got.stream || headers + 32 > FLOW_TEMPLATE) {
		flow_free(f);
		return NULL;
	}
	f->mode = mode;
	f->family = p->family;
	memcpy(f->client, p->src, p->family == 4 ? 4 : 16);
	f->cport = p->sport;
	f->sport = p->dport;
	memcpy(f->template, p->frame, headers);
	f->template_ip = headers;
	f->window_shift = scale && scale[2] <= 14 ? scale[2] : 0;
	f->window = p->window;
	return f;
}

void flow_free(struct flow *f)
{
	free(f->want.stream);
	free(f->got.stream);
	free(f);
}

bool flow_owns(const struct flow *f, const struct packet *p, bool from_client)
{
	return p->family == f->family && p->proto == PROTO_TCP && !p->fragment &&
	       (from_client ? p->sport : p->dport) == f->cport &&
	       (from_client ? p->dport : p->sport) == f->sport &&
	       memcmp(from_client ? p->src : p->dst, f->client, f->family == 4 ? 4 : 16) == 0;
}

/* Take the new bytes of a segment into a side's stream. False: they leave a gap. */
static bool take(struct flow_side *s, const struct packet *p)
{
	uint32_t at = p->seq - (s->isn + 1), skip = s->length - at;

	if (p->data_length == 0 || (skip < 1u << 31 && skip >= p->data_length))
		return true; /* nothing, or seen already */
	if (skip >= 1u << 31)
		return false;
	uint32_t n = p->data_length - skip;

	if (s->length + n > FLOW_STREAM_MAX)
		return false;
	memcpy(s->stream + s->length, p->data + skip, n);
	s->length += n;
	return true;
}

static void begin(struct flow_side *s, const struct packet *p)
{
	s->synack = true;
	s->isn = p->seq;
}

void flow_recorded(struct flow *f, const struct packet *p)
{
	if (p->flags & TCP_RST)
		f->want.rst = true;
	else if (p->flags & TCP_SYN)
		begin(&f->want, p);
	else if (f->want.synack && take(&f->want, p) && p->flags & TCP_FIN)
		f->want.fin = true;
}

static int responses(const struct flow *f, const struct flow_side *s)
{
	return http_count(s->stream, s->length, s->fin || s->rst, f->head);
}

bool flow_reached(const struct flow *f)
{
	if (f->got.rst || f->mode == FLOW_REFUSE)
		return f->got.rst;
	if (f->want.rst && !f->closed)
		return false;
	if (f->fin_sent && f->acked != f->snd_nxt)
		return false;
	if (f->want.synack > f->got.synack || f->want.fin > f->got.fin)
		return false;
	return f->mode == FLOW_BYTES ? f->got.length >= f->want.length :
	                               responses(f, &f->got) >= responses(f, &f->want);
}

static uint32_t rcv_nxt(const struct flow *f)
{
	return f->got.synack ? f->got.isn + 1 + f->got.length + f->got.fin : 0;
}

/* What goes into the window field, now that the server scales it or not. */
static uint16_t window(const struct flow *f, const struct packet *p)
{
	uint32_t bytes = (uint32_t)p->window << f->window_shift;

	if (f->scaled || p->flags & TCP_SYN)
		return p->window;
	return bytes > 65535 ? 65535 : (uint16_t)bytes;
}

void flow_send(struct flow *f, const struct packet *p, struct wire *w)
{
	uint8_t out[WIRE_FRAME_MAX];
	uint8_t *tcp = out + (p->body - p->frame);
	const uint8_t *stamps = option(p, OPTION_STAMPS, 10);
	uint32_t span = p->data_length + !!(p->flags & TCP_SYN) + !!(p->flags & TCP_FIN);

	if (span == 0 && !(p->flags & TCP_RST))
		return;
	memcpy(out, p->frame, p->length);
	if (p->flags & TCP_ACK)
		put32(tcp + 8, rcv_nxt(f));
	f->window = window(f, p);
	put16(tcp + 14, f->window);
	if (stamps) {
		f->tsval = get32(stamps + 2);
		if (p->flags & TCP_ACK)
			put32(out + (stamps - p->frame) + 6, f->tsecr);
	}
	if (p->seq + span - f->snd_nxt < 1u << 31 || p->flags & TCP_SYN)
		f->snd_nxt = p->seq + span;
	f->head |= p->data_length >= 5 && memcmp(p->data, "HEAD ", 5) == 0;
	f->closed |= (p->flags & (TCP_FIN | TCP_RST)) != 0;
	f->fin_sent |= (p->flags & TCP_FIN) != 0;
	packet_seal(out, p->length);
	wire_send(w, out, p->length);
	f->last_length = p->length <= FLOW_SEGMENT ? p->length : 0;
	memcpy(f->last, out, f->last_length);
}

void flow_again(struct flow *f, struct wire *w)
{
	if (f->last_length)
		wire_send(w, f->last, f->last_length);
}

/* A segment without data. */
static void send_bare(struct flow *f, struct wire *w, uint8_t flags)
{
	uint8_t out[FLOW_TEMPLATE];
	uint8_t *ip = out + ETH_LENGTH, *tcp = out + f->template_ip;
	uint32_t header = f->stamped ? 32 : 20;

	memcpy(out, f->template, f->template_ip);
	memset(tcp, 0, header);
	put16(tcp, f->cport);
	put16(tcp + 2, f->sport);
	put32(tcp + 4, f->snd_nxt);
	put32(tcp + 8, rcv_nxt(f));
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = flags;
	put16(tcp + 14, f->window);
	if (f->stamped) {
		put32(tcp + 20, 0x0101080a);
		put32(tcp + 24, f->tsval);
		put32(tcp + 28, f->tsecr);
	}
	if (f->family == 4)
		put16(ip + 2, f->template_ip - ETH_LENGTH + header);
	else
		put16(ip + 4, header);
	packet_seal(out, f->template_ip + header);
	wire_send(w, out, f->template_ip + header);
}

void flow_reset(struct flow *f, struct wire *w)
{
	if (f->got.synack && !f->got.rst)
		send_bare(f, w, TCP_RST | TCP_ACK);
}

static void accept_synack(struct flow *f, const struct packet *p)
{
	begin(&f->got, p);
	f->scaled = option(p, OPTION_WSCALE, 3) != NULL;
	f->stamped = option(p, OPTION_STAMPS, 10) != NULL;
}

/* A FIN counts once all before it is here. */
static void take_fin(struct flow *f, const struct packet *p)
{
	if (p->flags & TCP_FIN) {
		f->fin_early = true;
		f->pending_fin = p->seq + p->data_length;
	}
	if (f->fin_early && f->pending_fin == f->got.isn + 1 + f->got.length)
		f->got.fin = true;
}

const char *flow_received(struct flow *f, const struct packet *p, struct wire *w)
{
	const uint8_t *stamps = option(p, OPTION_STAMPS, 10);
	bool takes_room = p->data_length || p->flags & (TCP_SYN | TCP_FIN);

	if (stamps)
		f->tsecr = get32(stamps + 2);
	if (p->flags & TCP_RST) {
		f->got.rst = true;
		return NULL;
	}
	if (!(p->flags & TCP_ACK))
		return "a segment without an acknowledgement";
	if (p->ack - f->snd_nxt - 1 < 1u << 31)
		return "acknowledges what was never sent";
	f->acked = p->ack;
	if (p->flags & TCP_SYN && !f->got.synack)
		accept_synack(f, p);
	if (!f->got.synack)
		return "a segment before the handshake";
	if (take(&f->got, p))
		take_fin(f, p);
	if (takes_room)
		send_bare(f, w, TCP_ACK);
	return NULL;
}

const char *flow_differs(const struct flow *f)
{
	if (f->mode == FLOW_REFUSE)
		return f->got.rst && !f->got.synack ? NULL : "the port is not closed";
	if (f->want.synack != f->got.synack)
		return f->want.synack ? "the connection is refused" : "the connection is accepted";
	if (f->want.fin > f->got.fin)
		return "the server does not close";
	if (f->got.rst > f->want.rst && !(f->got.fin && f->closed))
		return "the server resets the connection";
	if (f->mode == FLOW_HTTP)
		return http_differs(f->want.stream, f->want.length, f->got.stream, f->got.length,
		                    f->head);
	if (f->got.length != f->want.length)
		return "the stream has another length";
	return memcmp(f->got.stream, f->want.stream, f->want.length) ? "the stream differs" : NULL;
}
