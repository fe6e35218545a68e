/* pcap-tests/wire.h - the wire to what is tested: frames out, frames in.
 * Layer: host tool. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { WIRE_FRAME_MAX = 65535 };

struct wire {
	int fd;
	bool framed; /* each frame follows its length, 4 bytes, most significant first */
	uint64_t sent;
};

/* Open "unix:PATH": listen there until QEMU's stream netdev connects, at most `seconds`; or
 * "tap:NAME": a tap device of this network namespace, made if it is absent.
 * Returns NULL, or text that says what failed (errno has the reason). */
const char *wire_open(struct wire *w, const char *spec, int seconds);

/* Send one frame of 1..WIRE_FRAME_MAX bytes. False: the other end is gone. */
bool wire_send(struct wire *w, const uint8_t *frame, uint32_t length);

/* The next frame, into frame[WIRE_FRAME_MAX]. Returns its length, 0 when there is none within
 * this many milliseconds, -1 when the other end is gone. */
int wire_receive(struct wire *w, uint8_t *frame, int milliseconds);
