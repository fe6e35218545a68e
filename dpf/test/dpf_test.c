/* dpf/test/dpf_test.c - native code against the reference, on random filters and frames
 * that end where their memory ends. SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>
#include "dpf/bpf.h"
#include "dpf/build.h"
#include "dpf/dpf.h"
#include "dpf/interp.h"
#include "dpf/tool/host.h"
#include "dpf/tool/roll.h"
#include <pcap/pcap.h> /* last: its macros have names of dpf/bpf.h */

enum { FILTERS = 40, FRAMES = 200, SETS = 150, FRAME_MAX_BYTES = 128, PROGRAMS = 4000 };

static uint64_t seed = 0x243f6a8885a308d3;

static uint32_t roll(uint32_t n) { return roll_from(&seed, n); }

/* A page whose end is the end of what may be read. */
static uint8_t *edge;

static int map_edge(void **state)
{
	uint8_t *p = mmap(NULL, 2 * DPF_PAGE, PROT_READ | PROT_WRITE,
	                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	if (p == MAP_FAILED || mprotect(p + DPF_PAGE, DPF_PAGE, PROT_NONE) != 0)
		return -1;
	edge = p + DPF_PAGE;
	return 0;
}

/* A copy of n bytes that ends at the edge. */
static const uint8_t *at_edge(const uint8_t *frame, uint32_t n)
{
	memcpy(edge - n, frame, n);
	return edge - n;
}

/* Values that meet often. */
static uint8_t small_byte(void) { return (uint8_t)(roll(4) ? roll(3) : roll(256)); }

static void random_frame(uint8_t *f, uint32_t *n)
{
	*n = roll(FRAME_MAX_BYTES + 1);
	for (uint32_t i = 0; i < FRAME_MAX_BYTES; i++)
		f[i] = small_byte();
}

static struct exo_atom random_atom(void)
{
	static const uint8_t widths[] = { 1, 2, 4 };
	struct exo_atom a = { .op = FILTER_IN, .width = widths[roll(3)],
		              .offset = (uint16_t)roll(roll(8) ? 12 : 130) };
	uint32_t ones = a.width == 4 ? 0xffffffff : (1u << 8 * a.width) - 1;

	a.mask = roll(3) ? ones : ones & (0x0f0f0f0fu << roll(5));
	if (roll(12) == 0) {
		a.op = FILTER_SHIFT;
		a.width = (uint8_t)(1 + roll(2));
		a.mask = 3 + roll(13);
		a.lo = roll(4);
		return a;
	}
	if (roll(15) == 0) {
		a.width = 0;
		a.offset = 0;
		a.mask = ones = 0xff;
	}
	a.lo = roll(3) << 8 * roll(a.width ? a.width : 1);
	a.hi = roll(4) ? a.lo : a.lo + roll(300);
	if (a.hi > ones)
		a.hi = a.lo;
	a.op = roll(5) ? FILTER_IN : FILTER_OUT;
	return a;
}

static size_t random_filter(uint8_t *out)
{
	struct exo_filter head = { .priority = (uint16_t)roll(2000), .npaths = (uint16_t)(1 + roll(4)),
		                   .flags = roll(6) == 0 ? FILTER_SHARED : 0 };
	size_t n = sizeof head;

	for (unsigned i = 0; i < head.npaths; i++) {
		struct exo_path p = { .natoms = (uint16_t)roll(5) };
		unsigned shifts = 0;

		memcpy(out + n, &p, sizeof p);
		n += sizeof p;
		for (unsigned k = 0; k < p.natoms; k++) {
			struct exo_atom a = random_atom();

			shifts += a.op == FILTER_SHIFT;
			if (a.op == FILTER_SHIFT && shifts > FILTER_SHIFTS_MAX)
				a = (struct exo_atom){ .op = FILTER_IN, .width = 1, .mask = 1 };
			memcpy(out + n, &a, sizeof a);
			n += sizeof a;
		}
	}
	head.bytes = (uint32_t)n;
	memcpy(out, &head, sizeof head);
	return n;
}

/* What is installed, kept beside the classifier. */
struct kept {
	uint8_t bytes[1024];
	size_t length;
	uint32_t id; /* 0: none */
};

static bool accepts(const struct kept *k, const uint8_t *f, uint32_t cap, uint32_t wire,
                    uint64_t *rank, bool *shared)
{
	struct filter_view v;
	struct path scratch;

	assert_int_equal(filter_decode(&v, k->bytes, k->length), 0);
	*shared = v.flags & FILTER_SHARED;
	return interp_filter(&v, &scratch, f, cap, wire, rank);
}

static void compare(const struct dpf *d, const struct kept *kept, unsigned n)
{
	uint8_t frame[FRAME_MAX_BYTES];
	uint32_t cap, wire, ids[FILTERS + 1], winner = 0, all = 0, shared_count = 0;
	uint64_t best = 0;

	random_frame(frame, &cap);
	wire = cap + roll(3);
	const uint8_t *f = at_edge(frame, cap);
	for (unsigned i = 0; i < n; i++) {
		uint64_t rank;
		bool shared;

		if (!kept[i].id || !accepts(&kept[i], f, cap, wire, &rank, &shared))
			continue;
		all++;
		shared_count += shared;
		if (!shared && (!winner || rank > best || (rank == best && kept[i].id < winner))) {
			winner = kept[i].id;
			best = rank;
		}
	}
	assert_int_equal(dpf_classify(d, f, cap, wire), winner);
	const uint8_t *const burst[] = { f, f, f };
	const uint32_t lens[] = { cap, 0, cap };
	dpf_classify_burst(d, burst, lens, 3, ids);
	assert_int_equal(ids[0], dpf_classify(d, f, cap, cap));
	assert_int_equal(ids[1], dpf_classify(d, f, 0, 0));
	assert_int_equal(ids[2], ids[0]);
	assert_int_equal(dpf_match_set(d, f, cap, wire, ids, FILTERS + 1), all);
	assert_int_equal(dpf_match_shared(d, f, cap, wire, ids, FILTERS + 1), shared_count);
	for (uint32_t i = 0; i < shared_count; i++)
		for (uint32_t j = 0; j < i; j++)
			assert_int_not_equal(ids[i], ids[j]);
}

static void native_code_equals_the_reference(void **state)
{
	static const struct dpf_dominance any = { NULL, DPF_ALL };
	static struct kept kept[FILTERS];

	(void)state;
	for (int set = 0; set < SETS; set++) {
		struct dpf *d;
		size_t before = host_pages();

		assert_int_equal(dpf_create(&d, &host_memory, FILTERS, 4096, 1), 0);
		memset(kept, 0, sizeof kept);
		for (int step = 0; step < FILTERS; step++) {
			struct kept *k = &kept[roll(FILTERS)];

			if (k->id) {
				assert_int_equal(dpf_delete(d, k->id), 0);
				k->id = 0;
			} else {
				k->length = random_filter(k->bytes);
				int id = dpf_insert(d, k->bytes, k->length, 7, &any, NULL);
				k->id = id > 0 ? (uint32_t)id : 0;
				assert_true(id > 0 || id == -E_OVERLAP);
			}
			dpf_reclaim(d);
			for (int i = 0; i < FRAMES / FILTERS; i++)
				compare(d, kept, FILTERS);
		}
		for (int i = 0; i < FRAMES; i++)
			compare(d, kept, FILTERS);
		dpf_destroy(d);
		assert_int_equal(host_pages(), before);
	}
}

/* Classic BPF: random programs of valid instructions. */
static unsigned random_program(struct bpf_insn *p)
{
	static const uint16_t codes[] = {
		0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x00, 0x80, 0x60, 0x01, 0x81, 0x61, 0xb1,
		0x02, 0x03, 0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0x84, 0x94, 0xa4,
		0x0c, 0x1c, 0x2c, 0x3c, 0x4c, 0x5c, 0x9c, 0xac, 0x15, 0x25, 0x35, 0x45,
		0x1d, 0x2d, 0x3d, 0x4d, 0x07, 0x87,
	};
	unsigned n = 2 + roll(30);

	for (unsigned i = 0; i + 2 < n; i++) {
		struct bpf_insn in = { .code = codes[roll(sizeof codes / sizeof *codes)] };
		unsigned class = in.code & 7, rest = n - 2 - i;

		in.k = roll(3) ? roll(140) : roll(0x7fffffff) * 2 + roll(2);
		if ((in.code & 0xe7) == 0x60 || (in.code & 0xe7) == 0x61 || class == 2 || class == 3)
			in.k = roll(16);
		if (in.code == 0x34 || in.code == 0x94)
			in.k |= 1;
		if (in.code == 0x64 || in.code == 0x74)
			in.k = roll(32);
		if (class == 5) {
			in.jt = (uint8_t)roll(rest);
			in.jf = (uint8_t)roll(rest);
		}
		p[i] = in;
	}
	p[n - 2] = (struct bpf_insn){ .code = 0x16 };
	p[n - 1] = (struct bpf_insn){ .code = 0x06, .k = roll(3) };
	return n;
}

static bool reads_scratch_first(const struct bpf_insn *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if ((p[i].code & 0xe7) == 0x60 || (p[i].code & 0xe7) == 0x61)
			return true; /* libpcap's stack is not cleared: leave those out */
	return false;
}

static size_t program_filter(uint8_t *out, const struct bpf_insn *p, unsigned n)
{
	struct exo_filter head = { .ninsns = n };
	size_t length = sizeof head + n * sizeof *p;

	head.bytes = (uint32_t)length;
	memcpy(out, &head, sizeof head);
	memcpy(out + sizeof head, p, n * sizeof *p);
	return length;
}

static void programs_equal_libpcap(void **state)
{
	static uint8_t bytes[4096];
	struct bpf_insn p[64];
	int tried = 0;

	(void)state;
	while (tried < PROGRAMS) {
		unsigned n = random_program(p);
		struct dpf *d;

		if (reads_scratch_first(p, n) || !bpf_validate(p, (int)n))
			continue;
		tried++;
		assert_int_equal(dpf_create(&d, &host_memory, 1, 256, 1), 0);
		size_t length = program_filter(bytes, p, n);
		assert_int_equal(dpf_insert(d, bytes, length, 1, NULL, NULL), 1);
		for (int i = 0; i < 8; i++) {
			uint8_t frame[FRAME_MAX_BYTES];
			uint32_t cap, wire;
			struct filter_view v;

			random_frame(frame, &cap);
			wire = cap + roll(100);
			const uint8_t *f = at_edge(frame, cap);
			uint32_t want = bpf_filter(p, f, wire, cap);
			assert_int_equal(filter_decode(&v, bytes, length), 0);
			assert_int_equal(bpf_run(&v, f, cap, wire), want);
			assert_int_equal(dpf_classify(d, f, cap, wire), want != 0);
		}
		dpf_destroy(d);
	}
}

static void malformed_filters_are_refused(void **state)
{
	uint8_t good[FILTER_BUILD_MAX], bad[FILTER_BUILD_MAX];
	long length = filter_udp_port(good, sizeof good, NULL, 53);
	struct dpf *d;

	(void)state;
	assert_true(length > 0);
	assert_int_equal(dpf_create(&d, &host_memory, 10, 256, 1), 0);
	for (long cut = 0; cut < length; cut++) {
		uint8_t *copy = malloc((size_t)cut + 1);

		memcpy(copy, good, (size_t)cut);
		assert_int_equal(dpf_insert(d, copy, (size_t)cut, 1, NULL, NULL), -E_INVAL);
		free(copy);
	}
	for (int i = 0; i < 20000; i++) { /* whatever is in them, they do no harm */
		memcpy(bad, good, (size_t)length);
		for (int k = 0; k < 3; k++)
			bad[roll((uint32_t)length)] ^= (uint8_t)(1 << roll(8));
		int id = dpf_insert(d, bad, (size_t)length, 1, NULL, NULL);
		if (id > 0)
			dpf_delete(d, (uint32_t)id);
		dpf_reclaim(d);
	}
	dpf_destroy(d);
}

static void refuses_what_takes_anothers_packets(void **state)
{
	static const uint8_t ip[4] = { 10, 0, 0, 1 };
	const struct filter_local local = { ip, NULL };
	uint8_t rest[FILTER_BUILD_MAX], port[FILTER_BUILD_MAX];
	long rest_length = filter_address(rest, sizeof rest, &local);
	long port_length = filter_tcp_listen(port, sizeof port, &local, 80);
	uint32_t conflict, id;
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, 10, 256, 1), 0);
	id = (uint32_t)dpf_insert(d, rest, (size_t)rest_length, 1, NULL, NULL);
	assert_int_equal(dpf_insert(d, port, (size_t)port_length, 2, NULL, &conflict),
	                 -E_OVERLAP);
	assert_int_equal(conflict, id);
	const struct dpf_dominance may = { &id, 1 };
	int web = dpf_insert(d, port, (size_t)port_length, 2, &may, &conflict);
	assert_true(web > 0);
	assert_int_equal(dpf_insert(d, port, (size_t)port_length, 2, &may, &conflict),
	                 -E_OVERLAP); /* the same again */
	assert_int_equal(conflict, web);
	assert_int_equal(dpf_delete(d, (uint32_t)web), 0);
	assert_int_equal(dpf_delete(d, (uint32_t)web), -E_INVAL);
	dpf_destroy(d);
}

