/* pcap-tests/replay.c - play the clients' side of traces and judge every frame that comes back.
 *
 *   replay [-n NOISE] [-p PORT]... [-s SECONDS] [-d] [-6] WIRE MAC ADDRESS STEM...
 *
 * WIRE is unix:PATH or tap:NAME (pcap-tests/wire.h). The tested machine has MAC and, unless -d
 * is given (it has it already), gets ADDRESS by DHCP. Before the first trace each TCP port -p
 * must accept a connection, and with -6 its link-local address must be in use. For each STEM (pcap-tests/trace.h) one TAP line is printed.
 * Replies that are not TCP are compared byte by byte with the recorded ones, in normal form;
 * TCP as flow.h says; whatever else comes back must be what a host sends of its own accord.
 * With -n, frames of NOISE.pcap are sent in between, and may be answered; all that is recorded
 * must still come. A wait ends after SECONDS (default 60) without any progress.
 * The last line says how many frames were sent, and how many of them were pings to a machine
 * that had not answered yet: those may be lost. Status: 0 all as recorded, 1 not, 2 no test.
 * Layer: host tool. SPDX-License-Identifier: ISC */
#include "pcap-tests/hosts.h"
#include "pcap-tests/trace.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXPECTED_MAX = 64, MESSAGE = 400, PORTS_MAX = 8, NOISE_EACH = 25, TRY_MS = 500 };

struct options {
	const char *noise;
	uint16_t ports[PORTS_MAX];
	int nports, seconds;
	bool leased, six;
};

struct expected {
	uint8_t *data; /* in normal form; NULL: a port-unreachable that quotes `quoted` */
	uint32_t length;
	const struct packet *quoted;
};

struct replay {
	struct wire wire;
	struct hosts hosts;
	struct trace trace, noise;
	uint32_t next_noise;
	bool noisy;
	int seconds;
	struct flow *flows;
	struct expected expected[EXPECTED_MAX];
	uint32_t nexpected;
	struct packet quoted;
	uint16_t ping;      /* number of the last one sent */
	bool pong;          /* answered */
	bool six;           /* its IPv6 address is in use */
	uint16_t probe;     /* client's port of a readiness probe, 0: none */
	int probed;         /* 1 open, -1 closed */
	uint32_t early;     /* pings sent before the first was answered: they may be lost */
	char message[MESSAGE];
};

static void fail(struct replay *r, const char *format, ...)
{
	va_list args;

	if (r->message[0])
		return;
	va_start(args, format);
	vsnprintf(r->message, sizeof r->message, format, args);
	va_end(args);
}

static struct flow *find_flow(struct replay *r, const struct packet *p, bool from_client)
{
	struct flow *f = r->flows;

	while (f && !flow_owns(f, p, from_client))
		f = f->next;
	return f;
}

static void describe(const struct packet *p, char *out, int size)
{
	int n = snprintf(out, (size_t)size, "type %04x length %u proto %u:", p->type, p->length,
	                 p->proto);

	for (uint32_t i = 0; i < p->length && i < 96 && n < size - 3; i++)
		n += snprintf(out + n, (size_t)(size - n), "%s%02x", i % 2 ? "" : " ", p->frame[i]);
}

/* A port-unreachable that quotes at least the header and 8 bytes of q. */
static bool is_refusal(const struct packet *p, const struct packet *q)
{
	uint32_t quote = (uint32_t)(q->body - q->frame) - ETH_LENGTH;

	if (p->family != q->family || p->fragment || p->body_length < 8 + quote + 8)
		return false;
	if (p->proto == PROTO_ICMP ? p->body[0] != 3 || p->body[1] != 3 :
	    p->proto == PROTO_ICMP6 ? p->body[0] != 1 || p->body[1] != 4 : true)
		return false;
	return memcmp(p->body + 8 + quote, q->body, 8) == 0 &&
	       memcmp(p->dst, q->src, q->family == 4 ? 4 : 16) == 0;
}

