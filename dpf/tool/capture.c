/* dpf/tool/capture.c - see capture.h. SPDX-License-Identifier: ISC */
#include "dpf/tool/capture.h"
#include <stdio.h>
#include <string.h>

enum { SNAPLEN = 262144 }; /* tcpdump's */

/* The first four bytes of a pcap file whose times count nanoseconds, in either order. */
static bool has_nanoseconds(const char *path)
{
	static const uint8_t magic[2][4] = { { 0xa1, 0xb2, 0x3c, 0x4d }, { 0x4d, 0x3c, 0xb2, 0xa1 } };
	uint8_t head[4] = { 0 };
	FILE *in = strcmp(path, "-") == 0 ? NULL : fopen(path, "r");

	if (!in)
		return false;
	size_t n = fread(head, 1, sizeof head, in);
	fclose(in);
	return n == sizeof head && (memcmp(head, magic[0], 4) == 0 || memcmp(head, magic[1], 4) == 0);
}

pcap_t *capture_open(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	unsigned precision = has_nanoseconds(path) ? PCAP_TSTAMP_PRECISION_NANO
	                                           : PCAP_TSTAMP_PRECISION_MICRO;
	pcap_t *in = pcap_open_offline_with_tstamp_precision(path, precision, error);

	if (!in)
		fprintf(stderr, "dpf: %s\n", error);
	return in;
}

pcap_t *capture_or_link(const struct options *o)
{
	if (o->capture)
		return capture_open(o->capture);
	int link = o->link ? pcap_datalink_name_to_val(o->link) : DLT_EN10MB;
	if (link < 0) {
		fprintf(stderr, "dpf: %s: no such link type\n", o->link);
		return NULL;
	}
	return pcap_open_dead(link, SNAPLEN);
}

int capture_next(pcap_t *in, const char *path, struct pcap_pkthdr **h, const uint8_t **frame)
{
	int more = pcap_next_ex(in, h, frame);

	if (more == PCAP_ERROR)
		fprintf(stderr, "dpf: %s: %s\n", path, pcap_geterr(in));
	return more == 1 ? 1 : more == PCAP_ERROR_BREAK ? 0 : -1;
}
