/* dpf/tool/bench/linux_hashmap.c - the engine linux-hashmap: sessions demultiplexed in the
 * Linux kernel by an eBPF program with a hash map, as tc and XDP programs do it.
 *
 * The frames lie in an array map. One run of the program (BPF_PROG_TEST_RUN) takes the next
 * FRAMES_A_RUN of them, finds the TCP header, looks the four-tuple up and writes the number
 * that it finds to another array; both arrays are mapped here. What the same loop takes
 * without reading a frame is measured first, printed, and taken off.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/bench/bench.h"
#include "dpf/tool/complain.h"
#include "dpf/tool/bench/ebpf.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FRAMES_A_RUN = 64, RUNS = HOT / FRAMES_A_RUN, NEXT = HOT * 4 /* in the answers */ };
enum { ID = 4, AT = 5, FRAMES = 6, FIRST = 7, INDEX = 8, ANSWERS = 9, STACK = 10 }; /* registers */
enum { KEY = -16, KEY_BYTES = 12, ALU = EBPF_ALU64, MISSES_MAX = 8 };

_Static_assert(FRAME_BYTES == 128, "shift of 7 below");

static int maps[3] = { -1, -1, -1 }, program = -1; /* hash, frames, answers */
static uint32_t *answers;
static double overhead;

struct writer {
	struct ebpf e;
	uint32_t miss[MISSES_MAX], nmisses;
};

static void miss_if(struct writer *o, unsigned op, int left, int32_t k)
{
	o->miss[o->nmisses++] = ebpf_jump(&o->e, op, left, 0, k);
}

/* AT = the frame's address; ID = whose it is. The key is the frame's own bytes. */
static void put_lookup(struct writer *o)
{
	struct ebpf *e = &o->e;

	ebpf_put(e, ALU | EBPF_MOV | BPF_X, AT, FIRST, 0, 0);
	ebpf_put(e, ALU | BPF_ADD | BPF_X, AT, INDEX, 0, 0);
	ebpf_put(e, ALU | BPF_LSH | BPF_K, AT, 0, 0, 7);
	ebpf_put(e, ALU | BPF_ADD | BPF_X, AT, FRAMES, 0, 0);
	ebpf_load(e, 2, 1, AT, 12);
	miss_if(o, BPF_JMP | EBPF_JNE | BPF_K, 1, 0x0008);
	ebpf_load(e, 1, 1, AT, 23);
	miss_if(o, BPF_JMP | EBPF_JNE | BPF_K, 1, 6);
	ebpf_load(e, 2, 1, AT, 20);
	miss_if(o, BPF_JMP | BPF_JSET | BPF_K, 1, 0xff1f);
	ebpf_load(e, 8, 1, AT, 26);
	ebpf_store(e, 8, STACK, KEY, 1);
	ebpf_load(e, 1, 1, AT, 14);
	ebpf_put(e, ALU | BPF_AND | BPF_K, 1, 0, 0, 15);
	ebpf_put(e, ALU | BPF_LSH | BPF_K, 1, 0, 0, 2);
	ebpf_put(e, ALU | BPF_ADD | BPF_X, AT, 1, 0, 0);
	ebpf_load(e, 4, 1, AT, 14);
	ebpf_store(e, 4, STACK, KEY + 8, 1);
	ebpf_map(e, 1, maps[0]);
	ebpf_put(e, ALU | EBPF_MOV | BPF_X, 2, STACK, 0, 0);
	ebpf_put(e, ALU | BPF_ADD | BPF_K, 2, 0, 0, KEY);
	ebpf_put(e, EBPF_CALL, 0, 0, 0, EBPF_MAP_LOOKUP);
	miss_if(o, BPF_JMP | BPF_JEQ | BPF_K, 0, 0);
	ebpf_load(e, 4, ID, 0, 0);
	uint32_t found = ebpf_jump(e, EBPF_JA, 0, 0, 0);
	while (o->nmisses)
		ebpf_here(e, o->miss[--o->nmisses]);
	ebpf_put(e, ALU | EBPF_MOV | BPF_K, ID, 0, 0, 0);
	ebpf_here(e, found);
}

