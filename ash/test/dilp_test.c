/* Random pipelines in one fused loop, against a pass over all bytes for each pipe; and what
 * is refused. SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ash/insn.h"
#include "ash/test/pipeline.h"

enum { ROUNDS = 20000, ROOM = 600 };
#define I(c, d, s, k) { (uint8_t)(c), (uint8_t)((d) | (s) << 4), 0, k }

static uint64_t state = 1995;

static uint32_t below(uint32_t m)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)(state * 0x2545f4914f6cdd1d >> 33) % m;
}

/* User pipes, as arithmetic and as C. */
static const struct ash_insn chain[] = { I(0x0f, 0, 6, 0), I(0xbf, 6, 0, 0) };
static const struct ash_insn parity[] = { I(0xbf, 1, 0, 0), I(0x77, 1, 0, 9), I(0xaf, 6, 1, 0),
	                                  I(0x0f, 2, 6, 0), I(0xa7, 0, 0, 0x5a5a5a5a) };
static const struct ash_insn modulo[] = { I(0xb7, 3, 0, 1000003), I(0xbf, 1, 0, 0),
	                                  I(0x9f, 1, 3, 0), I(0x0f, 6, 1, 0), I(0xdc, 0, 0, 64) };

static uint64_t do_chain(uint64_t w, uint64_t *s) { return *s += w; }

static uint64_t do_parity(uint64_t w, uint64_t *s)
{
	*s ^= w >> 9;
	return w ^ 0x5a5a5a5a;
}

static uint64_t do_modulo(uint64_t w, uint64_t *s)
{
	*s += w % 1000003;
	return __builtin_bswap64(w);
}

static const struct user {
	const struct ash_insn *insn;
	uint32_t n;
	uint64_t (*f)(uint64_t w, uint64_t *s);
} users[] = { { chain, 2, do_chain }, { parity, 5, do_parity }, { modulo, 5, do_modulo } };

/* One pass for each pipe, byte by byte where that says the same. */
struct passes {
	uint8_t data[ROOM], copied[ROOM];
	uint32_t n, sum, crc, nuser;
	uint64_t user[DILP_USERS];
};

static void pass_sum(struct passes *p)
{
	uint64_t sum = 0;

	for (uint32_t k = 0; k < p->n; k++)
		sum += k % 2 ? p->data[k] : p->data[k] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	p->sum = (uint32_t)sum;
}