/* Strike the frame off the list of what must come. */
static bool strike(struct replay *r, const struct packet *p)
{
	uint8_t normal[WIRE_FRAME_MAX];
	uint32_t length = packet_normal(p, r->trace.ignored, normal);

	for (uint32_t i = 0; i < r->nexpected; i++) {
		struct expected *e = &r->expected[i];

		if (e->data ? e->length != length || memcmp(e->data, normal, length) != 0 :
		              !is_refusal(p, e->quoted))
			continue;
		free(e->data);
		*e = r->expected[--r->nexpected];
		return true;
	}
	return false;
}

/* The noise's sender knows of no connection: it resets what it seems to have begun. */
static void reset(struct replay *r, const struct packet *p)
{
	uint8_t out[ETH_LENGTH + 60 + 20];
	uint32_t headers = (uint32_t)(p->body - p->frame), size = p->family == 4 ? 4 : 16;
	uint8_t *tcp = out + headers;

	if (p->flags & TCP_RST || headers + 20 > sizeof out)
		return;
	memcpy(out, p->frame, headers);
	memcpy(out, p->frame + 6, 6);
	memcpy(out + 6, p->frame, 6);
	memcpy(out + (p->src - p->frame), p->dst, size);
	memcpy(out + (p->dst - p->frame), p->src, size);
	put16(p->family == 4 ? out + 16 : out + 18, headers - ETH_LENGTH - (p->family == 4 ? 0 : 40) + 20);
	memset(tcp, 0, 20);
	put16(tcp, p->dport);
	put16(tcp + 2, p->sport);
	put32(tcp + 4, p->ack);
	tcp[12] = 5 << 4;
	tcp[13] = TCP_RST;
	packet_seal(out, headers + 20);
	wire_send(&r->wire, out, headers + 20);
}

static void probe_answered(struct replay *r, const struct packet *p)
{
	r->probed = p->flags & TCP_RST ? -1 : 1;
}

