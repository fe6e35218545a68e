/* ash/tool/bench.c - `ash bench`: engines on the same frames, in one run.
 *
 * First every engine's verdict and reply are compared, frame by frame; then they are timed,
 * in turns, in many short rounds, and the time that a tenth of its rounds do not pass is printed,
 * since others use the machine too. What an engine is charged is the handler alone: the
 * time of copying the frame and filling the context, measured as an engine that does nothing
 * else, is taken off; and so for Linux, which measures itself. Instructions are counted
 * exactly, over all frames once. SPDX-License-Identifier: ISC
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "ash/tool/tool.h"
#include "dpf/tool/steps.h"

enum { ROUNDS = 1501, ROUND_NS = 40000, LOAD_ROUNDS = 61 };
enum { LINUX_ROUNDS = 61, LINUX_RUNS = 1000, LINUX_REPEAT = 1000 };
enum { NOTHING, RETURN, NATIVE, BARE, INTERPRETER, GCC, LINUX, DPDK, ENGINES };
static const char *const names[] = { "frame alone", "only return", "ash", "sandbox off", "interpreter",
	                             "gcc -O2", "Linux's code", "DPDK" };

struct bench {
	struct object *object;
	struct host bare, empty; /* the same window, other code */
	struct host *host[ENGINES]; /* whose run an engine works on */
	native_handler *native;
	linux_code *linux_code;
	peer_program *dpdk;
	const char *dpdk_why;
	struct capture capture;
	int linux_program;
	const char *linux_why;
	double ns[ENGINES], linux_ns;
	uint64_t steps[ENGINES]; /* instructions for all frames; 0: not counted */
	double once_ns; /* ours, measured as Linux measures where frames are replied to */
	bool replies; /* some frame's verdict is that */
};

static bool has(const struct bench *b, int engine)
{
	switch (engine) {
	case GCC: return b->native != NULL;
	case LINUX: return b->linux_code != NULL;
	case DPDK: return b->dpdk != NULL;
	default: return true;
	}
}

/* One run of an engine. Each is called in the same way, so that what is around it is the same
 * number of instructions. */
typedef void run_function(struct bench *b, struct host *h, struct ash_ctx *c);

static void run_nothing(struct bench *b, struct host *h, struct ash_ctx *c)
{
	(void)b, (void)h, (void)c;
}

static void run_native(struct bench *b, struct host *h, struct ash_ctx *c)
{
	(void)b, (void)c;
	host_native(h);
}

static void run_interpreter(struct bench *b, struct host *h, struct ash_ctx *c)
{
	(void)b, (void)c;
	host_interpret(h);
}

static void run_gcc(struct bench *b, struct host *h, struct ash_ctx *c)
{
	h->run.r0 = b->native(c);
}

static void run_linux(struct bench *b, struct host *h, struct ash_ctx *c)
{
	h->run.r0 = linux_call(b->linux_code, c);
}

static void run_dpdk(struct bench *b, struct host *h, struct ash_ctx *c)
{
	h->run.r0 = b->dpdk(c);
}

static run_function *const run_of[ENGINES] = { run_nothing, run_native, run_native, run_native,
	                                       run_interpreter, run_gcc, run_linux, run_dpdk };

static void run_engine(struct bench *b, int engine)
{
	run_of[engine](b, b->host[engine], (struct ash_ctx *)(uintptr_t)ASH_CTX);
}

struct outcome {
	enum ash_verdict verdict;
	uint32_t first, length;
};

static struct outcome one(struct bench *b, int engine, const struct capture_frame *f)
{
	struct host *h = b->host[engine];
	struct ash_frame frame = slot_fill(h, f);
	struct outcome o;

	ash_frame_begin(&h->run, &frame);
	h->run.budget = ASH_BUDGET;
	h->run.r0 = ASH_PASS;
	h->run.stop = ASH_STOP_OK;
	run_engine(b, engine);
	o.verdict = ash_frame_end(&h->run, &frame, &o.first, &o.length);
	return o;
}

static bool same(const struct bench *b, const struct outcome *x, const struct outcome *y,
                 const uint8_t *reply)
{
	return x->verdict == y->verdict && x->length == y->length &&
	       (x->verdict != ASH_REPLY ||
	        memcmp(b->object->host.run.window + y->first, reply, y->length) == 0);
}

