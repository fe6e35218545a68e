/* pcap-tests/trace.h - a recorded trace and its side file, which says how to judge a replay.
 *
 * NAME.side is text, a line for each statement, # begins a comment:
 *
 *   appliance MAC ADDRESS      whose place is taken: frames from this MAC are the server's
 *   ignore FIELD...            fields that may differ (pcap-tests/packet.h)
 *   http PORT                  compare what this TCP port says as HTTP (pcap-tests/flow.h)
 *   refuse tcp|udp PORT        the port is closed there, whatever was recorded
 *
 * Layer: host tool. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "pcap-tests/flow.h"

enum { TRACE_PORTS_MAX = 8 };

struct trace_port {
	uint8_t proto;
	uint16_t port;
	enum flow_mode mode; /* UDP: FLOW_REFUSE only */
};

struct trace_frame {
	uint8_t *data;
	uint32_t length;
};

struct trace {
	uint8_t mac[6], ip4[4];
	uint32_t ignored;
	struct trace_port port[TRACE_PORTS_MAX];
	uint32_t nports;
	struct trace_frame *frame;
	uint32_t nframes;
};

/* Read STEM.pcap and, where it is wanted, STEM.side. False: message (bounded) says why. */
bool trace_read(struct trace *t, const char *stem, bool side, char *message, int size);
void trace_free(struct trace *t);

/* What the side file says of a port; FLOW_BYTES when it says nothing. */
enum flow_mode trace_mode(const struct trace *t, uint8_t proto, uint16_t port);

/* Parse "52:54:00:12:34:56" and "10.0.2.15". */
bool trace_identity(uint8_t mac[6], uint8_t ip4[4], const char *m, const char *a);