/* Ethernet, IPv4 with `options` words of options, UDP. */
static uint32_t udp_frame(uint8_t *f, unsigned options, uint16_t fragment, const uint8_t *src,
                          const uint8_t *dst, uint16_t sport, uint16_t dport)
{
	uint8_t *l4 = f + 34 + 4 * options;

	memset(f, 0, 80);
	f[12] = 8;
	f[14] = (uint8_t)(0x45 + options);
	f[20] = (uint8_t)(fragment >> 8);
	f[21] = (uint8_t)fragment;
	f[23] = 17;
	memcpy(f + 26, src, 4);
	memcpy(f + 30, dst, 4);
	l4[0] = (uint8_t)(sport >> 8);
	l4[1] = (uint8_t)sport;
	l4[2] = (uint8_t)(dport >> 8);
	l4[3] = (uint8_t)dport;
	return 42 + 4 * options;
}

/* Owner 1 has UDP port 7: classifiers of what it receives, and of what it may send. */
static void bind_port_7(const struct filter_local *local, struct dpf **rx, struct dpf **tx)
{
	uint8_t filter[FILTER_BUILD_MAX], mirror[FILTER_BUILD_MAX];
	long length = filter_udp_port(filter, sizeof filter, local, 7);
	long mirrored = dpf_mirror(filter, (size_t)length, mirror, sizeof mirror);

	assert_true(mirrored > 0);
	assert_int_equal(dpf_create(rx, &host_memory, 10, 256, 1), 0);
	assert_int_equal(dpf_create(tx, &host_memory, 10, 256, 1), 0);
	assert_int_equal(dpf_insert(*rx, filter, (size_t)length, 1, NULL, NULL), 1);
	assert_int_equal(dpf_insert(*tx, mirror, (size_t)mirrored, 1, NULL, NULL), 1);
}

