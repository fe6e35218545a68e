/* cache.c - a cache of values in front of a memcached on UDP port 11211, ASCII protocol.
 *
 * "get" of one key that is here is answered; all else goes to the owner. On its way there, a
 * "set" without expiry leaves its value, and any other command that names a key removes it,
 * so that what is answered is what the owner was told last. Values come through UDP alone:
 * an owner that also serves TCP clears `entries` itself. SPDX-License-Identifier: ISC
 */
#include "handler.h"

enum { PORT = 11211, ENTRIES = 512, KEY_MAX = 32, VALUE_MAX = 512, FLAGS_MAX = 10, HEADER = 8 };

/* An answer, made when the value came, so that "get" copies once:
 * VALUE KEY FLAGS BYTES \r\n VALUE \r\n END \r\n */
static const char head[] = "VALUE ", tail[] = "\r\nEND\r\n", space = ' ';
enum { HEAD = sizeof head - 1, TAIL = sizeof tail - 1, NEWLINE = 2, DIGITS = 3 };
struct entry {
	uint16_t key_length, length; /* of the key in text, behind the head; of all */
	char text[HEAD + KEY_MAX + 1 + FLAGS_MAX + 1 + DIGITS + NEWLINE + VALUE_MAX + TAIL];
} entries[ENTRIES];

/* A part of the request. */
struct text {
	const uint8_t *b;
	uint32_t n;
};

/* The next word, up to a space or the end of the line; at moves behind it. */
static struct text word(const uint8_t **at, const uint8_t *end)
{
	struct text t = { *at, 0 };

	while (t.b + t.n < end && t.b[t.n] != ' ' && t.b[t.n] != '\r')
		t.n++;
	*at = t.b + t.n + (t.b + t.n < end && t.b[t.n] == ' ');
	return t;
}

static bool is(struct text t, const char *name, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		if (k >= t.n || t.b[k] != (uint8_t)name[k])
			return false;
	return t.n == n;
}
#define IS(t, name) is(t, name, sizeof name - 1)

static struct entry *slot(struct text key) /* FNV-1a */
{
	uint32_t hash = 2166136261;

	for (uint32_t k = 0; k < key.n; k++)
		hash = (hash ^ key.b[k]) * 16777619;
	return &entries[(hash ^ hash >> 15) % ENTRIES];
}

static bool holds(const struct entry *e, struct text key)
{
	return key.n > 0 && is(key, e->text + HEAD, e->key_length);
}

static uint32_t number(struct text t)
{
	uint32_t v = 0;

	for (uint32_t k = 0; k < t.n && k < 6; k++)
		v = v * 10 + (t.b[k] - '0');
	return v;
}

static bool at_line_end(const uint8_t *at, const uint8_t *end)
{
	return at + 2 <= end && at[0] == '\r' && at[1] == '\n';
}

static char *put(char *to, const void *from, uint32_t n)
{
	ash_copy(to, from, n);
	return to + n;
}

static char *put_number(char *to, uint32_t v)
{
	uint32_t power = 1;

	while (v / power >= 10)
		power *= 10;
	for (; power; power /= 10)
		*to++ = (char)('0' + v / power % 10);
	return to;
}

static void compose(struct entry *e, struct text key, struct text flags, struct text value)
{
	char *to = put(e->text, head, HEAD);

	to = put(to, key.b, key.n);
	to = put(to, &space, 1);
	to = put(to, flags.b, flags.n);
	to = put(to, &space, 1);
	to = put_number(to, value.n);
	to = put(to, tail, NEWLINE);
	to = put(to, value.b, value.n);
	to = put(to, tail, TAIL);
	e->length = (uint16_t)(to - e->text);
	e->key_length = (uint16_t)key.n;
}

/* set KEY FLAGS EXPTIME BYTES [noreply] \r\n VALUE \r\n */
static void learn(struct entry *e, struct text key, const uint8_t *at, const uint8_t *end)
{
	struct text flags = word(&at, end), expiry = word(&at, end), bytes = word(&at, end);
	uint32_t n = number(bytes);

	e->key_length = 0;
	if (!at_line_end(at, end) && !IS(word(&at, end), "noreply"))
		return;
	const uint8_t *value = at + NEWLINE;
	if (key.n > KEY_MAX || flags.n > FLAGS_MAX || !IS(expiry, "0") || n > VALUE_MAX ||
	    !at_line_end(at, end) || !at_line_end(value + n, end) || value + n + NEWLINE != end)
		return;
	compose(e, key, flags, (struct text){ value, n });
}

static uint32_t answer(struct ash_ctx *c, struct udp_frame *f, const struct entry *e)
{
	uint8_t *to = f->payload + HEADER;

	if (to + e->length > frame_limit(c))
		return ASH_PASS;
	ash_copy(to, e->text, e->length);
	return udp_reply(c, f, HEADER + e->length);
}

static void forget(struct text command, struct text key)
{
	if (IS(command, "flush_all"))
		for (uint32_t k = 0; k < ENTRIES; k++)
			entries[k].key_length = 0;
	else if (holds(slot(key), key))
		slot(key)->key_length = 0;
}

ASH_HANDLER(cache)
{
	struct udp_frame f;

	if (!udp_open(ctx, PORT, &f) || f.length < HEADER)
		return ASH_PASS;
	const uint8_t *at = f.payload + HEADER, *end = f.payload + f.length;
	struct text command = word(&at, end), key = word(&at, end);
	if (IS(command, "get")) {
		struct entry *e = slot(key);
		bool alone = f.payload[4] == 0 && f.payload[5] == 1; /* one datagram, one key */
		if (!alone || !at_line_end(at, end) || at + 2 != end || !holds(e, key))
			return ASH_PASS;
		return answer(ctx, &f, e);
	}
	if (IS(command, "set"))
		learn(slot(key), key, at, end);
	else
		forget(command, key);
	return ASH_PASS;
}