static void judge(struct replay *r, const uint8_t *frame, uint32_t length)
{
	struct packet p;
	char text[MESSAGE / 2 + 100];
	const char *bad = packet_parse(&p, frame, length);

	if (!bad)
		bad = packet_checksums(&p);
	if (!bad && memcmp(frame + 6, r->hosts.mac, 6) != 0)
		bad = "the sender's MAC is not the appliance's";
	if (bad) {
		describe(&p, text, sizeof text);
		fail(r, "a frame came back with a bad %s: %s", bad, text);
		return;
	}
	if (hosts_answer(&r->hosts, &p, &r->wire))
		return;
	int pong = hosts_pong(&r->hosts, &p);

	if (pong >= 0) {
		r->pong |= pong == r->ping;
		return;
	}
	if (hosts_advertised(&r->hosts, &p)) {
		r->six = true;
		return;
	}
	struct flow *f = find_flow(r, &p, false);

	if (f) {
		bad = flow_received(f, &p, &r->wire);
		if (bad)
			fail(r, "TCP port %u: %s", p.sport, bad);
	} else if (r->probe && p.proto == PROTO_TCP && p.dport == r->probe) {
		probe_answered(r, &p);
	} else if (strike(r, &p)) {
		return;
	} else if (!r->noisy) {
		describe(&p, text, sizeof text);
		fail(r, "unexpected frame: %s", text);
	} else if (p.family && p.proto == PROTO_TCP && !p.fragment) {
		reset(r, &p);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Take what comes, until done(r) or for this long without any frame. */
static bool pump(struct replay *r, bool (*done)(struct replay *), double seconds)
{
	uint8_t frame[WIRE_FRAME_MAX];
	double end = now() + seconds;

	while (!r->message[0]) {
		if (done(r))
			return true;
		double left = end - now();

		if (left <= 0)
			return false;
		int n = wire_receive(&r->wire, frame, left > 1 ? 1000 : (int)(left * 1000) + 1);

		if (n < 0)
			fail(r, "the wire was cut: the machine has ended");
		if (n <= 0)
			continue;
		judge(r, frame, (uint32_t)n);
	}
	return false;
}

static bool settled(struct replay *r)
{
	for (const struct flow *f = r->flows; f; f = f->next)
		if (!flow_reached(f))
			return false;
	return r->nexpected == 0;
}

/* Amid noise clients send again what is not answered: a table of neighbours that overflows
 * may cost a frame. Otherwise nothing may be lost. */
static bool settles(struct replay *r)
{
	double end = now() + r->seconds;

	while (r->noisy && !r->message[0] && now() < end) {
		if (pump(r, settled, 1))
			return true;
		for (struct flow *f = r->flows; f; f = f->next)
			if (!flow_reached(f))
				flow_again(f, &r->wire);
	}
	return pump(r, settled, r->noisy ? 0 : r->seconds);
}

static void settle(struct replay *r, uint32_t at)
{
	char text[MESSAGE / 2];
	struct packet p;

	if (settles(r) || r->message[0])
		return;
	for (const struct flow *f = r->flows; f; f = f->next)
		if (!flow_reached(f))
			fail(r, "before frame %u: TCP port %u sent %u bytes%s, recorded are %u%s", at + 1,
			     f->sport, f->got.length, f->got.fin ? " and FIN" : "", f->want.length,
			     f->want.fin ? " and FIN" : "");
	if (r->nexpected && r->expected[0].data &&
	    !packet_parse(&p, r->expected[0].data, r->expected[0].length)) {
		describe(&p, text, sizeof text);
		fail(r, "before frame %u: a reply never came: %s", at + 1, text);
	}
	fail(r, "before frame %u: a reply never came", at + 1);
}

static void expect(struct replay *r, const struct packet *p)
{
	struct expected *e = &r->expected[r->nexpected];

	e->data = r->nexpected < EXPECTED_MAX ? malloc(p->length) : NULL;
	if (!e->data) {
		fail(r, "too many replies at once");
		return;
	}
	e->length = packet_normal(p, r->trace.ignored, e->data);
	r->nexpected++;
}

static void from_server(struct replay *r, const struct packet *p)
{
	struct flow *f = find_flow(r, p, false);

	if (f)
		flow_recorded(f, p);
	else if (p->proto == PROTO_UDP && !p->fragment &&
	         trace_mode(&r->trace, PROTO_UDP, p->sport) == FLOW_REFUSE)
		return;
	else if (!hosts_own_accord(p))
		expect(r, p);
}

static void send_tcp(struct replay *r, const struct packet *p)
{
	struct flow *f = find_flow(r, p, true);

	if (!f) {
		f = flow_new(p, trace_mode(&r->trace, PROTO_TCP, p->dport));
		if (!f) {
			fail(r, "out of memory");
			return;
		}
		f->next = r->flows;
		r->flows = f;
	}
	if (f->mode != FLOW_REFUSE || p->flags & TCP_SYN)
		flow_send(f, p, &r->wire);
}

static bool ponged(struct replay *r) { return r->pong; }

/* What was sent before the reply to a ping has come by then: nothing may follow unseen. */
static bool drained(struct replay *r, double seconds)
{
	r->ping++;
	r->pong = false;
	hosts_ping(&r->hosts, &r->wire, r->ping);
	return pump(r, ponged, seconds);
}

/* A batch that is well below what a ring holds, and a ping: none of the batches that follow
 * add up to a flood, in which frames may be lost (and counted). */
static void make_noise(struct replay *r)
{
	if (!r->noisy || r->message[0])
		return;
	for (int i = 0; i < NOISE_EACH; i++) {
		const struct trace_frame *f = &r->noise.frame[r->next_noise++ % r->noise.nframes];

		if (!wire_send(&r->wire, f->data, f->length))
			fail(r, "the wire was cut");
	}
	if (!drained(r, r->seconds))
		fail(r, "after malformed frames a ping is not answered");
}

/* An answer of the client's to what the server asked: given when it is asked for. */
static bool is_answer(const struct packet *p)
{
	return (p->type == ETH_ARP && get16(p->body + 6) == 2) ||
	       (p->family == 6 && p->proto == PROTO_ICMP6 && p->body[0] == 136);
}

static void from_client(struct replay *r, const struct packet *p, uint32_t at)
{
	if (is_answer(p))
		return;
	settle(r, at);
	make_noise(r);
	if (r->message[0])
		return;
	if (p->family && p->proto == PROTO_TCP && !p->fragment) {
		send_tcp(r, p);
		return;
	}
	if (!wire_send(&r->wire, p->frame, p->length))
		fail(r, "the wire was cut");
	if (p->proto == PROTO_UDP && !p->fragment &&
	    trace_mode(&r->trace, PROTO_UDP, p->dport) == FLOW_REFUSE) {
		r->quoted = *p;
		r->expected[r->nexpected++] = (struct expected){ .quoted = &r->quoted };
	}
}

/* After a failure, so that the next trace does not suffer: connections are reset, and what
 * was on its way is let go. */
static void clear_wire(struct replay *r)
{
	char message[MESSAGE];
	bool noisy = r->noisy;

	memcpy(message, r->message, sizeof message);
	r->message[0] = '\0';
	r->noisy = true;
	for (struct flow *f = r->flows; f; f = f->next)
		flow_reset(f, &r->wire);
	drained(r, r->seconds);
	drained(r, r->seconds);
	r->noisy = noisy;
	memcpy(r->message, message, sizeof message);
}

static void end_trace(struct replay *r)
{
	settle(r, r->trace.nframes);
	if (!r->message[0] && !drained(r, r->seconds))
		fail(r, "after the trace a ping is not answered");
	if (r->message[0])
		clear_wire(r);
	while (r->flows) {
		struct flow *f = r->flows;
		const char *bad = flow_differs(f);

		if (bad)
			fail(r, "TCP port %u, client's %u: %s", f->sport, f->cport, bad);
		r->flows = f->next;
		flow_free(f);
	}
	while (r->nexpected > 0)
		free(r->expected[--r->nexpected].data);
}

static bool replay_trace(struct replay *r, const char *stem)
{
	const char *name = strrchr(stem, '/') ? strrchr(stem, '/') + 1 : stem;
	struct packet p;

	r->message[0] = '\0';
	if (trace_read(&r->trace, stem, true, r->message, sizeof r->message) &&
	    memcmp(r->trace.mac, r->hosts.mac, 6) != 0)
		fail(r, "recorded with another appliance's MAC");
	for (uint32_t i = 0; i < r->trace.nframes && !r->message[0]; i++) {
		const struct trace_frame *f = &r->trace.frame[i];
		const char *bad = packet_parse(&p, f->data, f->length);

		if (bad)
			fail(r, "recorded frame %u: %s", i + 1, bad);
		else if (memcmp(f->data + 6, r->hosts.mac, 6) == 0)
			from_server(r, &p);
		else
			hosts_learn(&r->hosts, &p), from_client(r, &p, i);
	}
	end_trace(r);
	printf(r->message[0] ? "not ok %s - %s\n" : "ok %s\n", name, r->message);
	fflush(stdout);
	trace_free(&r->trace);
	return !r->message[0];
}

static bool probe_done(struct replay *r) { return r->probed != 0; }

/* A connection to the port is accepted: the program behind it is there. */
static bool port_opens(struct replay *r, uint16_t port)
{
	uint8_t f[ETH_LENGTH + 40] = { 0 };
	uint8_t *ip = f + ETH_LENGTH, *tcp = ip + 20;
	double end = now() + r->seconds;

	memcpy(f, r->hosts.mac, 6);
	memcpy(f + 6, r->hosts.keeper_mac, 6);
	put16(f + 12, ETH_IP4);
	ip[0] = 0x45;
	put16(ip + 2, 40);
	ip[8] = 64;
	ip[9] = PROTO_TCP;
	memcpy(ip + 12, r->hosts.keeper_ip4, 4);
	memcpy(ip + 16, r->hosts.ip4, 4);
	put16(tcp + 2, port);
	tcp[12] = 5 << 4;
	put16(tcp + 14, 1024);
	for (r->probe = 50000; now() < end && !r->message[0]; r->probe++) {
		put16(tcp, r->probe);
		put32(tcp + 4, 1000);
		tcp[13] = TCP_SYN;
		packet_seal(f, sizeof f);
		wire_send(&r->wire, f, sizeof f);
		r->probed = 0;
		pump(r, probe_done, 2);
		put32(tcp + 4, 1001);
		tcp[13] = TCP_RST;
		packet_seal(f, sizeof f);
		wire_send(&r->wire, f, sizeof f);
		if (r->probed > 0)
			return drained(r, r->seconds);
		usleep(TRY_MS * 1000);
	}
	return false;
}

static bool has_lease(struct replay *r) { return r->hosts.leased; }

static bool has_address6(struct replay *r) { return r->six; }

static bool address6_ready(struct replay *r, double end)
{
	while (!r->message[0] && now() < end) {
		hosts_solicit(&r->hosts, &r->wire);
		if (pump(r, has_address6, 1))
			return true;
	}
	return false;
}

static bool machine_ready(struct replay *r, const struct options *o)
{
	double end = now() + r->seconds;

	if (!o->leased && !pump(r, has_lease, r->seconds)) {
		fail(r, "the machine asks for no lease");
		return false;
	}
	for (; !drained(r, 1) && !r->message[0]; r->early++)
		if (now() > end) {
			fail(r, "the machine does not answer a ping");
			return false;
		}
	if (o->six && !address6_ready(r, end)) {
		fail(r, "the machine does not take its IPv6 address");
		return false;
	}
	for (int i = 0; i < o->nports; i++)
		if (!port_opens(r, o->ports[i])) {
			fail(r, "TCP port %u does not open", o->ports[i]);
			return false;
		}
	r->probe = 0;
	return !r->message[0];
}

static int usage(void)
{
	fprintf(stderr, "usage: replay [-n NOISE] [-p PORT]... [-s SECONDS] [-d] [-6] "
	                "WIRE MAC ADDRESS STEM...\n");
	return 2;
}

static bool read_options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:p:s:d6")) != -1) {
		if (c == 'n')
			o->noise = optarg;
		else if (c == 'p' && o->nports < PORTS_MAX)
			o->ports[o->nports++] = (uint16_t)atoi(optarg);
		else if (c == 's' && atoi(optarg) > 0)
			o->seconds = atoi(optarg);
		else if (c == 'd')
			o->leased = true;
		else if (c == '6')
			o->six = true;
		else
			return false;
	}
	return argc - optind >= 4;
}