static void a_port_filter_takes_its_port_and_its_mirror_sends_from_it(void **state)
{
	static const uint8_t us[4] = { 10, 0, 2, 15 }, them[4] = { 10, 0, 2, 2 };
	const struct filter_local local = { us, NULL };
	struct dpf *rx, *tx;
	uint8_t f[128];

	(void)state;
	bind_port_7(&local, &rx, &tx);
	for (unsigned options = 0; options <= 10; options += 5) {
		uint32_t n = udp_frame(f, options, 0, them, us, 999, 7);
		assert_int_equal(dpf_classify(rx, at_edge(f, n), n, n), 1);
		assert_int_equal(dpf_classify(tx, at_edge(f, n), n, n), 0);
		n = udp_frame(f, options, 0, us, them, 7, 999);
		assert_int_equal(dpf_classify(rx, at_edge(f, n), n, n), 0);
		assert_int_equal(dpf_classify(tx, at_edge(f, n), n, n), 1);
		n = udp_frame(f, options, 0, us, them, 8, 7);
		assert_int_equal(dpf_classify(tx, at_edge(f, n), n, n), 0);
		n = udp_frame(f, options, 0, them, them, 7, 7);
		assert_int_equal(dpf_classify(tx, at_edge(f, n), n, n), 0);
	}
	uint32_t n = udp_frame(f, 0, 0x2001, them, us, 999, 7); /* a later fragment */
	assert_int_equal(dpf_classify(rx, f, n, n), 0);
	n = udp_frame(f, 0, 0x2000, them, us, 999, 7); /* the first one */
	assert_int_equal(dpf_classify(rx, f, n, n), 1);
	dpf_destroy(rx);
	dpf_destroy(tx);
}

