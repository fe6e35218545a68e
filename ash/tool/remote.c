/* ash/tool/remote.c - `ash load`, `ash list`, `ash unload`: handlers of a running appliance, which
 * hears who has its key (ash/load.h). Objects are linked and compiled here first: a refusal
 * names the line of C, and the appliance is not troubled.
 * SPDX-License-Identifier: ISC
 */
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "ash/load.h"
#include "ash/tool/tool.h"
#include "dpf/lower.h"
#include "exo/filter.h"
#include "exo/info.h"

enum { KEY_SIZE = 16, TIMEOUT_S = 60, SNAPSHOT = 65535 };

/* A conversation: the key, what the appliance greeted us with, and our connection to it. */
struct talk {
	const char *address;
	uint8_t key[KEY_SIZE];
	uint64_t nonce[2];
	int socket;
};

/* What goes with a request. */
struct body {
	uint8_t *bytes; /* malloced */
	uint32_t filter, object;
};

/* --- Codes --- */

static bool code_parts(EVP_MAC_CTX *mac, const struct talk *t, const struct load_seal *seal,
                       const void *bytes, size_t n, uint64_t *out)
{
	size_t length = sizeof *out;
	const OSSL_PARAM size[] = { OSSL_PARAM_construct_size_t("size", &length),
		                    OSSL_PARAM_construct_end() };

	return EVP_MAC_init(mac, t->key, sizeof t->key, size) &&
	       EVP_MAC_update(mac, (const uint8_t *)seal, sizeof *seal) &&
	       EVP_MAC_update(mac, bytes, n) &&
	       EVP_MAC_final(mac, (uint8_t *)out, &length, sizeof *out);
}

/* SipHash-2-4, by OpenSSL. */
static uint64_t code_of(const struct talk *t, enum load_sealed what, const void *bytes, size_t n)
{
	const struct load_seal seal = { what, { t->nonce[0], t->nonce[1] } };
	EVP_MAC *kind = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *mac = kind ? EVP_MAC_CTX_new(kind) : NULL;
	uint64_t code = 0;

	if (!mac || !code_parts(mac, t, &seal, bytes, n, &code)) {
		fputs("ash: OpenSSL has no SipHash\n", stderr);
		exit(STATUS_REFUSED);
	}
	EVP_MAC_CTX_free(mac);
	EVP_MAC_free(kind);
	return code;
}

static bool read_key(struct talk *t, const char *path)
{
	char digits[LOAD_KEY_DIGITS + 1] = "";
	FILE *f = path ? fopen(path, "r") : NULL;
	size_t n = 0;

	if (!path) {
		fputs("ash: which key? Name its file: -k FILE\n", stderr);
		return false;
	}
	if (!f) {
		fprintf(stderr, "ash: %s: %s\n", path, strerror(errno));
		return false;
	}
	if (fgets(digits, sizeof digits, f))
		while (n < KEY_SIZE && strspn(digits + 2 * n, "0123456789abcdefABCDEF") >= 2 &&
		       sscanf(digits + 2 * n, "%2hhx", &t->key[n]) == 1)
			n++;
	fclose(f);
	if (n < KEY_SIZE)
		fprintf(stderr, "ash: %s: no key: %d hexadecimal digits\n", path, LOAD_KEY_DIGITS);
	return n == KEY_SIZE;
}

/* --- The connection --- */

/* HOST, HOST:PORT, [HOST6] or [HOST6]:PORT */
static void split_address(char *host, size_t n, const char *address, const char **port)
{
	static char number[8];
	const char *end = strrchr(address, ']'), *colon = strrchr(address, ':');
	bool bracket = *address == '[' && end;

	if (!bracket)
		end = colon && strchr(address, ':') == colon ? colon : address + strlen(address);
	snprintf(host, n, "%.*s", (int)(end - address - bracket), address + bracket);
	end += bracket;
	snprintf(number, sizeof number, "%d", LOAD_PORT);
	*port = *end == ':' ? end + 1 : number;
}

static int connect_any(const struct addrinfo *a)
{
	const struct timeval limit = { .tv_sec = TIMEOUT_S };
	int s = -1;

	for (; a && s < 0; a = a->ai_next) {
		s = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
		if (s < 0)
			continue;
		setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
		setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
		if (connect(s, a->ai_addr, a->ai_addrlen) < 0) {
			close(s);
			s = -1;
		}
	}
	return s;
}

static bool receive(const struct talk *t, void *to, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t part = recv(t->socket, (char *)to + got, n - got, 0);
		if (part <= 0)
			return false;
		got += (size_t)part;
	}
	return true;
}

static bool send_all(const struct talk *t, const void *from, size_t n)
{
	size_t sent = 0;

	while (sent < n) {
		ssize_t part = send(t->socket, (const char *)from + sent, n - sent, MSG_NOSIGNAL);
		if (part <= 0)
			return false;
		sent += (size_t)part;
	}
	return true;
}