static bool prepare(struct replay *r, const struct options *o, const char *wire)
{
	const char *bad;

	if (o->noise && !trace_read(&r->noise, o->noise, false, r->message, sizeof r->message))
		return false;
	if (o->noise && r->noise.nframes == 0) {
		fail(r, "%s.pcap is empty", o->noise);
		return false;
	}
	bad = wire_open(&r->wire, wire, r->seconds);
	if (bad)
		fail(r, "%s: %s: %m", wire, bad);
	return !bad && machine_ready(r, o);
}

int main(int argc, char **argv)
{
	static struct replay r;
	struct options o = { .seconds = 60 };
	uint8_t mac[6], ip4[4];
	bool good = true;

	if (!read_options(&o, argc, argv) ||
	    !trace_identity(mac, ip4, argv[optind + 1], argv[optind + 2]))
		return usage();
	hosts_init(&r.hosts, mac, ip4);
	r.seconds = o.seconds;
	if (!prepare(&r, &o, argv[optind])) {
		printf("not ok the_machine_is_ready - %s\n", r.message);
		return 2;
	}
	r.noisy = o.noise != NULL;
	for (int i = optind + 3; i < argc; i++)
		good &= replay_trace(&r, argv[i]);
	printf("# frames sent %lu, %u before the first answer\n", r.wire.sent, r.early);
	trace_free(&r.noise);
	return good ? 0 : 1;
}