/* What a table has had, and an empty slot, which looks like a key of zeros, say nothing. */
static void what_a_table_does_not_have_goes_to_the_next_shape(void **state)
{
	enum { SESSIONS = 6 };
	static const uint8_t us[4] = { 10, 0, 2, 15 };
	const struct filter_local local = { us, NULL };
	const struct dpf_dominance any = { NULL, DPF_ALL };
	uint8_t filter[FILTER_BUILD_MAX], f[128], them[4] = { 10, 0, 2, 2 };
	int id[SESSIONS], rest[2];
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, 20, 256, 1), 0);
	for (unsigned i = 0; i < SESSIONS; i++) {
		them[3] = (uint8_t)(i + 1);
		long n = filter_tcp_session(filter, sizeof filter, 4, us, 80, them,
		                            (uint16_t)(1000 + i));
		id[i] = dpf_insert(d, filter, (size_t)n, 1, &any, NULL);
	}
	long n = filter_tcp_listen(filter, sizeof filter, &local, 80);
	rest[0] = dpf_insert(d, filter, (size_t)n, 1, &any, NULL);
	n = filter_ethertype(filter, sizeof filter, 0x0800);
	rest[1] = dpf_insert(d, filter, (size_t)n, 1, &any, NULL);
	assert_true(rest[0] > 0 && rest[1] > 0);
	for (unsigned i = 0; i < 2; i++) { /* with the third one the table would go */
		them[3] = (uint8_t)(i + 1);
		uint32_t length = udp_frame(f, 0, 0, them, us, (uint16_t)(1000 + i), 80);

		f[23] = 6;
		assert_int_equal(dpf_classify(d, f, length, length), id[i]);
		dpf_delete(d, (uint32_t)id[i]);
		assert_int_equal(dpf_classify(d, f, length, length), rest[i]);
		dpf_delete(d, (uint32_t)rest[i]);
	}
	dpf_destroy(d);
}

