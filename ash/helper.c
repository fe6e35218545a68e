/* ash/helper.c - what handlers may call. Arguments are the handler's: any 64-bit number.
 * Each helper checks its bytes, is charged for them, and only then touches them.
 * Layer: leaf library. Source: RFC 1071 for the sum. SPDX-License-Identifier: ISC
 */
#include "ash/dilp.h"
#include "exo/ring.h"

static uint64_t get(const uint8_t *b)
{
	uint64_t v;

	__builtin_memcpy(&v, b, sizeof v);
	return v;
}

static uint32_t get32(const uint8_t *b)
{
	uint32_t v;

	__builtin_memcpy(&v, b, sizeof v);
	return v;
}

static uint16_t get16(const uint8_t *b)
{
	uint16_t v;

	__builtin_memcpy(&v, b, sizeof v);
	return v;
}

static uint64_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	return sum;
}

/* The sum of 16-bit words in network order, carries folded, not complemented; a last odd
 * byte is the high one of its word. Words are added as they lie in memory, eight bytes at
 * once, and the result is turned: RFC 1071, section 2. */
static uint64_t internet_sum(const uint8_t *b, uint64_t n, uint64_t start)
{
	uint64_t sum = 0, tail = 0;

	for (; n >= 8; n -= 8, b += 8) {
		uint64_t w = get(b);
		sum += w;
		sum += sum < w;
	}
	if (n & 4)
		tail = get32(b), b += 4;
	if (n & 2)
		tail += get16(b), b += 2;
	if (n & 1)
		tail += *b;
	sum = fold((sum >> 32) + (uint32_t)sum + tail);
	return fold((sum >> 8 | (sum & 0xff) << 8) + (start >> 32) + (uint32_t)start);
}

/* A word is read before it or the one after it is written, whatever the distance. */
static void copy_up(uint8_t *to, const uint8_t *from, uint64_t n)
{
	for (; n >= 8; n -= 8, to += 8, from += 8) {
		uint64_t w = get(from);
		__builtin_memcpy(to, &w, 8);
	}
	if (n & 4) {
		uint32_t w = get32(from);
		__builtin_memcpy(to, &w, 4);
		to += 4, from += 4;
	}
	if (n & 2) {
		uint16_t w = get16(from);
		__builtin_memcpy(to, &w, 2);
		to += 2, from += 2;
	}
	if (n & 1)
		*to = *from;
}

static void copy_down(uint8_t *to, const uint8_t *from, uint64_t n)
{
	for (; n >= 8; n -= 8) {
		uint64_t w = get(from + n - 8);
		__builtin_memcpy(to + n - 8, &w, 8);
	}
	if (n & 4) {
		uint32_t w = get32(from + (n -= 4));
		__builtin_memcpy(to + n, &w, 4);
	}
	if (n & 2) {
		uint16_t w = get16(from + (n -= 2));
		__builtin_memcpy(to + n, &w, 2);
	}
	if (n & 1)
		*to = *from;
}

static uint64_t do_sum(struct ash_run *run, const uint64_t *arg)
{
	if (!ash_mapped(run, arg[0], arg[1], false))
		return (uint64_t)-E_FAULT;
	if (!ash_charge(run, arg[1]))
		return 0;
	return internet_sum(arg[1] ? run->window + arg[0] : NULL, arg[1], arg[2]);
}

static uint64_t do_copy(struct ash_run *run, const uint64_t *arg)
{
	uint64_t n = arg[2];

	if (!ash_mapped(run, arg[0], n, true) || !ash_mapped(run, arg[1], n, false))
		return (uint64_t)-E_FAULT;
	if (n == 0 || !ash_charge(run, n))
		return 0;
	uint8_t *to = run->window + arg[0];
	const uint8_t *from = run->window + arg[1];
	if (to < from)
		copy_up(to, from, n);
	else
		copy_down(to, from, n);
	return 0;
}

static uint64_t do_random(struct ash_run *run) /* SplitMix64 */
{
	uint64_t v = run->random += 0x9e3779b97f4a7c15;

	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
	v = (v ^ v >> 27) * 0x94d049bb133111eb;
	return v ^ v >> 31;
}

