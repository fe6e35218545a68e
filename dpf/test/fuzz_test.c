/* dpf/test/fuzz_test.c - random expressions and random programs, merged and compiled,
 * against libpcap's bpf_filter, on frames that end where their memory ends.
 *   fuzz_test [CASES [SEED]]     a case is one filter's verdict on one frame
 * SPDX-License-Identifier: ISC */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "dpf/bpf.h"
#include "dpf/dpf.h"
#include "dpf/tool/host.h"
#include "dpf/tool/roll.h"
#include <pcap/pcap.h> /* last: its macros have names of dpf/bpf.h */

enum { TOGETHER = 6, FRAMES_EACH = 24, FRAME_MAX_BYTES = 160, TEXT_MAX = 800 };

static uint64_t seed = 0x243f6a8885a308d3;

static uint32_t roll(uint32_t n) { return roll_from(&seed, n); }

static uint8_t *edge;

/* Ports and addresses come from small pools, so that expressions and frames meet. */
static unsigned port(void) { return (unsigned[]){ 53, 80, 443, 6000, 65535 }[roll(5)]; }

static void primitive(char *out, size_t room)
{
	static const char *const direction[] = { "", "src ", "dst ", "src or dst " };
	static const char *const proto[] = { "", "tcp ", "udp ", "sctp " };
	static const char *const fixed[] = {
		"ip", "ip6", "arp", "rarp", "tcp", "udp", "icmp", "icmp6", "ip broadcast",
		"ether multicast", "ip6 multicast", "ether broadcast",
		"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "tcp[(tcp[12:1] & 0xf0) >> 2:4] = 0x47455420",
		"ip[8] < 5", "ip[6:2] & 0x1fff != 0", "icmp[icmptype] = icmp-echo",
		"ip[2:2] - ((ip[0]&0xf)<<2) != 40", "vlan 3", "vlan", "mpls", "pppoes 7",
		"len > 100", "less 60", "greater 70", "ether proto 0x86dd", "ip6 proto 17",
		"ip proto 47", "ip6[40] = 58", "udp[4:2] > 20", "link[3] = 2", "ip protochain 6",
		"ip[0] & 0xf != 5", "tcp[2:2] & 0xf0 = 0x50", "inbound or ip",
	};
	const char *d = direction[roll(4)], *p = proto[roll(4)];

	switch (roll(7)) {
	case 0: snprintf(out, room, "%s%sport %u", p, d, port()); break;
	case 1: snprintf(out, room, "%shost 10.0.0.%u", d, roll(3)); break;
	case 2: snprintf(out, room, "%snet 10.0.%u.0/%u", d, 2 * roll(2), 23 + roll(2)); break;
	case 3: snprintf(out, room, "%s%sportrange %u-%u", p, d, 53 + roll(20), 80 + roll(6000)); break;
	case 4: snprintf(out, room, "%shost fd00::%u", d, roll(3)); break;
	default: snprintf(out, room, "%s", fixed[roll(sizeof fixed / sizeof *fixed)]);
	}
}

static void expression(char *out, size_t room)
{
	unsigned n = 1 + roll(4);
	size_t used = 0;

	for (unsigned i = 0; i < n; i++) {
		char one[100];

		primitive(one, sizeof one);
		used += (size_t)snprintf(out + used, room - used, "%s%s(%s)",
		                         i == 0 ? "" : roll(2) ? " and " : " or ",
		                         roll(4) ? "" : "not ", one);
	}
}

static void random_bytes(uint8_t *f)
{
	for (unsigned i = 0; i < FRAME_MAX_BYTES; i++)
		f[i] = (uint8_t)(roll(4) ? roll(3) : roll(256));
}

