/* kernel/nic.h - the network interfaces' queue pairs: bursts of frames in, checked frames out.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "exo/ring.h"

enum {
	NIC_BURST = 32,  /* frames taken at once */
	NIC_BUFFERS = 128, /* that a pair receives to, at most */
	NIC_SHARED = 0,  /* the pair that is everybody's, by filters */
	NIC_PIECES = 16, /* physically contiguous pieces of one outgoing frame's payload */
};

/* One pair of queues, for what is received and what is sent: a device's first. */
struct nic;

/* Find the interfaces, at most EXO_PAIR_MAX, and start them. Sets info.pair[]. Returns how many
 * there are. */
uint32_t nic_init(void);

/* All that follow REQUIRE that the pair is there: info.pair[].present. */
struct nic *nic_of(uint32_t pair);

struct nic_frame {
	const uint8_t *data;
	uint32_t length;
};

/* Received frames, wholly in kernel memory until released. Frames of an impossible
 * length or buffer are dropped here, and counted. */
struct nic_burst {
	uint32_t n;
	const uint8_t *data[NIC_BURST];
	uint32_t length[NIC_BURST];
	uint16_t buffer[NIC_BURST];
};
void nic_receive(struct nic *, struct nic_burst *out);
void nic_release(struct nic *, const struct nic_burst *in);

/* Interrupt when a frame arrives (or not). nic_listen(true) returns false if frames are
 * there already. */
bool nic_listen(struct nic *, bool on);

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
uint8_t *nic_header(struct nic *);

/* Send the header just filled, REQUIRES nic_header() before: as a frame of `length` bytes ... */
void nic_send_copy(struct nic *, uint32_t length);

/* ... or with the n pieces behind it, 0 < n <= NIC_PIECES; their pages are pinned until it is
 * done. */
void nic_send(struct nic *, uint32_t header_length, const struct nic_piece pieces[],
              uint32_t n, const struct nic_sender *sender);

/* Tell the device about what nic_send queued. */
void nic_flush(struct nic *);

/* Take back what the device has sent. Calls ring_sent for each frame that had pieces; was there
 * one? */
bool nic_reap(struct nic *);

/* Interrupt when the device has sent all there is, if somebody waits for pieces or, so says the
 * caller, for room. False: it has, already. */
bool nic_listen_sent(struct nic *, bool room);
