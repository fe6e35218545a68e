/* ash/dilp.c - pipelines: their form, and the words that the native loop leaves: the tail.
 * Layer: leaf library. SPDX-License-Identifier: ISC
 */
#include "ash/dilp.h"
#include "ash/insn.h"

#define EXIT ((struct ash_insn){ CLASS_JMP | OP_EXIT, 0, 0, 0 })

static bool is_scratch(int reg) { return reg <= B3 || reg == B6; }

/* Arithmetic on the registers that a user pipe has, in a form that the decoder accepts. */
static int check_user(const struct dilp_pipe *p)
{
	struct ash_insn insn[DILP_USER_INSNS + 1];
	uint8_t mark[DILP_USER_INSNS + 1];
	uint32_t function[1]; /* arithmetic starts no more */

	if (p->ninsn > DILP_USER_INSNS)
		return -E_LIMIT;
	for (uint32_t k = 0; k < p->ninsn; k++) {
		int class = insn_class(p->insn[k]);
		if ((class != CLASS_ALU && class != CLASS_ALU64) ||
		    !is_scratch(insn_dst(p->insn[k])) || !is_scratch(insn_src(p->insn[k])))
			return -E_INVAL;
		insn[k] = p->insn[k];
	}
	insn[p->ninsn] = EXIT;
	struct ash_program program = { .insn = insn, .ninsn = p->ninsn + 1, .mark = mark,
		                       .function = function };
	return ash_decode(&program, NULL, 0);
}

static int check_pipe(const struct dilp_pipe *p)
{
	bool power = p->gauge == 1 || p->gauge == 2 || p->gauge == 4 || p->gauge == 8;

	switch (p->kind) {
	case DILP_COPY: case DILP_SUM: case DILP_CRC: case DILP_XOR:
		return p->gauge ? -E_INVAL : 0;
	case DILP_SWAP: return power && p->gauge > 1 ? 0 : -E_INVAL;
	case DILP_USER: return power ? check_user(p) : -E_INVAL;
	default: return -E_INVAL;
	}
}

int dilp_check(const struct dilp_pipe *pipe, uint32_t n)
{
	uint32_t seen[DILP_KINDS] = { 0 }, gauge = 1;

	if (n > DILP_PIPES)
		return -E_LIMIT;
	for (uint32_t k = 0; k < n; k++) {
		int err = check_pipe(&pipe[k]);
		if (err)
			return err;
		seen[pipe[k].kind]++;
		if (pipe[k].gauge > gauge)
			gauge = pipe[k].gauge;
	}
	if (seen[DILP_COPY] > 1 || seen[DILP_SUM] > 1 || seen[DILP_CRC] > 1)
		return -E_INVAL;
	return seen[DILP_USER] > DILP_USERS ? -E_LIMIT : (int)gauge;
}

int dilp_gather(const struct ash_pipe *in, uint32_t n, struct dilp_pipe *pipe, struct dilp *dilp)
{
	uint32_t count = 0;

	if (n > ASH_PIPES)
		return -E_LIMIT;
	for (uint32_t k = 0; k < n; k++) {
		if (in[k].pipeline != count && in[k].pipeline + 1u != count)
			return -E_INVAL;
		if (count == ASH_PIPELINES && in[k].pipeline == count)
			return -E_LIMIT;
		if (in[k].pipeline == count)
			dilp[count++] = (struct dilp){ .pipe = &pipe[k] };
		dilp[count - 1].n++;
		pipe[k] = (struct dilp_pipe){ in[k].kind, in[k].gauge, in[k].key, in[k].insn,
			                      in[k].ninsn };
	}
	for (uint32_t k = 0; k < count; k++) {
		int gauge = dilp_check(dilp[k].pipe, dilp[k].n);
		if (gauge < 0)
			return gauge;
		dilp[k].gauge = (uint32_t)gauge;
	}
	return (int)count;
}

static uint64_t swap(uint64_t w, uint32_t gauge)
{
	uint64_t out = 0;

	for (uint32_t k = 0; k < 8; k++)
		out |= (w >> 8 * k & 0xff) << 8 * (k ^ (gauge - 1));
	return out;
}

static uint64_t crc_bytes(uint64_t crc, uint64_t w, uint32_t n)
{
	for (uint32_t bit = 0; bit < 8 * n; bit++, w >>= 1)
		crc = crc >> 1 ^ ((crc ^ w) & 1 ? 0x82f63b78 : 0);
	return crc;
}

static uint64_t add_carry(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum + (sum < a);
}

/* A user pipe in the interpreter: the value of register `which` at its end. */
static uint64_t user_value(const struct dilp_pipe *p, uint64_t word, uint64_t r6, int which)
{
	struct ash_insn insn[DILP_USER_INSNS + 6];
	struct ash_run run = { .budget = 1, .r1 = r6, .r2 = word };
	uint32_t n = 0;

#define MOVE(d, s) ((struct ash_insn){ CLASS_ALU64 | OP_MOV | SOURCE_X, (uint8_t)((d) | (s) << 4), 0, 0 })
	insn[n++] = MOVE(B6, B1);
	insn[n++] = MOVE(B0, B2);
	insn[n++] = MOVE(B1, B3);
	insn[n++] = MOVE(B2, B3);
	for (uint32_t k = 0; k < p->ninsn; k++)
		insn[n++] = p->insn[k];
	insn[n++] = MOVE(B0, which);
	insn[n++] = EXIT;
	struct ash_program program = { .insn = insn, .ninsn = n };
	ash_interpret(&program, &run);
	return run.r0;
}

/* The last n < 8 bytes, one pipe after the other. */
static void run_tail(const struct dilp_pipe *pipe, uint32_t npipe, uint8_t *to,
                     const uint8_t *from, uint32_t n, struct dilp_state *s)
{
	uint64_t w = 0, mask = (1ull << 8 * n) - 1, r6;
	uint32_t user = 0;

	for (uint32_t k = n; k-- > 0;)
		w = w << 8 | from[k];
	for (uint32_t k = 0; k < npipe; k++, w &= mask) {
		const struct dilp_pipe *p = &pipe[k];
		switch (p->kind) {
		case DILP_COPY:
			for (uint32_t b = 0; b < n; b++)
				to[b] = (uint8_t)(w >> 8 * b);
			break;
		case DILP_SUM: s->sum = add_carry(s->sum, w); break;
		case DILP_CRC: s->crc = crc_bytes(s->crc, w, n); break;
		case DILP_SWAP: w = swap(w, p->gauge); break;
		case DILP_XOR: w ^= p->key; break;
		case DILP_USER:
			r6 = s->user[user];
			s->user[user++] = user_value(p, w, r6, B6);
			w = user_value(p, w, r6, B0);
			break;
		}
	}
}

int dilp_run(const struct dilp *d, uint8_t *to, const uint8_t *from, uint64_t length,
             struct dilp_state *state)
{
	uint64_t whole = length & ~7ull;

	if (length & (d->gauge - 1))
		return -E_INVAL;
	d->entry(to, from, whole / 8, state);
	if (length > whole)
		run_tail(d->pipe, d->n, to ? to + whole : NULL, from + whole,
		         (uint32_t)(length - whole), state);
	return 0;
}

uint32_t dilp_sum(const struct dilp_state *state)
{
	uint64_t sum = (state->sum >> 32) + (uint32_t)state->sum;

	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint32_t)(sum >> 8 | (sum & 0xff) << 8);
}

uint32_t dilp_crc(const struct dilp_state *state) { return ~(uint32_t)state->crc; }