static void an_empty_slot_is_no_key_of_zeros(void **state)
{
	static const struct { struct exo_filter head; struct exo_path path; } all = {
		{ .bytes = sizeof all, .npaths = 1 }, { 0 }
	};
	const struct dpf_dominance any = { NULL, DPF_ALL };
	uint8_t filter[FILTER_BUILD_MAX], f[60] = { 0 };
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, 20, 256, 1), 0);
	for (uint16_t type = 1; type <= 6; type++) {
		long n = filter_ethertype(filter, sizeof filter, type);
		assert_int_equal(dpf_insert(d, filter, (size_t)n, 1, &any, NULL), type);
	}
	assert_int_equal(dpf_insert(d, &all, sizeof all, 1, &any, NULL), 7);
	assert_int_equal(dpf_classify(d, f, sizeof f, sizeof f), 7);
	f[13] = 5;
	assert_int_equal(dpf_classify(d, f, sizeof f, sizeof f), 5);
	dpf_delete(d, 5);
	assert_int_equal(dpf_classify(d, f, sizeof f, sizeof f), 7);
	dpf_destroy(d);
}

static void a_tee_is_refused_what_it_may_not_copy(void **state)
{
	uint8_t one[FILTER_BUILD_MAX], two[FILTER_BUILD_MAX], tee[FILTER_BUILD_MAX];
	size_t one_length = (size_t)filter_udp_port(one, sizeof one, NULL, 7);
	size_t two_length = (size_t)filter_udp_port(two, sizeof two, NULL, 9);
	size_t length = (size_t)filter_ethertype(tee, sizeof tee, 0x0800);
	uint32_t ids[2], conflict;
	struct dpf_dominance may = { ids, 1 };
	const struct dpf_dominance any = { NULL, DPF_ALL };
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, 10, 256, 1), 0);
	filter_set_priority(two, 9); /* a copy is a copy, whoever is above */
	ids[0] = (uint32_t)dpf_insert(d, one, one_length, 1, NULL, NULL);
	ids[1] = (uint32_t)dpf_insert(d, two, two_length, 1, NULL, NULL);
	filter_set_shared(tee);
	assert_int_equal(dpf_insert(d, tee, length, 2, &may, &conflict), -E_OVERLAP);
	assert_int_equal(conflict, ids[1]);
	assert_int_equal(dpf_insert(d, tee, length, 2, NULL, &conflict), -E_OVERLAP);
	may.count = 2;
	assert_true(dpf_insert(d, tee, length, 2, &may, &conflict) > 0);
	assert_true(dpf_insert(d, tee, length, 2, &any, &conflict) > 0);
	assert_int_equal(conflict, 0);
	length = (size_t)filter_udp_port(tee, sizeof tee, NULL, 8);
	filter_set_shared(tee);
	assert_true(dpf_insert(d, tee, length, 2, NULL, NULL) > 0); /* copies of nobody's */
	dpf_destroy(d);
}