/* All verdicts and replies of an engine, with fresh data, against `want`, or into it. */
static bool pass(struct bench *b, int engine, struct outcome *want, uint8_t *replies)
{
	object_reset(b->object);
	for (uint32_t k = 0; k < b->capture.n; k++) {
		struct outcome o = one(b, engine, &b->capture.frame[k]);
		uint8_t *reply = replies + (size_t)k * SLOT_MAX;

		if (engine == INTERPRETER) {
			want[k] = o;
			b->replies |= o.verdict == ASH_REPLY;
			memcpy(reply, b->object->host.run.window + o.first, o.length);
		} else if (!same(b, &want[k], &o, reply)) {
			fprintf(stderr, "ash: %s and the interpreter differ on frame %" PRIu32 "\n",
			        names[engine], k + 1);
			return false;
		}
	}
	return true;
}

static bool linux_agrees(struct bench *b, const struct outcome *want, const uint8_t *replies)
{
	uint8_t *out = malloc(SLOT_ROOM + SLOT_MAX);
	bool good = out != NULL;

	for (uint32_t k = 0; good && k < b->capture.n; k++) {
		uint32_t verdict, length;
		if (linux_run(b->linux_program, &b->capture.frame[k], 1, &verdict, out, &length) < 0)
			good = false;
		else if (verdict != (uint32_t)want[k].verdict ||
		         (verdict == ASH_REPLY &&
		          memcmp(out, replies + (size_t)k * SLOT_MAX, want[k].length)))
			good = false;
	}
	free(out);
	return good;
}

static bool agree(struct bench *b)
{
	static const char differs[] = "its verdicts differ, or it does not run these frames";
	struct outcome *want = calloc(b->capture.n, sizeof *want);
	uint8_t *replies = calloc(b->capture.n, SLOT_MAX);
	bool good = want && replies && pass(b, INTERPRETER, want, replies);

	for (int e = NATIVE; good && e < DPDK; e++)
		good = e == INTERPRETER || !has(b, e) || pass(b, e, want, replies);
	if (good && b->dpdk && !pass(b, DPDK, want, replies)) {
		b->dpdk = NULL;
		b->dpdk_why = differs;
	}
	if (good && b->linux_program >= 0 && !linux_agrees(b, want, replies)) {
		b->linux_program = -1;
		b->linux_why = differs;
	}
	free(want);
	free(replies);
	return good;
}

/* Nanoseconds for each frame. */
static double time_round(struct bench *b, int engine)
{
	double begin = now_ns(), end;
	uint64_t frames = 0;

	do {
		for (uint32_t k = 0; k < b->capture.n; k++)
			one(b, engine, &b->capture.frame[k]);
		frames += b->capture.n;
		end = now_ns();
	} while (end - begin < ROUND_NS);
	return (end - begin) / (double)frames;
}

struct counted {
	struct bench *b;
	int engine;
};

static void run_all(void *arg)
{
	struct counted *c = arg;

	for (uint32_t k = 0; k < c->b->capture.n; k++)
		one(c->b, c->engine, &c->b->capture.frame[k]);
}

static void count_all(struct bench *b)
{
	for (int e = 0; e < ENGINES; e++)
		if (has(b, e) && e != INTERPRETER)
			b->steps[e] = steps_of(run_all, &(struct counted){ b, e });
}

/* Instructions of the handler for each frame; 0 if they were not counted. */
static double steps_alone(const struct bench *b, int engine)
{
	uint64_t all = b->steps[engine], frame = b->steps[NOTHING];

	return frame && all > frame ? (double)(all - frame) / b->capture.n : 0;
}

static const char *steps_text(const struct bench *b, int engine)
{
	static char text[40];
	double steps = steps_alone(b, engine);

	snprintf(text, sizeof text, ", %.0f instructions", steps);
	return steps > 0 ? text : "";
}

/* What n rounds take where nobody disturbs them. */
static double undisturbed(double *t, size_t n)
{
	times_sort(t, n);
	return t[n / 10];
}