static bool open_talk(struct talk *t, const struct options *o)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char host[256];
	const char *port;

	t->address = o->address ? o->address : "127.0.0.1";
	if (!read_key(t, o->key))
		return false;
	split_address(host, sizeof host, t->address, &port);
	int error = getaddrinfo(host, port, &hints, &found);
	if (error) {
		fprintf(stderr, "ash: %s: %s\n", t->address, gai_strerror(error));
		return false;
	}
	t->socket = connect_any(found);
	freeaddrinfo(found);
	if (t->socket >= 0 && receive(t, t->nonce, sizeof t->nonce))
		return true;
	fprintf(stderr, "ash: %s: no appliance that takes handlers answers there\n", t->address);
	if (t->socket >= 0)
		close(t->socket);
	return false;
}

/* --- A request and its reply --- */

static bool exchange(struct talk *t, struct load_request *r, const struct body *b,
                     struct load_reply *reply)
{
	size_t n = (size_t)b->filter + b->object;

	r->version = LOAD_VERSION;
	r->filter = b->filter;
	r->object = b->object;
	r->body_code = code_of(t, LOAD_IS_BODY, b->bytes, n);
	r->code = code_of(t, LOAD_IS_REQUEST, r, offsetof(struct load_request, code));
	if (!send_all(t, r, sizeof *r) || !send_all(t, b->bytes, n) ||
	    !receive(t, reply, sizeof *reply)) {
		fprintf(stderr, "ash: %s: the appliance hung up: is the key the right one?\n",
		        t->address);
		return false;
	}
	if (reply->code == code_of(t, LOAD_IS_REPLY, reply, offsetof(struct load_reply, code)) &&
	    reply->count <= LOAD_HANDLERS)
		return true;
	fprintf(stderr, "ash: %s: the answer is not from who has the key\n", t->address);
	return false;
}

static void print_refusal(const struct talk *t, const struct load_request *r,
                          const struct load_reply *reply)
{
	static const char *const stage[] = {
#define X(upper, text) text,
		LOAD_STAGES(X)
#undef X
	};
	static const char *const error[] = { [E_OK] = "",
#define X(name, words) [E_##name] = words,
		EXO_ERRORS(X)
#undef X
	};
	const char *why = reply->error < E_COUNT ? error[reply->error] : "unknown error";

	if (reply->stage == LOAD_AT_NAME && reply->error == E_BUSY)
		why = "is taken: without -f its handler is replaced";
	else if (reply->stage == LOAD_AT_NAME && reply->error == E_NOSYS)
		why = "is nobody's: a new handler needs a filter, -f EXPRESSION";
	else if (reply->stage == LOAD_AT_OBJECT && reply->bad && reply->bad < ASH_OBJECT_BAD_COUNT)
		why = ash_object_bad_text((enum ash_object_bad)reply->bad);
	fprintf(stderr, "ash: %s: %s: %s: %s\n", t->address, r->name,
	        reply->stage < LOAD_STAGE_COUNT ? stage[reply->stage] : "?", why);
}

/* Ask, and leave the answer in *reply. Returns a status, after a message if it is not 0. */
static int ask(const struct options *o, struct load_request *r, const struct body *b,
               struct load_reply *reply)
{
	struct talk t = { .socket = -1 };

	if (!open_talk(&t, o))
		return STATUS_REFUSED;
	bool heard = exchange(&t, r, b, reply);
	close(t.socket);
	if (heard && reply->error)
		print_refusal(&t, r, reply);
	return heard && !reply->error ? 0 : STATUS_REFUSED;
}

/* --- What is sent --- */

/* A libpcap program as the paths that accept: what the kernel mirrors, so that the handler may
 * reply. Null after a message. */
static uint8_t *lower(const struct bpf_program *program, const struct options *o, uint32_t *length)
{
	size_t insns = program->bf_len * sizeof(struct exo_bpf_insn);
	struct exo_filter head = { .bytes = (uint32_t)(sizeof head + insns),
		                   .ninsns = program->bf_len, .priority = o->over ? LOAD_OVER : 0 };
	struct lower_scratch *scratch = malloc(sizeof *scratch);
	uint8_t *out = malloc(sizeof scratch->out + head.bytes);
	struct filter_view view;
	long n = 0;

	if (!scratch || !out)
		abort();
	memcpy(out, &head, sizeof head);
	memcpy(out + sizeof head, program->bf_insns, insns);
	if (filter_decode(&view, out, head.bytes) == 0)
		n = lower_program(&view, scratch);
	memcpy(out, scratch->out, (size_t)n);
	free(scratch);
	*length = (uint32_t)n;
	if (n > 0)
		return out;
	fprintf(stderr, "ash: %s: asks for what no filter's paths can say\n", o->filter);
	free(out);
	return NULL;
}