static uint64_t do_wake(struct ash_run *run)
{
	run->effects.wake = true;
	return 0;
}

static uint64_t do_count(struct ash_run *run, const uint64_t *arg)
{
	if (arg[0] >= ASH_COUNTERS)
		return (uint64_t)-E_INVAL;
	run->effects.count[arg[0]] += arg[1];
	run->effects.counted = true;
	return 0;
}

/* call(entry, arg). The counters of the queue are the owner's and the handler's to spoil: it is
 * theirs alone. */
static uint64_t do_call(struct ash_run *run, const uint64_t *arg)
{
	const volatile struct ash_calls *q =
		(const volatile void *)(run->window + ASH_CTX + ASH_CALLS);
	struct ash_effects *e = &run->effects;
	uint32_t waiting = q->head - q->tail;

	if (arg[0] >= ASH_ENTRIES)
		return (uint64_t)-E_INVAL;
	if (e->ncall == ASH_RUN_CALLS || waiting >= ASH_CALL_RING - (uint32_t)e->ncall)
		return (uint64_t)-E_NOSPC;
	e->call[e->ncall++] = (struct ash_call){ .entry = (uint32_t)arg[0], .arg = arg[1] };
	return 0;
}

/* send(offset, length), deliver(offset, length) */
static uint64_t do_frame(struct ash_run *run, const uint64_t *arg, bool send)
{
	struct ash_effects *e = &run->effects;

	if (arg[1] < EXO_FRAME_MIN || arg[1] > EXO_FRAME_MAX)
		return (uint64_t)-E_INVAL;
	if (!ash_mapped(run, arg[0], arg[1], false))
		return (uint64_t)-E_FAULT;
	if (e->nframe == ASH_RUN_FRAMES)
		return (uint64_t)-E_NOSPC;
	if (!ash_charge(run, arg[1]))
		return 0;
	e->frame[e->nframe++] =
		(struct ash_effect_frame){ (uint32_t)arg[0], (uint32_t)arg[1], send };
	return 0;
}

/* dilp(k, to, from, length, result) */
static uint64_t do_dilp(struct ash_run *run, const uint64_t *arg)
{
	struct dilp_state state = DILP_BEGIN;

	if (arg[0] >= run->ndilp || arg[3] % run->dilp[arg[0]].gauge)
		return (uint64_t)-E_INVAL;
	if (!ash_mapped(run, arg[1], arg[3], true) || !ash_mapped(run, arg[2], arg[3], false) ||
	    !ash_mapped(run, arg[4], sizeof(struct ash_dilp_result), true) || arg[3] == 0)
		return (uint64_t)-E_FAULT;
	if (!ash_charge(run, arg[3]))
		return 0;
	dilp_run(&run->dilp[arg[0]], run->window + arg[1], run->window + arg[2], arg[3], &state);
	uint64_t result = dilp_sum(&state) | (uint64_t)dilp_crc(&state) << 32;
	for (uint32_t k = 0; k < sizeof result; k++)
		run->window[arg[4] + k] = (uint8_t)(result >> 8 * k);
	return 0;
}

uint64_t ash_helper(struct ash_run *run, uint32_t id, const uint64_t *arg)
{
	switch (id) {
	case ASH_HELPER_TIME: return run->time;
	case ASH_HELPER_SUM: return do_sum(run, arg);
	case ASH_HELPER_COPY: return do_copy(run, arg);
	case ASH_HELPER_RANDOM: return do_random(run);
	case ASH_HELPER_WAKE: return do_wake(run);
	case ASH_HELPER_COUNT: return do_count(run, arg);
	case ASH_HELPER_DILP: return do_dilp(run, arg);
	case ASH_HELPER_CALL: return do_call(run, arg);
	case ASH_HELPER_SEND: return do_frame(run, arg, true);
	case ASH_HELPER_DELIVER: return do_frame(run, arg, false);
	default: return (uint64_t)-E_NOSYS;
	}
}
