/* pcap-tests/flow.h - one recorded TCP connection, played again by its client.
 *
 * The server's sequence numbers, segments and pace are its own: what is compared is the
 * stream. A client's segment is sent when the server has come as far as it had in the
 * recording; acknowledgements are made here, for what really arrived.
 * Layer: host tool. SPDX-License-Identifier: ISC */
#pragma once
#include "pcap-tests/packet.h"
#include "pcap-tests/wire.h"

enum { FLOW_STREAM_MAX = 256 * 1024, FLOW_TEMPLATE = 160,
       FLOW_SEGMENT = 2048 };

enum flow_mode {
	FLOW_BYTES,  /* the stream is the recorded one, byte for byte */
	FLOW_HTTP,   /* as many responses, each with the recorded status; 200: and body */
	FLOW_REFUSE, /* the port is closed: RST, whatever was recorded */
};

/* What a server said: recorded, or now. */
struct flow_side {
	uint32_t isn, length;  /* bytes of stream that are here */
	bool synack, fin, rst;
	uint8_t *stream;       /* FLOW_STREAM_MAX bytes */
};

struct flow {
	enum flow_mode mode;
	uint8_t family;
	uint8_t client[16];
	uint16_t cport, sport;
	uint8_t template[FLOW_TEMPLATE]; /* the client's SYN: addresses for acknowledgements */
	uint32_t template_ip;   /* bytes of Ethernet and IP header in it */
	struct flow_side want, got;
	uint32_t snd_nxt;       /* the client's next sequence number */
	uint32_t window_shift;  /* the client's, as it announced it */
	uint16_t window;
	bool scaled, stamped;   /* the server took up window scaling, time stamps */
	uint32_t tsval, tsecr;
	bool head;              /* the client asked with HEAD: responses have no body */
	bool closed;            /* the client has sent FIN or RST */
	bool fin_sent;          /* FIN: it must be acknowledged */
	uint32_t acked;         /* by the server */
	uint32_t pending_fin;   /* sequence number of a FIN that came too early, while set */
	bool fin_early;
	uint8_t last[FLOW_SEGMENT]; /* the frame sent last, for flow_again */
	uint32_t last_length;
	struct flow *next;
};

/* A flow that begins with the client's segment p (usually its SYN). Never freed singly;
 * NULL: out of memory. */
struct flow *flow_new(const struct packet *p, enum flow_mode mode);
void flow_free(struct flow *f);

/* The segment, client's or server's, is one of this flow. */
bool flow_owns(const struct flow *f, const struct packet *p, bool from_client);

/* The server's recorded segment. */
void flow_recorded(struct flow *f, const struct packet *p);

/* The server has come as far as the recording has by now. */
bool flow_reached(const struct flow *f);

/* Send the client's recorded segment, its acknowledgement, window and time stamps shifted to
 * what the server really sent. Pure acknowledgements are not sent: flow_received makes them. */
void flow_send(struct flow *f, const struct packet *p, struct wire *w);

/* Send the last segment once more, as a client does when no answer comes. */
void flow_again(struct flow *f, struct wire *w);

/* A segment has come from the server: take it in and acknowledge what is new.
 * Returns NULL, or what is wrong with it. */
const char *flow_received(struct flow *f, const struct packet *p, struct wire *w);

/* Give it up: the server is told by a reset. */
void flow_reset(struct flow *f, struct wire *w);

/* At the end: NULL, or how the server's side differs from the recorded one. */
const char *flow_differs(const struct flow *f);
