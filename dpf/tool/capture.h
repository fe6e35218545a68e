/* dpf/tool/capture.h - captures to read, and link types. SPDX-License-Identifier: ISC */
#pragma once
#include <pcap/pcap.h>
#include "dpf/tool/options.h"

/* Open a capture, `-`: standard input: pcap, pcap with nanoseconds, pcapng. Times are in nanoseconds
 * if the file states a resolution finer than microseconds (of a pcapng file, the first interface),
 * else in microseconds. NULL after a message. */
pcap_t *capture_open(const char *path);

/* o's capture, or else a handle without packets, of o's link type: for compiling. NULL
 * after a message. */
pcap_t *capture_or_link(const struct options *o);

/* The next frame. 1, 0 at the end, or -1 after a message: cut off or damaged. */
int capture_next(pcap_t *in, const char *path, struct pcap_pkthdr **h, const uint8_t **frame);
