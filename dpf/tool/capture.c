/* dpf/tool/capture.c - see capture.h. draft-ietf-opsawg-pcap, -pcapng, on what is read here.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/capture.h"
#include "dpf/tool/complain.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SNAPLEN = 262144, /* tcpdump's */
	HEAD_MAX = 4096,
	NANO_MAGIC = (int)0xa1b23c4d, SECTION = 0x0a0d0d0a, ORDER_MAGIC = 0x1a2b3c4d,
	INTERFACE = 1, INTERFACE_OPTIONS = 16, TIME_RESOLUTION = 9,
	MICROSECONDS_10 = 6, MICROSECONDS_2 = 19, /* 10^-6; the greatest power of 2 that is no finer */
};

/* A file whose beginning has been looked at. */
struct stream {
	FILE *in;
	uint8_t head[HEAD_MAX];
	size_t n, at; /* of head: bytes, and how many of them were read */
};

static ssize_t stream_read(void *cookie, char *out, size_t size)
{
	struct stream *s = cookie;
	size_t n = s->n - s->at < size ? s->n - s->at : size;

	if (n > 0) {
		memcpy(out, s->head + s->at, n);
		s->at += n;
		return (ssize_t)n;
	}
	n = fread(out, 1, size, s->in);
	return n == 0 && ferror(s->in) ? -1 : (ssize_t)n;
}

static int stream_close(void *cookie)
{
	struct stream *s = cookie;

	if (s->in != stdin)
		fclose(s->in);
	free(s);
	return 0;
}

/* Little-endian, or big-endian. */
static uint32_t number(const uint8_t *p, int bytes, bool big)
{
	uint32_t v = 0;

	for (int i = 0; i < bytes; i++)
		v |= (uint32_t)p[i] << 8 * (big ? bytes - 1 - i : i);
	return v;
}

/* Is the resolution that these options of an interface state finer than microseconds? */
static bool options_have_nanoseconds(const uint8_t *p, size_t n, bool big)
{
	while (n >= 5) {
		uint32_t kind = number(p, 2, big), length = number(p + 2, 2, big);
		uint32_t step = 4 + (length + 3) / 4 * 4;

		if (kind == TIME_RESOLUTION && length == 1)
			return (p[4] & 0x7f) > (p[4] & 0x80 ? MICROSECONDS_2 : MICROSECONDS_10);
		if (kind == 0 || step > n)
			return false;
		p += step;
		n -= step;
	}
	return false;
}

/* A pcap file whose times count nanoseconds, or a pcapng file whose first interface's times are
 * finer than microseconds. */
static bool has_nanoseconds(const uint8_t *head, size_t n)
{
	if (n < 12)
		return false;
	if (number(head, 4, false) == (uint32_t)NANO_MAGIC || number(head, 4, true) == (uint32_t)NANO_MAGIC)
		return true;
	bool big = number(head + 8, 4, true) == ORDER_MAGIC;
	uint32_t begin = number(head + 4, 4, big);
	if (number(head, 4, false) != SECTION || begin > n || n - begin < INTERFACE_OPTIONS)
		return false;
	const uint8_t *block = head + begin;
	uint32_t length = number(block + 4, 4, big);
	if (number(block, 4, big) != INTERFACE || length > n - begin || length < INTERFACE_OPTIONS + 4)
		return false;
	return options_have_nanoseconds(block + INTERFACE_OPTIONS, length - INTERFACE_OPTIONS - 4, big);
}

static FILE *stream_open(const char *path, bool *nanoseconds)
{
	static const cookie_io_functions_t calls = { .read = stream_read, .close = stream_close };
	struct stream *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	if (s->in)
		s->n = fread(s->head, 1, sizeof s->head, s->in);
	if (s->in && !ferror(s->in)) {
		FILE *f = fopencookie(s, "r", calls);

		*nanoseconds = has_nanoseconds(s->head, s->n);
		if (f)
			return f;
	}
	if (s->in && s->in != stdin)
		fclose(s->in);
	free(s);
	return NULL;
}

pcap_t *capture_open(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	bool nanoseconds = false;
	FILE *f = stream_open(path, &nanoseconds);
	pcap_t *in = NULL;

	if (!f) {
		complain("%s: %s", path, strerror(errno));
		return NULL;
	}
	in = pcap_fopen_offline_with_tstamp_precision(f, nanoseconds ? PCAP_TSTAMP_PRECISION_NANO
	                                                 : PCAP_TSTAMP_PRECISION_MICRO, error);
	if (!in) {
		complain("%s: %s", path, error);
		fclose(f);
	}
	return in;
}

pcap_t *capture_or_link(const struct options *o)
{
	if (o->capture)
		return capture_open(o->capture);
	int link = o->link ? pcap_datalink_name_to_val(o->link) : DLT_EN10MB;
	if (link < 0) {
		complain("%s: no such link type", o->link);
		return NULL;
	}
	return pcap_open_dead(link, SNAPLEN);
}

int capture_next(pcap_t *in, const char *path, struct pcap_pkthdr **h, const uint8_t **frame)
{
	int more = pcap_next_ex(in, h, frame);

	if (more == PCAP_ERROR)
		complain("%s: %s", path, pcap_geterr(in));
	return more == 1 ? 1 : more == PCAP_ERROR_BREAK ? 0 : -1;
}