/* The loop over FRAMES_A_RUN frames; without lookups it answers 0. */
static int load(bool lookups)
{
	static struct writer o;
	struct ebpf *e = &o.e;

	memset(&o, 0, sizeof o);
	ebpf_value(e, FRAMES, maps[1], 0);
	ebpf_value(e, ANSWERS, maps[2], 0);
	ebpf_value(e, 1, maps[2], NEXT);
	ebpf_load(e, 4, FIRST, 1, 0);
	ebpf_put(e, ALU | BPF_AND | BPF_K, FIRST, 0, 0, HOT - FRAMES_A_RUN);
	ebpf_put(e, ALU | EBPF_MOV | BPF_X, 2, FIRST, 0, 0);
	ebpf_put(e, ALU | BPF_ADD | BPF_K, 2, 0, 0, FRAMES_A_RUN);
	ebpf_store(e, 4, 1, 0, 2);
	ebpf_put(e, ALU | EBPF_MOV | BPF_K, INDEX, 0, 0, 0);
	uint32_t loop = e->n;
	if (lookups)
		put_lookup(&o);
	else
		ebpf_put(e, ALU | EBPF_MOV | BPF_K, ID, 0, 0, 0);
	ebpf_put(e, ALU | EBPF_MOV | BPF_X, 1, FIRST, 0, 0);
	ebpf_put(e, ALU | BPF_ADD | BPF_X, 1, INDEX, 0, 0);
	ebpf_put(e, ALU | BPF_LSH | BPF_K, 1, 0, 0, 2);
	ebpf_put(e, ALU | BPF_ADD | BPF_X, 1, ANSWERS, 0, 0);
	ebpf_store(e, 4, 1, 0, ID);
	ebpf_put(e, ALU | BPF_ADD | BPF_K, INDEX, 0, 0, 1);
	ebpf_put(e, BPF_JMP | EBPF_JLT | BPF_K, INDEX, 0, (int)loop - (int)e->n - 1, FRAMES_A_RUN);
	ebpf_put(e, ALU | EBPF_MOV | BPF_K, 0, 0, 0, 0);
	ebpf_put(e, EBPF_EXIT, 0, 0, 0, 0);
	return ebpf_program(e, EBPF_SCHED_CLS); /* a test run of XDP takes 16 ms to begin */
}

static bool fill_hash(const struct work *w)
{
	for (uint32_t i = 0; i < w->nfilters; i++) {
		uint8_t f[FRAME_BYTES], key[KEY_BYTES];
		uint32_t id = i + 1;

		session_frame(f, &w->session[i]);
		memcpy(key, f + 26, KEY_BYTES); /* addresses, then ports: no options between */
		if (!ebpf_update(maps[0], key, &id))
			return false;
	}
	return true;
}

static bool fill_frames(const struct work *w)
{
	uint8_t *at = mmap(NULL, HOT * FRAME_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, maps[1], 0);

	if (at == MAP_FAILED)
		return false;
	for (uint32_t i = 0; i < HOT; i++)
		memcpy(at + i * FRAME_BYTES, w->frames[i].data, FRAME_BYTES);
	munmap(at, HOT * FRAME_BYTES);
	answers = mmap(NULL, NEXT + 4, PROT_READ | PROT_WRITE, MAP_SHARED, maps[2], 0);
	return answers != MAP_FAILED;
}

/* Least of several: what disturbs only adds. */
static bool measure_overhead(void)
{
	int empty = load(false);

	overhead = 1e9;
	for (int i = 0; i < 20 && empty >= 0; i++) {
		double begin = used_ns();

		if (!ebpf_run(empty, RUNS))
			return false;
		double ns = (used_ns() - begin) / HOT;
		overhead = ns < overhead ? ns : overhead;
	}
	if (empty >= 0)
		close(empty);
	return empty >= 0;
}

static const char *open_hashmap(const struct work *w)
{
	if (!w->session)
		return "it holds sessions";
	maps[0] = ebpf_new_map(EBPF_HASH, KEY_BYTES, 4, w->nfilters, 0);
	maps[1] = ebpf_new_map(EBPF_ARRAY, 4, HOT * FRAME_BYTES, 1, EBPF_MMAPABLE);
	maps[2] = ebpf_new_map(EBPF_ARRAY, 4, NEXT + 4, 1, EBPF_MMAPABLE);
	if (maps[0] < 0 || maps[1] < 0 || maps[2] < 0 || !fill_hash(w) || !fill_frames(w))
		return "the kernel refuses the maps";
	program = load(true);
	if (program < 0 || !measure_overhead())
		return "the kernel refuses the program";
	if (!complains_as_json())
		printf("%-14s %6u  linux-hashmap  loop overhead, taken off: %.2f ns\n", w->name, w->nfilters,
		       overhead);
	return NULL;
}

static void by_hashmap(struct work *w)
{
	answers[HOT] = 0;
	if (ebpf_run(program, RUNS))
		memcpy(w->verdict, answers, HOT * sizeof *answers);
}

static void close_hashmap(void)
{
	if (answers && answers != MAP_FAILED)
		munmap(answers, NEXT + 4);
	answers = NULL;
	for (int i = 0; i < 3; i++)
		if (maps[i] >= 0)
			close(maps[i]);
	if (program >= 0)
		close(program);
	maps[0] = maps[1] = maps[2] = program = -1;
}

const struct engine engine_linux_hashmap = { .name = "linux-hashmap", .open = open_hashmap,
	                                     .run = by_hashmap, .close = close_hashmap,
	                                     .overhead = &overhead, .foreign = true };