/* Null after a message. */
static uint8_t *compile_filter(const struct options *o, uint32_t *length)
{
	pcap_t *ethernet = pcap_open_dead(DLT_EN10MB, SNAPSHOT);
	struct bpf_program program;
	uint8_t *out = NULL;

	if (!ethernet)
		abort();
	if (pcap_compile(ethernet, &program, o->filter, 1, 0) == 0) {
		out = lower(&program, o, length);
		pcap_freecode(&program);
	} else {
		fprintf(stderr, "ash: %s: %s\n", o->filter, pcap_geterr(ethernet));
	}
	pcap_close(ethernet);
	return out;
}
_Static_assert(sizeof(struct exo_bpf_insn) == sizeof(struct bpf_insn), "libpcap's layout");

static bool make_body(struct body *b, const struct options *o, const struct object *object)
{
	size_t size = object->linked.size;

	b->bytes = o->filter ? compile_filter(o, &b->filter) : NULL;
	if (o->filter && !b->bytes)
		return false;
	if (size > LOAD_BODY_MAX - b->filter) {
		fprintf(stderr, "ash: %s: over %d bytes; strip its debug sections\n", object->path,
		        LOAD_BODY_MAX);
		return false;
	}
	b->object = (uint32_t)size;
	b->bytes = realloc(b->bytes, (size_t)b->filter + b->object);
	if (!b->bytes)
		abort();
	memcpy(b->bytes + b->filter, object->file, size);
	return true;
}

static bool set_name(char to[LOAD_NAME], const char *name)
{
	bool good = *name && strlen(name) < LOAD_NAME;

	if (good)
		strcpy(to, name);
	else
		fprintf(stderr, "ash: a name has 1 to %d characters: %s\n", LOAD_NAME - 1, name);
	return good;
}

/* --- Commands --- */

static int load_object(const struct options *o, const struct object *object)
{
	struct load_request r = { .command = LOAD_BIND };
	struct load_reply reply;
	struct body body = { 0 };
	const char *program = object->linked.name;
	int status = STATUS_REFUSED;

	r.shared = o->shared;
	r.over = o->over;
	if (set_name(r.name, o->name ? o->name : program) && set_name(r.program, program) &&
	    make_body(&body, o, object))
		status = ask(o, &r, &body, &reply);
	if (!status)
		printf("%s %s\n", o->filter ? "loaded" : "replaced", r.name);
	free(body.bytes);
	return status;
}

int command_load(const struct options *o)
{
	struct object *object;
	int status = object_open(&object, o->object, o->program);

	if (!status)
		status = load_object(o, object);
	object_close(object);
	return status;
}

int command_unload(const struct options *o)
{
	struct load_request r = { .command = LOAD_REMOVE };
	struct load_reply reply;

	return set_name(r.name, o->object) ? ask(o, &r, &(struct body){ 0 }, &reply) : STATUS_REFUSED;
}

static const char *state_text(uint32_t state)
{
	return state == HANDLER_BOUND ? "bound" : state == HANDLER_LOST ? "lost" : "none";
}

static void print_entry(const struct load_entry *e, bool json)
{
	if (!json) {
		printf("%-20.*s %-5s %6" PRIu32 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %8" PRIu64
		       " %8" PRIu64 " %12" PRIu64 " %14" PRIu64 "\n",
		       LOAD_NAME, e->name, state_text(e->state), e->filter, e->runs, e->replied,
		       e->handled, e->aborted, e->dropped, e->charged, e->cycles);
		return;
	}
	printf("{\"name\":");
	json_string(stdout, e->name);
	printf(",\"state\":\"%s\",\"filter\":%" PRIu32 ",\"frames\":%" PRIu64 ",\"runs\":%" PRIu64
	       ",\"replies\":%" PRIu64 ",\"handled\":%" PRIu64 ",\"aborts\":%" PRIu64
	       ",\"dropped\":%" PRIu64 ",\"charged\":%" PRIu64 ",\"cycles\":%" PRIu64 "}\n",
	       state_text(e->state), e->filter, e->frames, e->runs, e->replied, e->handled,
	       e->aborted, e->dropped, e->charged, e->cycles);
}

int command_list(const struct options *o)
{
	struct load_request r = { .command = LOAD_LIST };
	struct load_reply reply;
	int status = ask(o, &r, &(struct body){ 0 }, &reply);

	if (status)
		return status;
	if (!o->json)
		printf("%-20s %-5s %6s %10s %10s %10s %8s %8s %12s %14s\n", "name", "state", "filter",
		       "runs", "replies", "handled", "aborts", "dropped", "charged", "cycles");
	for (uint32_t k = 0; k < reply.count; k++) {
		reply.entry[k].name[LOAD_NAME - 1] = '\0';
		print_entry(&reply.entry[k], o->json);
	}
	return 0;
}
