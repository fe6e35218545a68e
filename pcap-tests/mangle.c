/* pcap-tests/mangle.c - make malformed traffic out of real traces.
 *
 *   mangle SEED COUNT STEM... > OUT.pcap
 *
 * Takes frames that STEM's clients sent, gives them a sender of their own (MAC
 * 02:00:00:00:00:77, 10.0.2.77, fe80::77), and breaks each: cut off, grown, bits flipped, one
 * or two header bytes or words set to a boundary value; every second one with checksums that
 * are right again, so that it gets past them. The same seed gives the same frames.
 * Model: EmNetTest (most known holes of embedded stacks: 1 or 2 changes to a valid packet).
 * Layer: host tool. SPDX-License-Identifier: ISC */
#include "pcap-tests/packet.h"
#include "pcap-tests/trace.h"
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_ROOM = 2048, FRAME_MOST = 1514, STEMS_MAX = 64 };

static const uint8_t noise_mac[6] = { 2, 0, 0, 0, 0, 0x77 };
static const uint8_t noise_ip4[4] = { 10, 0, 2, 77 };
static const uint8_t noise_ip6[16] = { 0xfe, 0x80, [15] = 0x77 };

/* xorshift64 (Marsaglia 2003) */
static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32) % below;
}

static void cut(uint8_t *f, uint32_t *n, uint64_t *s)
{
	(void)f;
	*n = 1 + draw(s, *n);
}

static void grow(uint8_t *f, uint32_t *n, uint64_t *s)
{
	uint32_t to = *n + draw(s, FRAME_MOST + 1 - *n);

	for (; *n < to; ++*n)
		f[*n] = (uint8_t)draw(s, 256);
}

static void flip(uint8_t *f, uint32_t *n, uint64_t *s)
{
	for (uint32_t i = draw(s, 3); i < 3; i++)
		f[draw(s, *n)] ^= (uint8_t)(1 << draw(s, 8));
}

/* Where a header's byte is likely to be. */
static uint32_t header_byte(uint32_t n, uint64_t *s)
{
	return 12 + draw(s, n > 76 ? 64 : n - 12);
}

static void set_byte(uint8_t *f, uint32_t *n, uint64_t *s)
{
	static const uint8_t value[] = { 0, 1, 0x7f, 0x80, 0xfe, 0xff, 0x40, 0x45, 0x4f };

	f[header_byte(*n, s)] = value[draw(s, sizeof value)];
}

static void set_word(uint8_t *f, uint32_t *n, uint64_t *s)
{
	static const uint16_t value[] = { 0, 1, 19, 20, 0x5dc, 0x1fff, 0x2000, 0x3fff, 0x7fff, 0xfffe,
		                          0xffff };

	put16(f + header_byte(*n - 1, s), value[draw(s, sizeof value / sizeof *value)]);
}

static void set_two(uint8_t *f, uint32_t *n, uint64_t *s)
{
	set_byte(f, n, s);
	set_word(f, n, s);
}

static void fragment(uint8_t *f, uint32_t *n, uint64_t *s)
{
	if (*n > 34 && get16(f + 12) == ETH_IP4)
		put16(f + 20, draw(s, 0x4000));
	else
		set_byte(f, n, s);
}

static void (*const ways[])(uint8_t *f, uint32_t *n, uint64_t *s) = {
	cut, grow, flip, set_byte, set_word, set_two, fragment,
};

/* The frame as the noise's sender would send it. False: not IP or ARP, or too short. */
static bool adopt(uint8_t *f, uint32_t n)
{
	struct packet p;

	if (packet_parse(&p, f, n) || (!p.family && p.type != ETH_ARP))
		return false;
	memcpy(f + 6, noise_mac, 6);
	if (p.type == ETH_ARP)
		memcpy(f + 22, noise_mac, 6);
	if (p.family == 6)
		memcpy(f + (p.src - f), noise_ip6, 16);
	else
		memcpy(f + (p.src - f), noise_ip4, 4);
	packet_seal(f, n);
	return true;
}

/* It speaks in nobody else's name: replies to others stay what they were. */
static bool harmless(const uint8_t *f, uint32_t n)
{
	static const uint8_t others4[3] = { 10, 0, 2 }, others6[2] = { 0xfe, 0x80 };

	if (n >= 34 && memcmp(f + 26, others4, 3) == 0 && f[29] != 77)
		return false;
	if (n >= 32 && memcmp(f + 28, others4, 3) == 0 && get16(f + 12) == ETH_ARP && f[31] != 77)
		return false;
	return n < 38 || memcmp(f + 22, others6, 2) != 0 || f[37] == 0x77;
}

/* Collect the clients' frames of all traces. */
static bool collect(struct trace *all, int nstems, char **stems)
{
	char message[256];

	for (int i = 0; i < nstems; i++)
		if (!trace_read(&all[i], stems[i], true, message, sizeof message)) {
			fprintf(stderr, "mangle: %s\n", message);
			return false;
		}
	return true;
}

/* One broken frame into f; its length, 0 when this draw gave none. */
static uint32_t mangle(uint8_t *f, const struct trace *t, uint64_t *s)
{
	const struct trace_frame *from = &t->frame[draw(s, t->nframes)];
	uint32_t n = from->length;

	if (n > FRAME_MOST || n < 42 || memcmp(from->data + 6, t->mac, 6) == 0)
		return 0;
	memcpy(f, from->data, n);
	if (!adopt(f, n))
		return 0;
	ways[draw(s, sizeof ways / sizeof *ways)](f, &n, s);
	if (draw(s, 2))
		packet_seal(f, n);
	return harmless(f, n) ? n : 0;
}

int main(int argc, char **argv)
{
	static struct trace all[STEMS_MAX];
	uint8_t f[FRAME_ROOM];
	struct pcap_pkthdr h = { .ts.tv_sec = 0 };
	int nstems = argc - 3;

	if (nstems < 1 || nstems > STEMS_MAX || !collect(all, nstems, argv + 3)) {
		fprintf(stderr, "usage: mangle SEED COUNT STEM... > OUT.pcap\n");
		return 2;
	}
	uint64_t state = strtoull(argv[1], NULL, 10) * 2654435761u + 1;
	pcap_t *p = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *out = pcap_dump_fopen(p, stdout);

	for (long left = atol(argv[2]); left > 0;) {
		h.len = h.caplen = mangle(f, &all[draw(&state, (uint32_t)nstems)], &state);
		if (h.len == 0)
			continue;
		pcap_dump((u_char *)out, &h, f);
		left--;
	}
	pcap_dump_close(out);
	pcap_close(p);
	for (int i = 0; i < nstems; i++)
		trace_free(&all[i]);
	return 0;
}