/* A fragment of a UDP datagram over IPv6, at this place (bytes / 8) in it. */
static uint32_t fragment6(uint8_t *f, const uint8_t src[16], const uint8_t dst[16], uint16_t place,
                          uint16_t sport, uint16_t dport)
{
	memset(f, 0, 74);
	f[12] = 0x86;
	f[13] = 0xdd;
	f[20] = 44;
	memcpy(f + 22, src, 16);
	memcpy(f + 38, dst, 16);
	f[54] = 17;
	f[56] = (uint8_t)(place >> 5);
	f[57] = (uint8_t)(place << 3 | 1);
	f[63] = (uint8_t)sport;
	f[65] = (uint8_t)dport;
	return 74;
}

static void a_port_filter_takes_the_first_fragment_over_ipv6(void **state)
{
	static const uint8_t us[16] = { 0xfd, [15] = 1 }, them[16] = { 0xfd, [15] = 2 };
	const struct filter_local local = { NULL, us };
	struct dpf *rx, *tx;
	uint8_t f[128];

	(void)state;
	bind_port_7(&local, &rx, &tx);
	uint32_t n = fragment6(f, them, us, 0, 99, 7);
	assert_int_equal(dpf_classify(rx, f, n, n), 1);
	assert_int_equal(dpf_classify(tx, f, n, n), 0);
	fragment6(f, them, us, 1, 99, 7);
	assert_int_equal(dpf_classify(rx, f, n, n), 0);
	fragment6(f, us, them, 0, 7, 99);
	assert_int_equal(dpf_classify(rx, f, n, n), 0);
	assert_int_equal(dpf_classify(tx, f, n, n), 1);
	fragment6(f, us, them, 0, 99, 7);
	assert_int_equal(dpf_classify(tx, f, n, n), 0);
	fragment6(f, us, them, 1, 7, 99);
	assert_int_equal(dpf_classify(tx, f, n, n), 0);
	dpf_destroy(rx);
	dpf_destroy(tx);
}

/* What /proc/self/maps says of the page: "rw-p", or "" when it is not mapped. */
static void rights_of(const void *page, char rights[5])
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to, at = (unsigned long)page;
	char line[512], said[5];

	assert_non_null(maps);
	*rights = 0;
	while (fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx %4s", &from, &to, said) == 3 && at >= from && at < to)
			memcpy(rights, said, sizeof said);
	fclose(maps);
}

