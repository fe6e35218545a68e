/* ash/tool/capture.c - frames out of a capture, and into the slot that handlers see.
 * SPDX-License-Identifier: ISC
 */
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include "ash/tool/tool.h"

enum { CAPTURE_MAX = 1 << 20 };

static bool add(struct capture *c, const struct pcap_pkthdr *h, const uint8_t *bytes)
{
	if (c->n % 1024 == 0) {
		void *more = realloc(c->frame, (c->n + 1024) * sizeof *c->frame);
		if (!more)
			return false;
		c->frame = more;
	}
	struct capture_frame *f = &c->frame[c->n];
	f->length = h->caplen < SLOT_MAX ? h->caplen : SLOT_MAX;
	f->time = (uint64_t)h->ts.tv_sec * 1000000000u + (uint64_t)h->ts.tv_usec;
	f->bytes = malloc(f->length + 1u);
	if (!f->bytes)
		return false;
	memcpy(f->bytes, bytes, f->length);
	c->n++;
	return true;
}

static bool read_all(struct capture *c, pcap_t *in, const char *path)
{
	struct pcap_pkthdr *h;
	const uint8_t *bytes;
	int more;

	if (pcap_datalink(in) != DLT_EN10MB) {
		fprintf(stderr, "ash: %s: not a capture of Ethernet frames\n", path);
		return false;
	}
	while ((more = pcap_next_ex(in, &h, &bytes)) == 1 && c->n < CAPTURE_MAX)
		if (!add(c, h, bytes)) {
			fputs("ash: out of memory\n", stderr);
			return false;
		}
	if (more == PCAP_ERROR)
		fprintf(stderr, "ash: %s: %s\n", path, pcap_geterr(in));
	return more != PCAP_ERROR;
}

bool capture_read(struct capture *c, const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *in = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO,
	                                                     why);

	*c = (struct capture){ 0 };
	if (!in) {
		fprintf(stderr, "ash: %s\n", why);
		return false;
	}
	bool good = read_all(c, in, path);
	pcap_close(in);
	return good;
}

void capture_free(struct capture *c)
{
	for (uint32_t k = 0; k < c->n; k++)
		free(c->frame[k].bytes);
	free(c->frame);
}

int slot_map(struct host *h) { return host_map(h, ASH_RING, SLOT_MAX); }

struct ash_frame slot_fill(struct host *h, const struct capture_frame *f)
{
	if (f->length)
		memcpy(h->run.window + ASH_RING, f->bytes, f->length);
	return (struct ash_frame){ .at = ASH_RING,
		                   .length = f->length,
		                   .room = f->length < SLOT_ROOM ? SLOT_ROOM : f->length,
		                   .time = f->time };
}
