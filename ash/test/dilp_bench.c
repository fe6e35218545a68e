/* One fused loop against a pass for each layer, as gcc -O2 compiles it, over data of several
 * sizes. Results are compared first. Prints a table, and writes JSON to a file.
 * SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ash/test/pipeline.h"
#include "dpf/tool/times.h"

enum { MOST = 1 << 20, ROUNDS = 21, ROUND_NS = 2000000 };

static uint8_t from[MOST], to[MOST], want[MOST];
static struct { uint64_t sum, crc; } result;
static struct dilp d;

__attribute__((noinline)) static void pass_sum(const uint8_t *b, size_t n)
{
	uint64_t sum = 0, w;
	for (size_t k = 0; k < n; k += 8) {
		memcpy(&w, b + k, 8);
		sum += w;
		sum += sum < w;
	}
	result.sum = sum;
}

__attribute__((noinline, target("sse4.2"))) static void pass_crc(const uint8_t *b, size_t n)
{
	uint64_t crc = 0xffffffff, w;
	for (size_t k = 0; k < n; k += 8) {
		memcpy(&w, b + k, 8);
		crc = __builtin_ia32_crc32di(crc, w);
	}
	result.crc = crc;
}

__attribute__((noinline)) static void pass_swap(uint8_t *b, size_t n)
{
	uint32_t w;
	for (size_t k = 0; k < n; k += 4) {
		memcpy(&w, b + k, 4);
		w = __builtin_bswap32(w);
		memcpy(b + k, &w, 4);
	}
}

__attribute__((noinline)) static void pass_xor(uint8_t *b, size_t n)
{
	uint64_t w;
	for (size_t k = 0; k < n; k += 8) {
		memcpy(&w, b + k, 8);
		w ^= 0x0123456789abcdef;
		memcpy(b + k, &w, 8);
	}
}

static void copy_sum(uint8_t *out, size_t n) { memcpy(out, from, n); pass_sum(out, n); }
static void copy_crc(uint8_t *out, size_t n) { memcpy(out, from, n); pass_crc(out, n); }

static void copy_all(uint8_t *out, size_t n)
{
	memcpy(out, from, n);
	pass_sum(out, n);
	pass_crc(out, n);
	pass_swap(out, n);
	pass_xor(out, n);
}

static const struct task {
	const char *name;
	struct dilp_pipe pipe[5];
	uint32_t n;
	void (*separate)(uint8_t *out, size_t n);
} tasks[] = {
	{ "copy+checksum", { { .kind = DILP_COPY }, { .kind = DILP_SUM } }, 2, copy_sum },
	{ "copy+CRC-32C", { { .kind = DILP_COPY }, { .kind = DILP_CRC } }, 2, copy_crc },
	{ "copy+checksum+CRC-32C+swap+XOR",
	  { { .kind = DILP_SUM }, { .kind = DILP_CRC }, { .kind = DILP_SWAP, .gauge = 4 },
	    { .kind = DILP_XOR, .key = 0x0123456789abcdef }, { .kind = DILP_COPY } }, 5, copy_all },
};

static void fused(size_t n)
{
	struct dilp_state s = DILP_BEGIN;

	dilp_run(&d, to, from, n, &s);
	result.sum = s.sum;
	result.crc = s.crc;
}

static bool same(const struct task *t, size_t n)
{
	t->separate(want, n);
	uint64_t sum = result.sum, crc = result.crc;
	result.sum = result.crc = 0;
	fused(n);
	bool sums = true, crcs = true;
	for (uint32_t k = 0; k < t->n; k++) {
		sums &= t->pipe[k].kind != DILP_SUM || sum == result.sum;
		crcs &= t->pipe[k].kind != DILP_CRC || crc == result.crc;
	}
	return sums && crcs && memcmp(to, want, n) == 0;
}

static double round_ns(const struct task *t, size_t n, bool is_fused)
{
	double begin = now_ns(), end;
	uint64_t runs = 0;

	do {
		for (int k = 0; k < 16; k++)
			is_fused ? fused(n) : t->separate(to, n);
		runs += 16;
		end = now_ns();
	} while (end - begin < ROUND_NS);
	return (end - begin) / (double)runs;
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 64, 1472, 65536, MOST };
	FILE *json = argc > 1 ? fopen(argv[1], "w") : NULL;
	const char *comma = "[";

	for (size_t k = 0; k < MOST; k++)
		from[k] = (uint8_t)(k * k >> 3);
	printf("%-32s %8s %12s %12s %7s\n", "DILP, ns a run", "bytes", "fused", "separate", "ratio");
	for (size_t k = 0; k < sizeof tasks / sizeof *tasks; k++)
		for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
			const struct task *t = &tasks[k];
			double f[ROUNDS], p[ROUNDS];
			if (pipeline_open(&d, t->pipe, t->n) || !same(t, sizes[s])) {
				fprintf(stderr, "dilp_bench: %s differs\n", t->name);
				return 1;
			}
			for (int r = 0; r < ROUNDS; r++) {
				f[r] = round_ns(t, sizes[s], true);
				p[r] = round_ns(t, sizes[s], false);
			}
			times_sort(f, ROUNDS);
			times_sort(p, ROUNDS);
			printf("%-32s %8zu %12.1f %12.1f %7.2f\n", t->name, sizes[s], f[ROUNDS / 2],
			       p[ROUNDS / 2], p[ROUNDS / 2] / f[ROUNDS / 2]);
			if (json)
				fprintf(json, "%s{\"pipes\":\"%s\",\"bytes\":%zu,\"fused_ns\":%.1f,\"separate_ns\":%.1f}\n",
				        comma, t->name, sizes[s], f[ROUNDS / 2], p[ROUNDS / 2]);
			comma = ",";
		}
	if (json) {
		fputs("]\n", json);
		fclose(json);
	}
	return 0;
}
