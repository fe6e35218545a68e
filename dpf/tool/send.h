/* dpf/tool/send.h - Ethernet frames to a network interface. SPDX-License-Identifier: ISC */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* A packet socket on an interface, or -1 after a message. Needs CAP_NET_RAW. */
int send_open(const char *interface);

/* Send a frame, again and again while the interface's queue is full; *retries counts that.
 * Returns 0 or an error number. */
int send_frame(int socket, const uint8_t *frame, size_t n, uint64_t *retries);