/* One run between two readings of the clock, as Linux does it. */
static double once(struct bench *b, int engine, const struct capture_frame *f)
{
	struct host *h = b->host[engine];
	struct ash_frame frame = slot_fill(h, f);

	ash_frame_begin(&h->run, &frame);
	h->run.budget = ASH_BUDGET;
	double begin = now_ns();
	run_engine(b, engine);
	return now_ns() - begin;
}

/* Without the time that a program takes which does nothing. Where no frame is replied to,
 * Linux repeats each run itself; where one is, a single run at a time, since Linux does not
 * put the frame right between repetitions: a rough figure, its clock is read amid the run, and ours
 * is measured so too. */
static double time_linux(struct bench *b, int nothing, uint8_t *out, double *ours)
{
	uint32_t repeat = b->replies ? 1 : LINUX_REPEAT, runs = b->replies ? LINUX_RUNS : 1;
	double sum = 0;
	uint32_t verdict, length;

	*ours = 0;
	for (uint32_t r = 0; r < runs; r++) {
		const struct capture_frame *f = &b->capture.frame[r % b->capture.n];
		sum += linux_run(b->linux_program, f, repeat, &verdict, out, &length);
		sum -= linux_run(nothing, f, repeat, &verdict, out, &length);
		*ours += once(b, NATIVE, f) - once(b, RETURN, f);
	}
	*ours /= runs;
	return sum / runs;
}

static void time_in_linux(struct bench *b)
{
	double t[LINUX_ROUNDS], ours[LINUX_ROUNDS];
	uint8_t *out = malloc(SLOT_ROOM + SLOT_MAX);
	int nothing = linux_load_nothing();

	for (int r = 0; r < LINUX_ROUNDS; r++)
		t[r] = out ? time_linux(b, nothing, out, &ours[r]) : 0;
	b->linux_ns = undisturbed(t, LINUX_ROUNDS);
	b->once_ns = b->replies && out ? undisturbed(ours, LINUX_ROUNDS) : b->ns[NATIVE] - b->ns[RETURN];
	free(out);
}

/* Linking, decoding and compiling; a host of its own keeps the window as it is. */
static void time_load(struct bench *b)
{
	struct ash_object *l = &b->object->linked;
	struct host h = { .run = b->object->host.run, .compiler = ash_compile, .start = l->start };
	double t[LOAD_ROUNDS];

	for (int r = 0; r < LOAD_ROUNDS; r++) {
		double begin = now_ns();
		ash_object_link(l);
		host_load(&h, l->insn, l->ninsn, l->entry, l->nentry);
		t[r] = now_ns() - begin;
	}
	host_close(&h);
	b->object->load_ns = undisturbed(t, LOAD_ROUNDS);
}

static void time_all(struct bench *b)
{
	static double t[ENGINES][ROUNDS];

	for (int r = 0; r < ROUNDS; r++)
		for (int e = 0; e < ENGINES; e++)
			t[e][r] = has(b, e) ? time_round(b, e) : 0;
	for (int e = 0; e < ENGINES; e++)
		b->ns[e] = undisturbed(t[e], ROUNDS);
	time_load(b);
	if (b->linux_program >= 0)
		time_in_linux(b);
}

static double alone(const struct bench *b, int engine) { return b->ns[engine] - b->ns[NOTHING]; }

static void print_text(const struct bench *b)
{
	printf("%s: %" PRIu32 " frames; every verdict and reply is the interpreter's\n",
	       b->object->linked.name, b->capture.n);
	for (int e = RETURN; e < ENGINES; e++)
		if (has(b, e))
			printf("  %-12s %9.1f ns per frame, %5.2f times the sandboxed code%s\n", names[e],
			       alone(b, e), alone(b, e) / alone(b, NATIVE), steps_text(b, e));
	if (b->linux_program >= 0)
		printf("  %-12s %9.1f ns per frame in the kernel, without entry; the sandboxed code %.1f\n", "Linux",
		       b->linux_ns, b->once_ns);
	else
		printf("  %-12s not run: %s\n", "Linux", b->linux_why);
	if (!b->dpdk)
		printf("  %-12s not run: %s\n", names[DPDK], b->dpdk_why);
	printf("  load         %9.1f us for %" PRIu32 " instructions\n", b->object->load_ns / 1e3,
	       b->object->host.program.ninsn);
}

