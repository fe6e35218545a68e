/* dpf/test/exec_test.c DPF [CASES] - `dpf exec` against libpcap's bpf_filter: random valid
 * programs on random packets, exact return values, natively and interpreted. The seed is
 * fixed. Prints TAP. SPDX-License-Identifier: ISC */
#include "dpf/tool/roll.h"
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 30000, INSNS_MAX = 40, PACKET_MAX = 96, SLOTS = 16, TEXT_MAX = 2048 };

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint32_t roll(uint32_t n) { return roll_from(&seed, n); }

static uint32_t any_word(void)
{
	static const uint32_t special[] = { 0, 1, 31, 32, 33, 0x7fffffff, 0x80000000, 0xfffffffc,
		0xffffffff };

	switch (roll(4)) {
	case 0: return special[roll(sizeof special / sizeof *special)];
	case 1: return roll(0x7fffffff) * 2 + roll(2);
	default: return roll(PACKET_MAX + 8);
	}
}

static struct bpf_insn random_insn(uint32_t rest)
{
	static const uint16_t codes[] = {
		0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x40, 0x48, 0x50, 0x00, 0x80, 0x60, 0x01, 0x81,
		0x61, 0xb1, 0x02, 0x03, 0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0x84, 0x94,
		0xa4, 0x0c, 0x1c, 0x2c, 0x3c, 0x4c, 0x5c, 0x6c, 0x7c, 0x9c, 0xac, 0x05, 0x15, 0x25,
		0x35, 0x45, 0x1d, 0x2d, 0x3d, 0x4d, 0x07, 0x87, 0x06, 0x16,
	};
	struct bpf_insn in = { .code = codes[roll(sizeof codes / sizeof *codes)], .k = any_word() };
	unsigned class = BPF_CLASS(in.code);

	if (class == BPF_ST || class == BPF_STX ||
	    (class <= BPF_LDX && BPF_MODE(in.code) == BPF_MEM))
		in.k = roll(SLOTS);
	if (in.code == (BPF_ALU | BPF_DIV | BPF_K) || in.code == (BPF_ALU | BPF_MOD | BPF_K))
		in.k |= 1;
	if (in.code == (BPF_ALU | BPF_LSH | BPF_K) || in.code == (BPF_ALU | BPF_RSH | BPF_K))
		in.k = roll(32); /* more is undefined in libpcap */
	if (in.code == (BPF_JMP | BPF_JA)) {
		in.k = roll(rest);
	} else if (class == BPF_JMP) {
		in.jt = (uint8_t)roll(rest);
		in.jf = (uint8_t)roll(rest);
	}
	return in;
}

/* p[0..SLOTS) clear scratch memory, which this libpcap may not do; the program follows. */
static uint32_t random_program(struct bpf_insn *p)
{
	uint32_t n = 1 + roll(INSNS_MAX);

	for (uint32_t i = 0; i < SLOTS; i++)
		p[i] = (struct bpf_insn){ .code = BPF_ST, .k = i };
	p += SLOTS;
	for (uint32_t i = 0; i + 1 < n; i++)
		p[i] = random_insn(n - 1 - i);
	p[n - 1] = (struct bpf_insn){ .code = BPF_RET | (roll(4) ? BPF_A : BPF_K), .k = any_word() };
	return n;
}

static void put_hex(FILE *out, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < n; i++)
		fprintf(out, "%02x", b[i]);
}

static void put_line(FILE *out, int name, const struct bpf_insn *p, uint32_t n,
                     const uint8_t *packet, uint32_t caplen, uint32_t wirelen)
{
	char text[TEXT_MAX];
	int length = snprintf(text, sizeof text, "%u\n", n);

	for (uint32_t i = 0; i < n; i++)
		length += snprintf(text + length, sizeof text - (size_t)length, "%u %u %u %u\n",
		                   p[i].code, p[i].jt, p[i].jf, p[i].k);
	fprintf(out, "%d ", name);
	put_hex(out, text, (size_t)length);
	putc(' ', out);
	put_hex(out, packet, caplen);
	if (caplen == 0 && roll(2))
		putc('-', out);
	fprintf(out, " %u\n", wirelen);
}

/* Write the cases, and what libpcap says of each. */
static bool write_cases(const char *path, uint32_t *verdicts, int cases)
{
	FILE *out = fopen(path, "w");
	struct bpf_insn p[SLOTS + INSNS_MAX];
	uint8_t packet[PACKET_MAX];
	uint32_t n = 0;

	for (int i = 0; out && i < cases; i++) {
		uint32_t caplen = roll(PACKET_MAX + 1), wirelen = caplen + roll(2) * roll(2000);

		if (i % 4 == 0)
			n = random_program(p);
		if (!bpf_validate(p, (int)(SLOTS + n)))
			return false;
		for (uint32_t k = 0; k < caplen; k++)
			packet[k] = (uint8_t)(roll(2) ? roll(4) : roll(256));
		put_line(out, i, p + SLOTS, n, packet, caplen, wirelen);
		verdicts[i] = bpf_filter(p, packet, wirelen, caplen);
	}
	return out && fclose(out) == 0;
}

static void compare(const char *dpf, const char *flag, const char *path,
                    const uint32_t *verdicts, int cases)
{
	char command[4096], line[256], wanted[64];
	int i = 0;

	snprintf(command, sizeof command, "%s exec %s <%s", dpf, flag, path);
	FILE *in = popen(command, "r");
	while (in && i < cases && fgets(line, sizeof line, in)) {
		snprintf(wanted, sizeof wanted, "%d %u\n", i, verdicts[i]);
		if (strcmp(line, wanted) != 0)
			break;
		i++;
	}
	bool ended = in && !fgets(line, sizeof line, in);
	int status = in ? pclose(in) : -1;
	if (i == cases && ended && status == 0)
		printf("ok exec_equals_libpcap %s # %d cases\n", flag, cases);
	else
		printf("not ok exec_equals_libpcap %s - case %d of %d, status %d: %s\n", flag, i,
		       cases, status, strtok(line, "\n"));
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/exec_test.XXXXXX";
	int cases = argc > 2 ? atoi(argv[2]) : CASES;
	uint32_t *verdicts = calloc((size_t)cases + 1, sizeof *verdicts);

	if (argc < 2 || !verdicts || mkstemp(path) < 0)
		return 1;
	if (write_cases(path, verdicts, cases)) {
		compare(argv[1], "", path, verdicts, cases);
		compare(argv[1], "--interp", path, verdicts, cases);
	} else {
		printf("not ok exec_equals_libpcap - cannot write the cases\n");
	}
	remove(path);
	free(verdicts);
	return 0;
}