static void the_hosts_code_is_never_writable_and_executable(void **state)
{
	enum { PAGES = 100 }; /* more than are kept */
	const struct dpf_memory *m = &host_memory;
	static const uint8_t zeros[DPF_PAGE];
	struct dpf_code code[PAGES];
	char rights[5];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < PAGES; i++) {
			assert_true(m->code_alloc(m->ctx, &code[i], 1));
			rights_of(code[i].write, rights);
			assert_string_equal(rights, "rw-p");
			assert_memory_equal(code[i].write, zeros, sizeof zeros);
			code[i].write[i] = 0xc3;
			m->code_seal(m->ctx, &code[i]);
			rights_of(code[i].exec, rights);
			assert_string_equal(rights, "r-xp");
		}
		for (int i = 0; i < PAGES; i++) {
			m->code_free(m->ctx, &code[i]);
			rights_of(code[i].exec, rights);
			assert_null(strchr(rights, 'x'));
		}
	}
	assert_string_equal(rights, ""); /* the last one went back to the system */
}

static void the_hosts_pages_come_zeroed(void **state)
{
	static const uint8_t zeros[DPF_PAGE];
	const struct dpf_memory *m = &host_memory;

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint8_t *p = m->alloc(m->ctx, 1);

		assert_non_null(p);
		assert_memory_equal(p, zeros, sizeof zeros);
		p[i] = 1;
		m->free(m->ctx, p, 1);
	}
}

static void without_memory_nothing_changes(void **state)
{
	uint8_t filter[FILTER_BUILD_MAX];
	struct dpf *d;

	(void)state;
	for (size_t pages = 0; pages < 40; pages++) {
		size_t before = host_pages();

		if (dpf_create(&d, &host_memory, 20, pages, 1) < 0) {
			assert_int_equal(host_pages(), before);
			continue;
		}
		int n = 0;
		for (uint16_t port = 1; port <= 20; port++) {
			long length = filter_udp_port(filter, sizeof filter, NULL, port);
			int id = dpf_insert(d, filter, (size_t)length, 1, NULL, NULL);

			assert_true(id > 0 || id == -E_NOMEM);
			n += id > 0;
			dpf_reclaim(d);
		}
		struct dpf_stats stats;
		dpf_stats(d, &stats);
		assert_int_equal(stats.filters, n);
		dpf_destroy(d);
		assert_int_equal(host_pages(), before);
	}
}

/* With two ids, one of them spent: the other serves for all. */
static void a_spent_id_never_comes_back(void **state)
{
	uint8_t filter[FILTER_BUILD_MAX];
	long length = filter_udp_port(filter, sizeof filter, NULL, 7);
	struct dpf *d;

	(void)state;
	assert_int_equal(dpf_create(&d, &host_memory, 2, 10000, 1), 0);
	for (int round = 0; round < 4; round++) {
		int id = dpf_insert(d, filter, (size_t)length, 1, NULL, NULL);

		assert_int_equal(id, round == 0 ? 1 : 2);
		dpf_spend(d, (uint32_t)id); /* not while it is in use */
		assert_int_equal(dpf_delete(d, (uint32_t)id), 0);
		if (round == 0 || round == 3)
			dpf_spend(d, (uint32_t)id);
		dpf_reclaim(d);
	}
	assert_int_equal(dpf_insert(d, filter, (size_t)length, 1, NULL, NULL), -E_NOSPC);
	dpf_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(native_code_equals_the_reference),
		cmocka_unit_test(programs_equal_libpcap),
		cmocka_unit_test(malformed_filters_are_refused),
		cmocka_unit_test(refuses_what_takes_anothers_packets),
		cmocka_unit_test(a_port_filter_takes_its_port_and_its_mirror_sends_from_it),
		cmocka_unit_test(a_port_filter_takes_the_first_fragment_over_ipv6),
		cmocka_unit_test(what_a_table_does_not_have_goes_to_the_next_shape),
		cmocka_unit_test(an_empty_slot_is_no_key_of_zeros),
		cmocka_unit_test(a_tee_is_refused_what_it_may_not_copy),
		cmocka_unit_test(a_spent_id_never_comes_back),
		cmocka_unit_test(the_hosts_code_is_never_writable_and_executable),
		cmocka_unit_test(the_hosts_pages_come_zeroed),
		cmocka_unit_test(without_memory_nothing_changes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, map_edge, NULL);
}
