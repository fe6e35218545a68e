/* cache.c - a cache of values in front of a memcached on UDP port 11211, ASCII protocol.
 *
 * "get" of one key that is here is answered; all else goes to the owner. On its way there, a
 * "set" without expiry leaves its value, and any other command that names a key removes it,
 * so that what is answered is what the owner was told last. Values come through UDP alone:
 * an owner that also serves TCP clears `entries` itself. SPDX-License-Identifier: ISC
 */
#include "handler.h"

enum { PORT = 11211, ENTRIES = 512, KEY_MAX = 32, VALUE_MAX = 512, FLAGS_MAX = 10, HEADER = 8 };

struct entry {
	uint8_t key_length, flags_length;
	uint16_t value_length;
	char key[KEY_MAX], flags[FLAGS_MAX];
	char value[VALUE_MAX];
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
	return key.n > 0 && is(key, e->key, e->key_length);
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

/* set KEY FLAGS EXPTIME BYTES [noreply] \r\n VALUE \r\n */
static void learn(struct entry *e, struct text key, const uint8_t *at, const uint8_t *end)
{
	struct text flags = word(&at, end), expiry = word(&at, end), bytes = word(&at, end);
	uint32_t n = number(bytes);

	e->key_length = 0;
	if (!at_line_end(at, end) && !IS(word(&at, end), "noreply"))
		return;
	const uint8_t *value = at + 2;
	if (key.n > KEY_MAX || flags.n > FLAGS_MAX || !IS(expiry, "0") || n > VALUE_MAX ||
	    !at_line_end(at, end) || !at_line_end(value + n, end) || value + n + 2 != end)
		return;
	ash_copy(e->key, key.b, key.n);
	ash_copy(e->flags, flags.b, flags.n);
	ash_copy(e->value, value, n);
	e->flags_length = (uint8_t)flags.n;
	e->value_length = (uint16_t)n;
	e->key_length = (uint8_t)key.n;
}

static uint8_t *put(uint8_t *to, const void *from, uint32_t n)
{
	ash_copy(to, from, n);
	return to + n;
}

static uint8_t *put_number(uint8_t *to, uint32_t v)
{
	uint32_t power = 1;

	while (v / power >= 10)
		power *= 10;
	for (; power; power /= 10)
		*to++ = (uint8_t)('0' + v / power % 10);
	return to;
}

/* VALUE KEY FLAGS BYTES \r\n VALUE \r\n END \r\n */
static uint32_t answer(struct ash_ctx *c, struct udp_frame *f, const struct entry *e)
{
	static const char head[] = "VALUE ", tail[] = "\r\nEND\r\n", space = ' ';
	uint8_t *to = f->payload + HEADER;

	if (to + sizeof *e + sizeof head + sizeof tail + 16 > frame_limit(c))
		return ASH_PASS;
	to = put(to, head, sizeof head - 1);
	to = put(to, e->key, e->key_length);
	to = put(to, &space, 1);
	to = put(to, e->flags, e->flags_length);
	to = put(to, &space, 1);
	to = put_number(to, e->value_length);
	to = put(to, tail, 2);
	to = put(to, e->value, e->value_length);
	to = put(to, tail, sizeof tail - 1);
	return udp_reply(c, f, (uint32_t)(to - f->payload));
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
