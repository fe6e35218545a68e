/* dpf/tool/bench/session.c - TCP sessions: who they are, a frame of one, the classic program
 * that accepts one. SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/bench.h"
#include "dpf/tool/roll.h"
#include <stdlib.h>
#include <string.h>

struct session session[2 * SESSIONS_MAX];

/* Clients in a /12, 64 servers, seven of their ports. */
void sessions_make(void)
{
	uint64_t seed = 0x9e3779b97f4a7c15;

	for (uint32_t i = 0; i < 2 * SESSIONS_MAX; i++)
		session[i] = (struct session){ 0xac100000 + i * 2654435761u % 0xfffff,
			                       0x0a000000 + roll_from(&seed, 64),
			                       (uint16_t)(1024 + roll_from(&seed, 60000)),
			                       (uint16_t)(1 + i % 7) };
}

static void put(uint8_t *at, uint32_t v, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		at[i] = (uint8_t)(v >> 8 * (width - 1 - i));
}

void session_frame(uint8_t f[FRAME_BYTES], const struct session *s)
{
	memset(f, 0, FRAME_BYTES);
	put(f + 12, 0x0800, 2);
	f[14] = 0x45;
	put(f + 16, FRAME_BYTES - 14, 2);
	f[23] = 6;
	put(f + 26, s->source, 4);
	put(f + 30, s->dest, 4);
	put(f + 34, s->sport, 2);
	put(f + 36, s->dport, 2);
	f[46] = 0x50;
}

/* Every conditional jump goes to the last instruction when the frame is not the session's. */
struct bpf_program session_program(const struct session *s)
{
	enum { LOAD4 = BPF_LD | BPF_W | BPF_ABS, LOAD2 = BPF_LD | BPF_H | BPF_ABS,
	       LOAD1 = BPF_LD | BPF_B | BPF_ABS, EQUAL = BPF_JMP | BPF_JEQ | BPF_K,
	       ANY = BPF_JMP | BPF_JSET | BPF_K, MSH = BPF_LDX | BPF_B | BPF_MSH,
	       PORT = BPF_LD | BPF_H | BPF_IND, RET = BPF_RET | BPF_K };
	const struct bpf_insn p[] = {
		{ LOAD2, 0, 0, 12 }, { EQUAL, 0, 0, 0x0800 },
		{ LOAD1, 0, 0, 23 }, { EQUAL, 0, 0, 6 },
		{ LOAD2, 0, 0, 20 }, { ANY, 0, 0, 0x1fff },
		{ LOAD4, 0, 0, 26 }, { EQUAL, 0, 0, s->source },
		{ LOAD4, 0, 0, 30 }, { EQUAL, 0, 0, s->dest },
		{ MSH, 0, 0, 14 },
		{ PORT, 0, 0, 14 }, { EQUAL, 0, 0, s->sport },
		{ PORT, 0, 0, 16 }, { EQUAL, 0, 0, s->dport },
		{ RET, 0, 0, 1 }, { RET, 0, 0, 0 },
	};
	struct bpf_program out = { sizeof p / sizeof *p, malloc(sizeof p) };

	if (!out.bf_insns)
		exit(2);
	memcpy(out.bf_insns, p, sizeof p);
	for (uint32_t i = 0; i < out.bf_len; i++) {
		if (p[i].code == EQUAL)
			out.bf_insns[i].jf = (uint8_t)(out.bf_len - 2 - i);
		if (p[i].code == ANY)
			out.bf_insns[i].jt = (uint8_t)(out.bf_len - 2 - i);
	}
	return out;
}
