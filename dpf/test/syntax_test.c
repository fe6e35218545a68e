/* dpf/test/syntax_test.c EXPRESSIONS [CASES] - our parser against libpcap's: expressions of a
 * file, joined and spoilt at random, of a fixed seed. What libpcap compiles we read, and where
 * we see an error it lies in the text. What has a strict meaning becomes a valid program, and
 * on packets without tags and extension headers accepts what libpcap does. Prints TAP.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/roll.h"
#include "dpf/tool/strict.h"
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 30000, LINES_MAX = 256, LINE_MAX_BYTES = 128, TEXT_MAX = 512, PACKETS = 6,
       SNAPLEN = 262144 };

/* In place of the system's, so that spoilt names are not asked of the network. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
	int (*system)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (!name || !strchr(name, ':'))
		return EAI_NONAME;
	memcpy(&system, &(void *){ dlsym(RTLD_NEXT, "getaddrinfo") }, sizeof system);
	return system(name, service, hints, out);
}

static char lines[LINES_MAX][LINE_MAX_BYTES];
static unsigned nlines;
static uint64_t seed = 0x13198a2e03707344;

static uint32_t roll(uint32_t n) { return roll_from(&seed, n); }

static bool read_lines(const char *path)
{
	FILE *in = fopen(path, "r");

	while (in && nlines < LINES_MAX && fgets(lines[nlines], LINE_MAX_BYTES, in)) {
		lines[nlines][strcspn(lines[nlines], "\n")] = 0;
		nlines++;
	}
	return in && fclose(in) == 0 && nlines > 0;
}

/* Take out, double or replace a few bytes, mostly at a blank. */
static void spoil(char *text)
{
	static const char *const with[] = { " ", " and ", "(", ")", "[", "]", " not ", " 80 ", "tcp ",
		"/", ":", " src ", "\\", "=", "&", "\t", "\xff", "vlan ", "4294967295 ", "-" };
	size_t n = strlen(text), at = n ? roll((uint32_t)n) : 0, cut = roll(4);
	char tail[TEXT_MAX + 1];

	while (roll(3) && at > 0 && text[at] != ' ')
		at--;
	cut = cut > n - at ? n - at : cut;
	memcpy(tail, text + at + cut, n - at - cut + 1);
	const char *w = roll(3) ? with[roll(sizeof with / sizeof *with)] : "";
	if (at + strlen(w) + strlen(tail) < TEXT_MAX)
		snprintf(text + at, TEXT_MAX - at, "%s%s", w, tail);
}

static void make(char text[TEXT_MAX])
{
	static const char *const joints[] = { " and ", " or ", " and not ", " && ", "||" };
	unsigned parts = 1 + roll(3);

	*text = 0;
	for (unsigned i = 0; i < parts; i++) {
		if (i > 0)
			strcat(text, joints[roll(sizeof joints / sizeof *joints)]);
		strcat(text, lines[roll(nlines)]);
	}
	for (unsigned i = roll(3); i > 0; i--)
		spoil(text);
}

/* Ethernet with IPv4, ARP, or LLC without SNAP inside: what both meanings see alike. */
static uint32_t random_packet(uint8_t p[128])
{
	uint32_t n = 96 + roll(32);
	bool arp = roll(6) == 0;

	for (uint32_t i = 0; i < n; i++)
		p[i] = (uint8_t)(roll(2) ? roll(4) : roll(256));
	if (roll(6) == 0) {
		p[12] = 0;
		p[14] = p[15] = (uint8_t[]){ 0x42, 0xfe, 0xf0, 0xe0, 0xff, 4 }[roll(6)];
		p[17] = (uint8_t)(0x81 + roll(3));
		return n;
	}
	p[12] = 8;
	p[13] = arp ? 6 : 0;
	if (arp)
		return n;
	p[14] = 0x45;
	p[20] = p[21] = 0;
	p[23] = (uint8_t[]){ 6, 17, 1, 132 }[roll(4)];
	for (int i = 34; i < 38; i += 2) {
		p[i] = 0;
		p[i + 1] = (uint8_t)(roll(2) ? 80 : 53);
	}
	memcpy(p + 26, (uint8_t[]){ 1, 2, 3, 4 }, 4);
	return n;
}

static bool fail(const char *what, const char *text)
{
	printf("not ok syntax - %s: %s\n", what, text);
	return false;
}

/* Words that look into tags in libpcap but move offsets, or that need what is not there. */
static bool says_alike(const char *text)
{
	static const char *const words[] = { "vlan", "mpls", "pppoe", "geneve", "byte", "protochain", "[" };

	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (strstr(text, words[i]))
			return false;
	return true;
}

static bool same_verdicts(const struct code *c, const struct bpf_program *theirs, const char *text)
{
	for (int i = 0; i < PACKETS; i++) {
		uint8_t p[128];
		uint32_t n = random_packet(p);

		bool strict = bpf_filter(c->insn, p, n, n);
		if (strict != !!bpf_filter(theirs->bf_insns, p, n, n))
			return fail("strict meaning differs where it must not", text);
	}
	return true;
}

struct counts {
	unsigned theirs, ours, strict, compared;
};

static bool check(pcap_t *dead, struct code *c, const char *text, struct counts *n)
{
	struct bpf_program program = { 0 };
	const char *message;
	struct token where;
	struct syntax s;
	bool theirs = pcap_compile(dead, &program, text, 1, 0) == 0, good = true;
	bool ours = syntax_read(&s, text);

	n->theirs += theirs;
	n->ours += ours;
	if (theirs && !ours)
		good = fail(s.message, text);
	if (!ours && (s.where.at < text || s.where.at + s.where.length > text + strlen(text)))
		good = fail("the error is not in the text", text);
	if (ours && strict_compile(c, &s, DLT_EN10MB, SNAPLEN, &message, &where)) {
		n->strict++;
		if (!bpf_validate(c->insn, (int)c->n))
			good = fail("the strict program is not valid", text);
		else if (theirs && says_alike(text)) {
			n->compared++;
			good = good && same_verdicts(c, &program, text);
		}
	}
	syntax_free(&s);
	if (theirs)
		pcap_freecode(&program);
	return good;
}

int main(int argc, char **argv)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, SNAPLEN);
	int cases = argc > 2 ? atoi(argv[2]) : CASES;
	struct code *c = calloc(1, sizeof *c);
	struct counts n = { 0 };
	bool good = c && dead && argc > 1 && read_lines(argv[1]);
	char text[TEXT_MAX];

	for (int i = 0; good && i < cases; i++) {
		make(text);
		good = check(dead, c, text, &n);
	}
	if (good)
		printf("ok syntax # %d cases: libpcap compiles %u, we read %u, %u have a strict meaning, "
		       "%u compared\n", cases, n.theirs, n.ours, n.strict, n.compared);
	else if (argc < 2 || !nlines)
		printf("not ok syntax - no expressions\n");
	free(c);
	if (dead)
		pcap_close(dead);
	return 0;
}