static void pass_crc(struct passes *p)
{
	uint32_t crc = 0xffffffff;

	for (uint32_t k = 0; k < p->n; k++) {
		crc ^= p->data[k];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	p->crc = ~crc;
}

static void pass_swap(struct passes *p, uint32_t gauge)
{
	for (uint32_t k = 0; k + gauge <= p->n; k += gauge)
		for (uint32_t b = 0; b < gauge / 2; b++) {
			uint8_t byte = p->data[k + b];
			p->data[k + b] = p->data[k + gauge - 1 - b];
			p->data[k + gauge - 1 - b] = byte;
		}
}

static void pass_user(struct passes *p, const struct user *u)
{
	uint64_t *s = &p->user[p->nuser++];

	for (uint32_t k = 0; k < p->n; k += 8) {
		uint32_t n = p->n - k < 8 ? p->n - k : 8;
		uint64_t w = 0;
		memcpy(&w, p->data + k, n);
		w = u->f(w, s);
		memcpy(p->data + k, &w, n);
	}
}

static void pass(struct passes *p, const struct dilp_pipe *pipe)
{
	switch (pipe->kind) {
	case DILP_COPY: memcpy(p->copied, p->data, p->n); break;
	case DILP_SUM: pass_sum(p); break;
	case DILP_CRC: pass_crc(p); break;
	case DILP_SWAP: pass_swap(p, pipe->gauge); break;
	case DILP_XOR:
		for (uint32_t k = 0; k < p->n; k++)
			p->data[k] ^= (uint8_t)(pipe->key >> 8 * (k % 8));
		break;
	default:
		for (size_t u = 0; u < sizeof users / sizeof *users; u++)
			if (users[u].insn == pipe->insn)
				pass_user(p, &users[u]);
	}
}

/* Up to DILP_PIPES pipes that go together. */
static uint32_t compose(struct dilp_pipe *pipe)
{
	uint32_t n = 0, want = below(DILP_PIPES + 1), used = 0, nuser = 0;

	while (n < want) {
		uint32_t kind = below(DILP_KINDS);
		struct dilp_pipe *p = &pipe[n];
		const struct user *u = &users[below(3)];

		if ((kind <= DILP_CRC && used & 1u << kind) ||
		    (kind == DILP_USER && nuser++ >= DILP_USERS)) {
			want--;
			continue;
		}
		used |= 1u << kind;
		*p = (struct dilp_pipe){ .kind = kind };
		if (kind == DILP_SWAP)
			p->gauge = 2u << below(3);
		if (kind == DILP_XOR)
			p->key = (uint64_t)below(1u << 30) << 34 ^ below(1u << 30);
		if (kind == DILP_USER)
			*p = (struct dilp_pipe){ kind, 1u << below(4), 0, u->insn, u->n };
		n++;
	}
	return n;
}

static const char *one(void)
{
	static struct passes want;
	struct dilp_pipe pipe[DILP_PIPES];
	struct dilp_state s = DILP_BEGIN;
	struct dilp d;
	uint8_t from[ROOM + 8], to[ROOM + 8];
	uint32_t n = compose(pipe), shift = below(8), length = below(ROOM - 8);

	if (pipeline_open(&d, pipe, n))
		return "refused";
	length -= length % d.gauge;
	for (uint32_t k = 0; k < sizeof from; k++)
		from[k] = (uint8_t)(below(4) ? below(256) : 255);
	memset(&want, 0, sizeof want);
	memset(to, 0, sizeof to);
	want.n = length;
	memcpy(want.data, from + shift, length);
	for (uint32_t k = 0; k < n; k++)
		pass(&want, &pipe[k]);

	uint32_t part = below(2) ? below(length + 1) & ~7u : 0; /* in two runs, sometimes */
	if (dilp_run(&d, to + shift, from + shift, part, &s) ||
	    dilp_run(&d, to + shift + part, from + shift + part, length - part, &s))
		return "length refused";
	if (memcmp(to + shift, want.copied, length))
		return "different bytes";
	for (uint32_t k = 0; k < sizeof to; k++)
		if ((k < shift || k >= shift + length) && to[k])
			return "wrote past the end";
	for (uint32_t k = 0; k < n; k++) {
		/* A sum of no words is 0 and one of all ones is 0xffff: both are zero. */
		if (pipe[k].kind == DILP_SUM && dilp_sum(&s) % 0xffff != want.sum % 0xffff)
			return "different checksum";
		if (pipe[k].kind == DILP_CRC && dilp_crc(&s) != want.crc)
			return "different CRC";
	}
	return memcmp(s.user, want.user, sizeof s.user) ? "different state of a user pipe" : NULL;
}

static int report(const char *name, const char *why)
{
	printf(why ? "not ok %s - %s\n" : "ok %s\n", name, why);
	return why != NULL;
}

static const char *known_values(void)
{
	static const struct dilp_pipe pipe[] = { { .kind = DILP_CRC }, { .kind = DILP_SUM } };
	static const uint8_t digits[] = "123456789", rfc[] = { 0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7 };
	struct dilp_state s = DILP_BEGIN, t = DILP_BEGIN;
	struct dilp d;

	if (pipeline_open(&d, pipe, 2) || dilp_run(&d, NULL, digits, 9, &s) ||
	    dilp_run(&d, NULL, rfc, 8, &t))
		return "refused";
	if (dilp_crc(&s) != 0xe3069283)
		return "CRC-32C of 123456789";
	return dilp_sum(&t) == 0xddf2 ? NULL : "sum of RFC 1071's example";
}

static int expect(const char *name, int want, const struct dilp_pipe *pipe, uint32_t n)
{
	return report(name, dilp_check(pipe, n) == want ? NULL : "another answer");
}

static int refusals(void)
{
	static const struct ash_insn load[] = { I(0x79, 0, 1, 0) }, stack[] = { I(0x0f, 0, 10, 0) },
		jump[] = { I(0x05, 0, 0, 0) }, call[] = { I(0x85, 0, 0, 1) }, other[] = { I(0xbf, 7, 0, 0) },
		malformed[] = { I(0xdc, 0, 0, 17) };
	static const struct ash_insn many[DILP_USER_INSNS + 1];
#define PIPES(...) (const struct dilp_pipe[]){ __VA_ARGS__ }
#define USER(code) { DILP_USER, 1, 0, code, 1 }
	int bad = 0;

	bad += expect("gauge_is_the_largest", 4, PIPES({ .kind = DILP_SWAP, .gauge = 2 }, { .kind = DILP_SWAP, .gauge = 4 }), 2);
	bad += expect("empty_pipeline_is_good", 1, NULL, 0);
	bad += expect("unknown_pipe", -E_INVAL, PIPES({ .kind = DILP_KINDS }), 1);
	bad += expect("swap_of_three", -E_INVAL, PIPES({ .kind = DILP_SWAP, .gauge = 3 }), 1);
	bad += expect("swap_of_single_bytes", -E_INVAL, PIPES({ .kind = DILP_SWAP, .gauge = 1 }), 1);
	bad += expect("copy_with_a_gauge", -E_INVAL, PIPES({ .kind = DILP_COPY, .gauge = 4 }), 1);
	bad += expect("two_copies", -E_INVAL, PIPES({ .kind = DILP_COPY }, { .kind = DILP_COPY }), 2);
	bad += expect("nine_pipes", -E_LIMIT, PIPES({ .kind = DILP_COPY }), DILP_PIPES + 1);
	bad += expect("four_user_pipes", -E_LIMIT,
	              PIPES({ .kind = DILP_USER, .gauge = 1 }, { .kind = DILP_USER, .gauge = 1 }, { .kind = DILP_USER, .gauge = 1 }, { .kind = DILP_USER, .gauge = 1 }), 4);
	bad += expect("user_pipe_too_long", -E_LIMIT,
	              PIPES({ DILP_USER, 1, 0, many, DILP_USER_INSNS + 1 }), 1);
	bad += expect("user_load", -E_INVAL, PIPES(USER(load)), 1);
	bad += expect("user_stack_pointer", -E_INVAL, PIPES(USER(stack)), 1);
	bad += expect("user_jump", -E_INVAL, PIPES(USER(jump)), 1);
	bad += expect("user_call", -E_INVAL, PIPES(USER(call)), 1);
	bad += expect("user_of_anothers_register", -E_INVAL, PIPES(USER(other)), 1);
	bad += expect("user_malformed", -E_INVAL, PIPES(USER(malformed)), 1);
	return bad;
}

int main(void)
{
	const char *why = NULL;
	int bad = refusals();

	bad += report("known_values", known_values());
	for (int k = 0; k < ROUNDS && !why; k++)
		why = one();
	return bad + report("fused_loop_equals_separate_passes", why) != 0;
}
