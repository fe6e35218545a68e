/* dpf/test/expression_test.c - pcap expressions, merged: what a packet is asked, counted.
 * SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dpf/dpf.h"
#include "dpf/gen.h"
#include "dpf/tool/host.h"
#include <pcap/pcap.h> /* last: its macros have names of ours */

enum { MANY = 1000, FRAME = 60, CODE_MAX = 1 << 16 };

static pcap_t *ethernet;

/* The filter of an expression. Returns its length. */
static size_t compile(const char *text, uint16_t flags, uint8_t out[4096])
{
	struct exo_filter head = { .flags = flags };
	struct bpf_program p;

	assert_int_equal(pcap_compile(ethernet, &p, text, 1, PCAP_NETMASK_UNKNOWN), 0);
	head.ninsns = p.bf_len;
	head.bytes = (uint32_t)(sizeof head + p.bf_len * sizeof *p.bf_insns);
	assert_true(head.bytes <= 4096);
	memcpy(out, &head, sizeof head);
	memcpy(out + sizeof head, p.bf_insns, p.bf_len * sizeof *p.bf_insns);
	pcap_freecode(&p);
	return head.bytes;
}

static int insert(struct dpf *d, const char *text, uint16_t flags)
{
	static const struct dpf_dominance any = { NULL, DPF_ALL };
	uint8_t bytes[4096];
	size_t n = compile(text, flags, bytes);
	int id = dpf_insert(d, bytes, n, 1, flags ? &any : NULL, NULL);

	dpf_reclaim(d);
	return id;
}

/* What the function asks, each question once: its code has no way back. */
struct asked {
	uint32_t questions, constants, programs, bytes;
};

static void hear(void *ctx, const struct store *store, const struct gen_note *note)
{
	struct asked *a = ctx;

	(void)store;
	a->questions++;
	a->constants += note->kind == GEN_BYTES;
	a->programs += note->kind == GEN_PROGRAM;
}

static struct asked ask(struct dpf *d, bool shared)
{
	static uint8_t code[CODE_MAX];
	struct asked a = { 0 };

	a.bytes = dpf_tell(d, shared, code, sizeof code, &(struct gen_listener){ &a, hear });
	assert_true(a.bytes > 0);
	return a;
}

/* Ethernet, IPv4, and the ports of what is in it. */
static void make_frame(uint8_t f[FRAME], uint8_t proto, uint32_t from, unsigned sport, unsigned dport)
{
	memset(f, 0, FRAME);
	f[12] = 8;
	f[14] = 0x45;
	f[23] = proto;
	for (int i = 0; i < 4; i++)
		f[26 + i] = (uint8_t)(from >> 8 * (3 - i));
	f[34] = (uint8_t)(sport >> 8);
	f[35] = (uint8_t)sport;
	f[36] = (uint8_t)(dport >> 8);
	f[37] = (uint8_t)dport;
}

static void a_thousand_ports_ask_no_more_than_ten(void **state)
{
	struct asked ten = { 0 };
	struct dpf_stats stats;
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, MANY, 4096, 1), 0);
	for (uint32_t i = 1; i <= MANY; i++) {
		char text[64];

		snprintf(text, sizeof text, "host 10.0.0.1 and tcp port %u", i);
		assert_int_equal(insert(d, text, FILTER_SHARED), i);
		if (i == 10)
			ten = ask(d, true);
	}
	struct asked all = ask(d, true);
	assert_int_equal(all.questions, ten.questions);
	assert_true(all.bytes <= ten.bytes + 32); /* offsets in larger tables are longer */
	dpf_stats(d, &stats);
	assert_int_equal(stats.residual, 0);
	assert_int_equal(stats.shapes, 4); /* to or from, the one port or the other */
	for (uint32_t port = 1; port <= MANY; port += 111) {
		uint32_t ids[3];
		uint8_t f[FRAME];

		make_frame(f, 6, 0x0a000001, 5000, port);
		assert_int_equal(dpf_match_shared(d, f, FRAME, FRAME, ids, 3), 1);
		assert_int_equal(ids[0], port);
		f[29] = 2;
		assert_int_equal(dpf_match_shared(d, f, FRAME, FRAME, ids, 3), 0);
	}
	dpf_destroy(d);
}

/* What no path can say, of TCP and of UDP. */
static const char *const residual[] = {
	"tcp and ip[2:2] - ip[4:2] = 7", "udp and ip[2:2] - ip[4:2] = 7", "tcp and ip[8] * ip[9] = 60",
};

static void residuals_share_what_they_ask_first(void **state)
{
	enum { RESIDUALS = 8 };
	struct dpf_stats stats;
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, MANY, 4096, 1), 0);
	for (uint32_t i = 1; i <= RESIDUALS; i++) {
		char text[64];

		snprintf(text, sizeof text, "tcp and ip[2:2] - ip[4:2] = %u", i);
		assert_int_equal(insert(d, text, FILTER_SHARED), i);
	}
	struct asked a = ask(d, true);
	assert_int_equal(a.programs, RESIDUALS);
	assert_int_equal(a.constants, 1); /* of all: a frame that is not TCP is asked no more */
	dpf_stats(d, &stats);
	assert_int_equal(stats.residual, RESIDUALS);
	for (uint32_t i = 1; i <= RESIDUALS; i++) {
		uint32_t ids[2];
		uint8_t f[FRAME];

		make_frame(f, 6, 0x0a000001, 5, 6);
		f[17] = (uint8_t)(60 + i);
		f[19] = 60;
		assert_int_equal(dpf_match_shared(d, f, FRAME, FRAME, ids, 2), 1);
		assert_int_equal(ids[0], i);
		assert_int_equal(dpf_match_shared(d, f, 19, FRAME, ids, 2), 0); /* cut short */
		f[23] = 17;
		assert_int_equal(dpf_match_shared(d, f, FRAME, FRAME, ids, 2), 0);
	}
	dpf_destroy(d);
}

/* Two that begin by asking for different things take nothing from each other; of two that do not,
 * nobody can say. What is not a program goes before either. */
static void residuals_of_different_kinds_stand_side_by_side(void **state)
{
	uint8_t f[FRAME];
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, MANY, 4096, 1), 0);
	assert_int_equal(insert(d, residual[0], 0), 1);
	assert_int_equal(insert(d, residual[1], 0), 2);
	assert_int_equal(insert(d, residual[2], 0), -E_OVERLAP);
	make_frame(f, 6, 0x0a000001, 5, 6);
	f[17] = 7;
	assert_int_equal(dpf_classify(d, f, FRAME, FRAME), 1);
	f[23] = 17;
	assert_int_equal(dpf_classify(d, f, FRAME, FRAME), 2);
	f[17] = 8;
	assert_int_equal(dpf_classify(d, f, FRAME, FRAME), 0);
	assert_int_equal(insert(d, "udp", 0), -E_OVERLAP);
	assert_int_equal(dpf_delete(d, 2), 0);
	dpf_reclaim(d);
	int udp = insert(d, "udp", 0);
	assert_true(udp > 0);
	assert_int_equal(insert(d, residual[1], 0) > 0, 1);
	f[17] = 7;
	assert_int_equal(dpf_classify(d, f, FRAME, FRAME), udp);
	dpf_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_ports_ask_no_more_than_ten),
		cmocka_unit_test(residuals_share_what_they_ask_first),
		cmocka_unit_test(residuals_of_different_kinds_stand_side_by_side),
	};

	ethernet = pcap_open_dead(DLT_EN10MB, 65535);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return ethernet ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
