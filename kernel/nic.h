/* kernel/nic.h - the network interface: bursts of frames in, checked frames out.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/ring.h"

enum {
	NIC_BURST = 32,  /* frames taken at once */
	NIC_PIECES = 16, /* physically contiguous pieces of one outgoing frame's payload */
};

/* Find the interface and start it. Sets info.nic; without one info.nic.present is 0 and
 * the calls below do nothing. */
void nic_init(void);

/* Up to n received frames, wholly in kernel memory until released. Frames of an impossible
 * length or buffer are dropped here, and counted. */
struct nic_frame {
	const uint8_t *data;
	uint32_t length;
	uint32_t buffer;
};
uint32_t nic_receive(struct nic_frame frames[], uint32_t n);
void nic_release(const struct nic_frame frames[], uint32_t n);

/* Interrupt when a frame arrives (or not). nic_listen(true) returns false if frames are
 * there already. */
bool nic_listen(bool on);

/* An outgoing frame: a header that the kernel holds, and pieces of its owner's pages. */
struct nic_piece {
	uint64_t phys;
	uint32_t length;
};

/* Who is told when the device is done with its pieces. A frame that is all header is the
 * kernel's own copy: nobody needs to know. */
struct nic_sender {
	uint32_t ring, generation;
	uint32_t first, count; /* transmit entries */
	uint32_t buffer;       /* one more than the receive buffer it was sent from; 0: none */
};

/* Room for EXO_TX_HEADER bytes of the next frame's header, and for its pieces; NULL: the device
 * is full, after all that it has sent was taken back. */
uint8_t *nic_header(void);

/* Send the header just filled, REQUIRES nic_header() before, then the n <= NIC_PIECES pieces;
 * their pages are pinned until it is done. */
void nic_send(uint32_t header_length, const struct nic_piece pieces[], uint32_t n,
              const struct nic_sender *sender);

/* Tell the device about what nic_send queued. */
void nic_flush(void);

/* Take back what the device has sent (calls ring_sent for each that had pieces). Returns how
 * many. */
uint32_t nic_reap(void);

/* Interrupt when the device has sent all there is, if somebody waits for pieces or, so says the
 * caller, for room. False: it has, already. */
bool nic_listen_sent(bool room);
