/* dpf/tool/replay.c - send a capture's frames to an interface at a pace: tcpreplay's flags.
 *
 * Frames are read into memory first. A frame is sent when it is due, or at once if that has
 * passed; waiting sleeps until shortly before and then watches the clock.
 * SPDX-License-Identifier: ISC */
#include "dpf/tool/capture.h"
#include "dpf/tool/complain.h"
#include "dpf/tool/json.h"
#include "dpf/tool/pace.h"
#include "dpf/tool/send.h"
#include "dpf/tool/split.h"
#include "dpf/tool/tool.h"
#include "dpf/tool/unique.h"
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SPIN_NS = 100000, FRAMES_MAX = 1 << 26 };

/* How to wait, as tcpreplay names it: sleep until shortly before, then watch the clock; sleep
 * only; watch only. */
enum timer { TIMER_NANO, TIMER_SELECT, TIMER_GTOD };

struct frame {
	uint8_t *data;
	uint32_t caplen, length;
	uint64_t when; /* after the first one; never before the one before */
};

struct replay {
	const char *interface, *second; /* second: NULL, or with a cache file */
	const char *cache;
	uint8_t *way;             /* [nframes], of the cache file */
	enum timer timer;
	bool unique;              /* other addresses in each loop */
	uint32_t round;           /* how far addresses are changed in this one */
	uint8_t *changed;         /* room for the longest frame */
	struct pace pace;
	int paces;                /* how many pace flags were given */
	uint64_t loops, limit;    /* 0: without end */
	uint64_t duration_ns, loop_delay_ns;
	bool json;
	struct frame *frames;
	size_t nframes;
	int socket, second_socket;
	uint64_t begun, ended;
	uint64_t offered, sent, bytes, failed, truncated, retries;
	uint64_t delayed;         /* by loop delays, so far */
	struct pace_errors errors;
	int error;                /* of the last frame that failed */
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void wait_until(uint64_t due, enum timer timer)
{
	uint64_t early = timer == TIMER_NANO ? SPIN_NS : 0;

	if (timer != TIMER_GTOD && now_ns() + early < due) {
		uint64_t wake = due - early;
		struct timespec t = { .tv_sec = (time_t)(wake / 1000000000),
			              .tv_nsec = (long)(wake % 1000000000) };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
	while (!stopped && now_ns() < due)
		;
}

static bool keep(struct replay *r, const struct pcap_pkthdr *h, const uint8_t *data,
                 uint64_t when)
{
	if ((r->nframes & (r->nframes - 1)) == 0) { /* full, at a power of two */
		size_t room = r->nframes ? 2 * r->nframes : 1;
		void *more = room <= FRAMES_MAX ? realloc(r->frames, room * sizeof *r->frames) : NULL;

		if (!more)
			return false;
		r->frames = more;
	}
	struct frame *f = &r->frames[r->nframes];
	*f = (struct frame){ malloc(h->caplen + 1u), h->caplen, h->len, when };
	if (!f->data)
		return false;
	memcpy(f->data, data, h->caplen);
	r->nframes++;
	return true;
}

/* Returns false after a message. */
static bool load(struct replay *r, pcap_t *in, const char *path)
{
	bool nano = pcap_get_tstamp_precision(in) == PCAP_TSTAMP_PRECISION_NANO;
	int64_t first = 0, last = 0;
	struct pcap_pkthdr *h;
	const uint8_t *data;
	int more;

	while ((more = capture_next(in, path, &h, &data)) == 1) {
		int64_t t = (int64_t)h->ts.tv_sec * 1000000000 + h->ts.tv_usec * (nano ? 1 : 1000);

		first = r->nframes ? first : t;
		last = r->nframes && last > t ? last : t;
		if (keep(r, h, data, (uint64_t)(last - first)))
			continue;
		complain("%s: out of memory, or more than %d frames", path, FRAMES_MAX);
		return false;
	}
	if (more == 0 && r->nframes == 0)
		complain("%s: no frames", path);
	return more == 0 && r->nframes > 0;
}

/* Which way each frame goes, and room to change one. */
static bool prepare(struct replay *r)
{
	size_t longest = 1;

	for (size_t i = 0; i < r->nframes; i++)
		longest = r->frames[i].caplen > longest ? r->frames[i].caplen : longest;
	r->changed = malloc(longest);
	if (!r->changed)
		return false;
	if (!r->cache)
		return true;
	r->way = malloc(r->nframes);
	return r->way && split_read(r->cache, r->way, r->nframes) &&
	       (r->second_socket = send_open(r->second)) >= 0;
}

static bool open_all(struct replay *r, const char *path)
{
	pcap_t *in = capture_open(path);
	bool good = in != NULL;

	if (good && pcap_datalink(in) != DLT_EN10MB) {
		complain("%s: not a capture of Ethernet frames", path);
		good = false;
	}
	good = good && load(r, in, path) && prepare(r) && (r->socket = send_open(r->interface)) >= 0;
	if (in)
		pcap_close(in);
	return good;
}

static const uint8_t *bytes_of(struct replay *r, const struct frame *f)
{
	if (r->round == 0)
		return f->data;
	memcpy(r->changed, f->data, f->caplen);
	unique_addresses(r->changed, f->caplen, r->round);
	return r->changed;
}

/* False: no more is to be sent. */
static bool send_one(struct replay *r, const struct frame *f, uint64_t recorded)
{
	enum split_way way = r->way ? r->way[f - r->frames] : SPLIT_FIRST;

	if (way == SPLIT_NONE)
		return !stopped;
	uint64_t due = r->begun + r->delayed + pace_due(&r->pace, r->offered, r->bytes, recorded);

	if (r->duration_ns && due - r->begun >= r->duration_ns)
		return false;
	if (r->pace.kind != PACE_TOP)
		wait_until(due, r->timer);
	uint64_t at = now_ns();
	if (stopped || (r->duration_ns && at - r->begun >= r->duration_ns))
		return false;
	if (r->pace.kind != PACE_TOP)
		pace_note(&r->errors, at > due ? at - due : 0);
	int error = send_frame(way == SPLIT_SECOND ? r->second_socket : r->socket, bytes_of(r, f), f->caplen, &r->retries);
	r->offered++;
	r->sent += !error;
	r->failed += error != 0;
	r->bytes += error ? 0 : f->caplen;
	r->truncated += !error && f->caplen < f->length;
	r->error = error ? error : r->error;
	return r->offered != r->limit;
}

static void send_all(struct replay *r)
{
	uint64_t span = r->frames[r->nframes - 1].when; /* of one loop, as recorded */

	r->begun = now_ns();
	for (uint64_t loop = 0; loop != r->loops || r->loops == 0; loop++) {
		uint64_t sent = r->sent;

		if (r->pace.kind != PACE_TOP)
			r->delayed = loop * r->loop_delay_ns;
		else if (loop > 0)
			wait_until(now_ns() + r->loop_delay_ns, r->timer);
		r->round = r->unique ? (uint32_t)loop : 0;
		for (size_t i = 0; i < r->nframes; i++)
			if (!send_one(r, &r->frames[i], loop * span + r->frames[i].when))
				goto done;
		if (r->sent == sent)
			break; /* not one of them can be sent */
	}
done:
	r->ended = now_ns();
}

static void say(const struct replay *r, double seconds)
{
	printf("Actual: %llu packets (%llu bytes) sent in %.6f seconds\n",
	       (unsigned long long)r->sent, (unsigned long long)r->bytes, seconds);
	printf("Rated: %.1f Bps, %.3f Mbps, %.2f pps\n", (double)r->bytes / seconds,
	       (double)r->bytes * 8e-6 / seconds, (double)r->sent / seconds);
	printf("Statistics for network device: %s\n", r->interface);
	printf("\tSuccessful packets:        %llu\n", (unsigned long long)r->sent);
	printf("\tFailed packets:            %llu\n", (unsigned long long)r->failed);
	printf("\tTruncated packets:         %llu\n", (unsigned long long)r->truncated);
	printf("\tRetried packets (ENOBUFS): %llu\n", (unsigned long long)r->retries);
	if (r->errors.total)
		printf("Pacing error: p50 %.3f us, p99 %.3f us, max %.3f us\n",
		       (double)pace_percentile(&r->errors, 0.5) / 1e3,
		       (double)pace_percentile(&r->errors, 0.99) / 1e3, (double)r->errors.max / 1e3);
}

static void say_json(const struct replay *r, double seconds)
{
	printf("{\"interface\":");
	json_string(stdout, r->interface);
	printf(",\"packets\":%llu,\"bytes\":%llu,\"duration_ns\":%llu,\"bytes_per_second\":%.1f,"
	       "\"mbps\":%.3f,\"pps\":%.2f,\"failed\":%llu,\"truncated\":%llu,\"retried\":%llu,"
	       "\"pacing_error_ns\":", (unsigned long long)r->sent, (unsigned long long)r->bytes,
	       (unsigned long long)(r->ended - r->begun), (double)r->bytes / seconds,
	       (double)r->bytes * 8e-6 / seconds, (double)r->sent / seconds,
	       (unsigned long long)r->failed, (unsigned long long)r->truncated,
	       (unsigned long long)r->retries);
	if (r->errors.total)
		printf("{\"p50\":%llu,\"p99\":%llu,\"max\":%llu}}\n",
		       (unsigned long long)pace_percentile(&r->errors, 0.5),
		       (unsigned long long)pace_percentile(&r->errors, 0.99),
		       (unsigned long long)r->errors.max);
	else
		puts("null}");
}

static int report(const struct replay *r)
{
	double seconds = (double)(r->ended - r->begun + 1) / 1e9;

	if (r->json)
		say_json(r, seconds);
	else
		say(r, seconds);
	if (r->failed)
		complain("%s: %llu frames not sent: %s", r->interface, (unsigned long long)r->failed,
		         strerror(r->error));
	if (r->sent == 0)
		complain("%s: nothing was sent", r->interface);
	return r->sent == 0 ? TOOL_ERROR : r->failed ? 1 : 0;
}

static bool figure(const char *s, double max, double *out)
{
	char *end;

	*out = strtod(s, &end);
	return end != s && *end == 0 && isfinite(*out) && *out >= 0 && *out <= max;
}

static bool count(const char *s, uint64_t *out)
{
	double v;

	if (!figure(s, 1e15, &v) || v != floor(v))
		return false;
	*out = (uint64_t)v;
	return true;
}

static bool set_pace(struct replay *r, enum pace_kind kind, const char *s)
{
	r->pace.kind = kind;
	r->paces++;
	return !s || (figure(s, 1e12, &r->pace.rate) && r->pace.rate > 0);
}

static bool set_timer(struct replay *r, const char *s)
{
	static const char *const name[] = { [TIMER_NANO] = "nano", [TIMER_SELECT] = "select",
		                            [TIMER_GTOD] = "gtod" };

	for (unsigned i = 0; i < sizeof name / sizeof *name; i++)
		if (strcmp(s, name[i]) == 0) {
			r->timer = i;
			return true;
		}
	return false;
}

static bool set(struct replay *r, int letter)
{
	uint64_t v;

	switch (letter) {
	case 'i': r->interface = optarg; return true;
	case 'I': r->second = optarg; return true;
	case 'c': r->cache = optarg; return true;
	case 'T': return set_timer(r, optarg);
	case 'u': return r->unique = true;
	case 'x': return set_pace(r, PACE_RECORDED, optarg);
	case 'p': return set_pace(r, PACE_PPS, optarg);
	case 'M': return set_pace(r, PACE_MBPS, optarg);
	case 't': return set_pace(r, PACE_TOP, NULL);
	case 'l': return count(optarg, &r->loops);
	case 'L': return count(optarg, &r->limit);
	case 'j': return r->json = true;
	case 'K': return true; /* frames are always preloaded */
	case 'D':
		if (!count(optarg, &v) || v > 1000000000)
			return false;
		r->duration_ns = v * 1000000000;
		return true;
	case 'd':
		if (!count(optarg, &v) || v > 1000000000)
			return false;
		r->loop_delay_ns = v * 1000000;
		return true;
	case 'm':
		if (!count(optarg, &v) || v == 0 || v > UINT32_MAX)
			return false;
		r->pace.at_once = (uint32_t)v;
		return true;
	}
	return false;
}

static bool read_options(struct replay *r, int argc, char **argv)
{
	static const struct option names[] = {
		{ "intf1", required_argument, NULL, 'i' },
		{ "intf2", required_argument, NULL, 'I' },
		{ "cachefile", required_argument, NULL, 'c' },
		{ "timer", required_argument, NULL, 'T' },
		{ "unique-ip", no_argument, NULL, 'u' },
		{ "multiplier", required_argument, NULL, 'x' },
		{ "pps", required_argument, NULL, 'p' },
		{ "mbps", required_argument, NULL, 'M' },
		{ "topspeed", no_argument, NULL, 't' },
		{ "loop", required_argument, NULL, 'l' },
		{ "limit", required_argument, NULL, 'L' },
		{ "preload-pcap", no_argument, NULL, 'K' },
		{ "duration", required_argument, NULL, 'D' },
		{ "loopdelay-ms", required_argument, NULL, 'd' },
		{ "pps-multi", required_argument, NULL, 'm' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	const char *why = NULL, *word = "";
	int c;

	opterr = 0;
	while (!why && (c = getopt_long(argc, argv, ":i:I:c:T:x:p:M:tl:L:K", names, NULL)) != -1) {
		word = argv[optind - 1];
		if (c == ':')
			why = "lacks its argument";
		else if (c == '?')
			why = "is no option of this command";
		else if (!set(r, c))
			why = "is not a value that its option takes";
	}
	if (why)
		usage(argv[0], "`%s' %s", word, why);
	else if (!r->interface)
		usage(argv[0], "-i INTERFACE is missing");
	else if (!r->second != !r->cache)
		usage(argv[0], "-c and -I belong together");
	else if (r->paces > 1)
		usage(argv[0], "more than one pace");
	else if (optind != argc - 1)
		usage(argv[0], optind == argc ? "FILE is missing" : "more than one FILE");
	else
		return true;
	return false;
}

static void catch_signals(void)
{
	const struct sigaction how = { .sa_handler = stop };

	sigaction(SIGINT, &how, NULL);
	sigaction(SIGTERM, &how, NULL);
}

int command_replay(int argc, char **argv)
{
	struct replay *r = calloc(1, sizeof *r);
	int status = TOOL_ERROR;

	if (!r)
		return TOOL_ERROR;
	r->socket = r->second_socket = -1;
	r->loops = 1;
	r->pace = (struct pace){ .kind = PACE_RECORDED, .rate = 1, .at_once = 1 };
	if (read_options(r, argc, argv) && open_all(r, argv[optind])) {
		catch_signals();
		send_all(r);
		status = report(r);
	}
	for (size_t i = 0; i < r->nframes; i++)
		free(r->frames[i].data);
	free(r->frames);
	free(r->way);
	free(r->changed);
	if (r->socket >= 0)
		close(r->socket);
	if (r->second_socket >= 0)
		close(r->second_socket);
	free(r);
	return finish(status);
}
