/* pcap-tests/trace.c - read a trace and its side file. SPDX-License-Identifier: ISC */
#include "pcap-tests/trace.h"
#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_MAX = 100000 };

bool trace_identity(uint8_t mac[6], uint8_t ip4[4], const char *m, const char *a)
{
	int used = 0;

	return m && a &&
	       sscanf(m, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
	              &mac[3], &mac[4], &mac[5], &used) == 6 &&
	       m[used] == '\0' && inet_pton(AF_INET, a, ip4) == 1;
}

static bool read_ignore(struct trace *t, char **rest)
{
	for (const char *w; (w = strtok_r(NULL, " \t\n", rest));) {
		int field = packet_field(w);

		if (field < 0)
			return false;
		t->ignored |= 1u << field;
	}
	return true;
}

static bool add_port(struct trace *t, const char *proto, const char *number, enum flow_mode mode)
{
	char *end;
	bool udp = proto && strcmp(proto, "udp") == 0;
	long n = number ? strtol(number, &end, 10) : 0;

	if (!proto || (!udp && strcmp(proto, "tcp") != 0) || n < 1 || n > 65535 || *end ||
	    t->nports == TRACE_PORTS_MAX)
		return false;
	t->port[t->nports++] = (struct trace_port){ udp ? PROTO_UDP : PROTO_TCP, (uint16_t)n, mode };
	return true;
}

/* One line; false when it says nothing that is known. */
static bool read_statement(struct trace *t, char *line)
{
	char *rest, *word;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, " \t\n", &rest);
	if (!word)
		return true;
	if (strcmp(word, "ignore") == 0)
		return read_ignore(t, &rest);
	char *one = strtok_r(NULL, " \t\n", &rest), *two = strtok_r(NULL, " \t\n", &rest);

	if (strcmp(word, "appliance") == 0)
		return trace_identity(t->mac, t->ip4, one, two);
	if (strcmp(word, "http") == 0)
		return add_port(t, "tcp", one, FLOW_HTTP);
	if (strcmp(word, "refuse") == 0)
		return add_port(t, one, two, FLOW_REFUSE);
	return false;
}

static bool read_side(struct trace *t, const char *path, char *message, int size)
{
	char line[256];
	FILE *in = fopen(path, "r");
	int number = 0;
	bool good = in != NULL;

	if (!in)
		snprintf(message, (size_t)size, "cannot read %s", path);
	while (good && fgets(line, sizeof line, in)) {
		number++;
		good = read_statement(t, line);
		if (!good)
			snprintf(message, (size_t)size, "%s:%d: not understood", path, number);
	}
	if (in)
		fclose(in);
	return good;
}

static bool add_frame(struct trace *t, const uint8_t *data, uint32_t length)
{
	if (t->nframes == FRAMES_MAX || length == 0)
		return false;
	if (t->nframes % 256 == 0) {
		void *more = realloc(t->frame, (t->nframes + 256) * sizeof *t->frame);

		if (!more)
			return false;
		t->frame = more;
	}
	struct trace_frame *f = &t->frame[t->nframes];

	f->data = malloc(length);
	if (!f->data)
		return false;
	memcpy(f->data, data, length);
	f->length = length;
	t->nframes++;
	return true;
}

static bool read_frames(struct trace *t, const char *path, char *message, int size)
{
	char error[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *h;
	const uint8_t *data;
	int more;
	pcap_t *in = pcap_open_offline(path, error);

	if (!in) {
		snprintf(message, (size_t)size, "%s: %s", path, error);
		return false;
	}
	while ((more = pcap_next_ex(in, &h, &data)) == 1)
		if (h->caplen != h->len || !add_frame(t, data, h->caplen)) {
			snprintf(message, (size_t)size, "%s: a frame is cut off or one too many", path);
			break;
		}
	if (more == -1)
		snprintf(message, (size_t)size, "%s: %s", path, pcap_geterr(in));
	pcap_close(in);
	return more == -2;
}

bool trace_read(struct trace *t, const char *stem, bool side, char *message, int size)
{
	char path[4096];

	memset(t, 0, sizeof *t);
	snprintf(path, sizeof path, "%s.side", stem);
	if (side && !read_side(t, path, message, size))
		return false;
	snprintf(path, sizeof path, "%s.pcap", stem);
	return read_frames(t, path, message, size);
}

void trace_free(struct trace *t)
{
	for (uint32_t i = 0; i < t->nframes; i++)
		free(t->frame[i].data);
	free(t->frame);
	memset(t, 0, sizeof *t);
}

enum flow_mode trace_mode(const struct trace *t, uint8_t proto, uint16_t port)
{
	for (uint32_t i = 0; i < t->nports; i++)
		if (t->port[i].proto == proto && t->port[i].port == port)
			return t->port[i].mode;
	return FLOW_BYTES;
}