static void put2(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void plausible(uint8_t *f)
{
	static const uint8_t protos[] = { 6, 6, 17, 17, 1, 58, 132, 47 };
	static const unsigned types[] = { 0x0800, 0x0800, 0x0800, 0x86dd, 0x86dd, 0x0806, 0x8847 };
	uint8_t *l3 = f + 14, *l4;

	random_bytes(f);
	if (roll(8) == 0) {
		put2(f + 12, 0x8100);
		put2(f + 14, 3);
		l3 += 4;
	}
	unsigned type = types[roll(7)];
	put2(l3 - 2, type);
	if (type == 0x86dd) {
		l3[0] = 0x60;
		l3[6] = protos[roll(8)];
		for (int i = 0; i < 2; i++) {
			memset(l3 + 8 + 16 * i, 0, 16);
			l3[8 + 16 * i] = 0xfd;
			l3[23 + 16 * i] = (uint8_t)roll(3);
		}
		l4 = l3 + 40;
	} else {
		l3[0] = (uint8_t)(0x45 + (roll(3) ? 0 : roll(11)));
		put2(l3 + 2, 40 + roll(60));
		put2(l3 + 6, roll(4) ? 0 : roll(0x4000));
		l3[9] = protos[roll(8)];
		for (int i = 0; i < 2; i++) {
			put2(l3 + 12 + 4 * i, 10 << 8);
			put2(l3 + 14 + 4 * i, roll(3) << 8 | roll(3));
		}
		l4 = l3 + 4 * (l3[0] & 15);
	}
	put2(l4, port());
	put2(l4 + 2, port());
	l4[12] = (uint8_t)(0x50 + roll(2) * 0x10);
	if (roll(3) == 0)
		memcpy(l4 + 20, "GET ", 4);
	if (roll(3) == 0)
		f[roll(80)] ^= (uint8_t)(1 << roll(8));
}

/* Random programs of valid instructions. */
static unsigned random_program(struct bpf_insn *p)
{
	static const uint16_t codes[] = {
		0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x00, 0x80, 0x60, 0x01, 0x81, 0x61, 0xb1,
		0x02, 0x03, 0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0x84, 0x94, 0xa4,
		0x0c, 0x1c, 0x2c, 0x3c, 0x4c, 0x5c, 0x9c, 0xac, 0x15, 0x25, 0x35, 0x45,
		0x1d, 0x2d, 0x3d, 0x4d, 0x07, 0x87,
		0x28, 0x30, 0x20, 0x15, 0x25, 0x45, 0x54, 0x74, 0xb1, 0x48, 0x15, 0x30, 0x54,
	};
	unsigned n = 2 + roll(20);

	for (unsigned i = 0; i + 2 < n; i++) {
		struct bpf_insn in = { .code = codes[roll(sizeof codes / sizeof *codes)] };
		unsigned class = in.code & 7, rest = n - 2 - i;

		in.k = roll(5) ? roll(60) : roll(0x7fffffff) * 2 + roll(2);
		if ((in.code & 0xe7) == 0x60 || (in.code & 0xe7) == 0x61 || class == 2 || class == 3)
			in.k = roll(16);
		if (in.code == 0x34 || in.code == 0x94)
			in.k |= 1;
		if (in.code == 0x64 || in.code == 0x74)
			in.k = roll(roll(3) ? 9 : 32);
		if (in.code == 0x15 || in.code == 0x25 || in.code == 0x45)
			in.k = roll(4);
		if (class == 5) {
			in.jt = (uint8_t)roll(rest);
			in.jf = (uint8_t)roll(rest);
		}
		p[i] = in;
	}
	p[n - 2] = (struct bpf_insn){ .code = 0x06, .k = roll(2) };
	p[n - 1] = (struct bpf_insn){ .code = 0x06, .k = roll(2) };
	return n;
}

/* libpcap's scratch memory is not cleared: leave those out. Nor shifts by X. */
static bool reads_scratch(const struct bpf_insn *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if ((p[i].code & 0xe7) == 0x60 || (p[i].code & 0xe7) == 0x61)
			return true;
	return false;
}

struct one {
	char text[TEXT_MAX];
	struct bpf_program program;
	uint32_t id;
};

static void compile(pcap_t *link, struct one *o)
{
	for (;;) {
		if (roll(3) == 0) {
			struct bpf_insn p[64];
			unsigned n = random_program(p);

			if (reads_scratch(p, n) || !bpf_validate(p, (int)n))
				continue;
			strcpy(o->text, "(random program)");
			o->program.bf_len = n;
			o->program.bf_insns = malloc(n * sizeof *p);
			memcpy(o->program.bf_insns, p, n * sizeof *p);
			return;
		}
		expression(o->text, sizeof o->text);
		if (pcap_compile(link, &o->program, o->text, roll(4) != 0, PCAP_NETMASK_UNKNOWN) == 0)
			return;
	}
}

static void install(struct dpf *d, struct one *o, uint16_t flags)
{
	size_t bytes = o->program.bf_len * sizeof(struct bpf_insn);
	struct exo_filter head = { .flags = flags, .ninsns = o->program.bf_len };
	uint8_t *f = malloc(sizeof head + bytes);

	head.bytes = (uint32_t)(sizeof head + bytes);
	memcpy(f, &head, sizeof head);
	memcpy(f + sizeof head, o->program.bf_insns, bytes);
	int id = dpf_insert(d, f, head.bytes, 1, NULL, NULL);
	free(f);
	if (id <= 0) {
		printf("not ok fuzz - insert: %d: %s\n", id, o->text);
		exit(1);
	}
	o->id = (uint32_t)id;
}

static void differ(const struct one *o, const uint8_t *f, uint32_t cap, uint32_t wire,
                   uint32_t want, bool got)
{
	printf("not ok fuzz - %s: libpcap %" PRIu32 ", dpf %d; wire %" PRIu32 " frame ", o->text, want,
	       got, wire);
	for (uint32_t i = 0; i < cap; i++)
		printf("%02x", f[i]);
	puts("");
	for (unsigned i = 0; i < o->program.bf_len; i++)
		printf("# %s\n", bpf_image(&o->program.bf_insns[i], (int)i));
	exit(1);
}

/* TOGETHER expressions at once as subscribers, the first one also alone as the owner. */
static uint64_t round_of(pcap_t *link)
{
	struct one o[TOGETHER];
	uint64_t cases = 0;
	struct dpf *d;

	if (dpf_create(&d, &host_memory, 2 * TOGETHER, 4096, seed) < 0)
		exit(1);
	for (int i = 0; i < TOGETHER; i++) {
		compile(link, &o[i]);
		install(d, &o[i], FILTER_SHARED);
	}
	struct one owner = o[0];
	install(d, &owner, 0);
	for (int k = 0; k < FRAMES_EACH; k++) {
		uint8_t frame[FRAME_MAX_BYTES + 80];
		uint32_t ids[2 * TOGETHER], cap = roll(4) ? FRAME_MAX_BYTES : roll(FRAME_MAX_BYTES + 1);
		uint32_t wire = cap + (roll(2) ? 0 : roll(100));

		if (roll(5))
			plausible(frame);
		else
			random_bytes(frame);
		const uint8_t *f = memcpy(edge - cap, frame, cap);
		uint32_t n = dpf_match_shared(d, f, cap, wire, ids, 2 * TOGETHER);
		for (int i = 0; i < TOGETHER; i++, cases++) {
			uint32_t want = bpf_filter(o[i].program.bf_insns, f, wire, cap);
			bool got = false;

			for (uint32_t j = 0; j < n; j++)
				got |= ids[j] == o[i].id;
			if (got != (want != 0))
				differ(&o[i], f, cap, wire, want, got);
			if (i == 0 && dpf_classify(d, f, cap, wire) != (want ? owner.id : 0))
				differ(&owner, f, cap, wire, want, !want);
		}
	}
	for (int i = 0; i < TOGETHER; i++) {
		dpf_delete(d, o[i].id);
		pcap_freecode(&o[i].program);
	}
	dpf_destroy(d);
	return cases;
}

int main(int argc, char **argv)
{
	uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 0) : 100000, cases = 0;
	uint8_t *p = mmap(NULL, 2 * DPF_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                  -1, 0);
	pcap_t *link = pcap_open_dead(DLT_EN10MB, 65535);

	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0) | 1;
	if (p == MAP_FAILED || mprotect(p + DPF_PAGE, DPF_PAGE, PROT_NONE) != 0 || !link)
		return 1;
	edge = p + DPF_PAGE;
	while (cases < wanted)
		cases += round_of(link);
	pcap_close(link);
	printf("ok %" PRIu64 "_random_verdicts_equal_libpcap\n", cases);
	return 0;
}