static void json_peer(const char *name, bool ran, double ns, const char *why)
{
	if (ran) {
		printf(",\"%s_ns\":%.2f", name, ns);
		return;
	}
	printf(",\"%s\":", name);
	json_string(stdout, why);
}

static void print_json(const struct bench *b)
{
	printf("{\"program\":");
	json_string(stdout, b->object->linked.name);
	printf(",\"frames\":%" PRIu32 ",\"instructions\":%" PRIu32 ",\"load_ns\":%.0f,"
	       "\"frame_ns\":%.2f,\"return_ns\":%.2f,\"ash_ns\":%.2f,\"sandbox_off_ns\":%.2f,\"interpreter_ns\":%.2f",
	       b->capture.n, b->object->host.program.ninsn, b->object->load_ns, b->ns[NOTHING],
	       alone(b, RETURN), alone(b, NATIVE), alone(b, BARE), alone(b, INTERPRETER));
	printf(",\"return_steps\":%.1f,\"ash_steps\":%.1f,\"sandbox_off_steps\":%.1f",
	       steps_alone(b, RETURN), steps_alone(b, NATIVE), steps_alone(b, BARE));
	if (b->native)
		printf(",\"gcc_ns\":%.2f,\"gcc_steps\":%.1f", alone(b, GCC), steps_alone(b, GCC));
	if (b->linux_code)
		printf(",\"linux_code_ns\":%.2f,\"linux_code_steps\":%.1f", alone(b, LINUX),
		       steps_alone(b, LINUX));
	json_peer("dpdk", b->dpdk != NULL, b->dpdk ? alone(b, DPDK) : 0, b->dpdk_why);
	if (b->linux_program >= 0)
		printf(",\"beside_linux_ns\":%.2f", b->once_ns);
	json_peer("linux", b->linux_program >= 0, b->linux_ns, b->linux_why);
	printf("}\n");
}

static int prepare(struct bench *b, const struct options *options)
{
	struct ash_object *l = &b->object->linked;

	if (slot_map(&b->object->host) || !capture_read(&b->capture, options->capture))
		return STATUS_REFUSED;
	if (b->capture.n == 0) {
		fprintf(stderr, "ash: %s: no frames\n", options->capture);
		return STATUS_REFUSED;
	}
	static const struct ash_insn pass[] = { { 0xb7, 0, 0, ASH_PASS }, { 0x95, 0, 0, 0 } };

	for (int e = 0; e < ENGINES; e++)
		b->host[e] = e == BARE ? &b->bare : e == RETURN ? &b->empty : &b->object->host;
	b->bare.run = b->empty.run = b->object->host.run;
	b->empty.compiler = ash_compile;
	if (host_load(&b->empty, pass, 2, NULL, 0))
		return STATUS_REFUSED;
	b->bare.compiler = bare_compile;
	b->bare.start = l->start;
	if (host_load(&b->bare, l->insn, l->ninsn, l->entry, l->nentry))
		return STATUS_REFUSED;
	if (options->native &&
	    !(b->native = native_open(options->native, l->name, &b->object->host)))
		return STATUS_REFUSED;
	b->linux_program = linux_load(b->object, &b->linux_why);
	if (b->linux_program >= 0)
		b->linux_code = linux_open(b->object, b->linux_program);
	b->dpdk_why = "no library of it is named (-d)";
	if (options->peer)
		b->dpdk = peer_open(options->peer, b->object, &b->dpdk_why);
	return agree(b) ? 0 : STATUS_REFUSED;
}

int command_bench(const struct options *options)
{
	struct bench b = { .linux_program = -1 };

	if (!options->capture) {
		fputs("ash: bench needs frames: -r FILE\n", stderr);
		return STATUS_USAGE;
	}
	int status = object_open_low(&b.object, options->object, options->program);
	if (!status)
		status = prepare(&b, options);
	if (!status) {
		time_all(&b);
		count_all(&b);
		(options->json ? print_json : print_text)(&b);
	}
	host_close(&b.empty);
	host_close(&b.bare);
	capture_free(&b.capture);
	object_close(b.object);
	return status;
}
