/* ash/load.h - what `ash load`, `list` and `unload` and a running appliance (apps/ashd) say to each
 * other over TCP; one request a connection.
 *
 *   tool                            appliance, port LOAD_PORT
 *          <--------------------    uint64_t nonce[2], never the same twice
 *          -------------------->    struct load_request; with a wrong code nothing more is read
 *          -------------------->    body: the filter (exo/filter.h), then the object (ELF)
 *          <--------------------    struct load_reply
 *
 * Numbers are little-endian. A code is SipHash-2-4, under the 128-bit key that both have, of struct
 * load_seal (which is never sent) and the bytes it vouches for. So a request cannot be made or
 * changed without the key, nor used again; what is sent can be read on the way.
 * Layer: leaf, of the loader only. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
	LOAD_PORT = 1996,
	LOAD_VERSION = 1,
	LOAD_NAME = 32,          /* bytes of a name, with the NUL */
	LOAD_HANDLERS = 12,      /* of one appliance */
	LOAD_BODY_MAX = 1 << 20, /* bytes */
	LOAD_OVER = 1,           /* priority of filters that take others' frames */
	LOAD_KEY_DIGITS = 32,    /* hexadecimal, of the key in its file */
};

struct load_seal {
	uint64_t what; /* enum load_sealed */
	uint64_t nonce[2];
};
enum load_sealed { LOAD_IS_REQUEST = 1, LOAD_IS_BODY, LOAD_IS_REPLY };

enum load_command {
	LOAD_LIST,
	LOAD_BIND,    /* with a filter: a new handler; without: in place of the one of that name */
	LOAD_REMOVE,
};

struct load_request {
	uint32_t version, command;
	uint32_t filter, object;  /* bytes of the body's parts; 0 but for LOAD_BIND */
	uint32_t shared;          /* of a new handler: pages at ASH_PAGES, zeroed, that its name has */
	uint32_t over;            /* 1: the filter may take frames that other programs' take */
	char name[LOAD_NAME];     /* of the handler; empty for LOAD_LIST */
	char program[LOAD_NAME];  /* of the object; empty: it has only one */
	uint64_t body_code;
	uint64_t code; /* of all above */
};
_Static_assert(sizeof(struct load_request) == 104, "on the wire");

/* What refused. */
#define LOAD_STAGES(X)                                           \
	X(NONE, "")                                              \
	X(REQUEST, "the request")                                \
	X(NAME, "the name")                                      \
	X(FILTER, "the filter")                                  \
	X(OBJECT, "the object")                                  \
	X(MEMORY, "the appliance's memory")

enum load_stage {
#define X(upper, text) LOAD_AT_##upper,
	LOAD_STAGES(X)
#undef X
	LOAD_STAGE_COUNT
};

/* A handler that is loaded; the counters are its filter's (struct exo_filter_info), and go on
 * when it is replaced. */
struct load_entry {
	char name[LOAD_NAME];
	uint32_t filter; /* its index */
	uint32_t state;  /* enum exo_handler_state */
	uint64_t frames, runs, replied, handled, aborted, dropped, charged, cycles;
};
_Static_assert(sizeof(struct load_entry) == LOAD_NAME + 72, "on the wire");

struct load_reply {
	uint32_t error;  /* enum exo_err */
	uint32_t stage;  /* enum load_stage */
	uint32_t bad;    /* enum ash_object_bad, when the object was refused by the linker */
	uint32_t count;  /* of entry[], what is loaded now */
	struct load_entry entry[LOAD_HANDLERS];
	uint64_t code;   /* of all above */
};
_Static_assert(sizeof(struct load_reply) == 24 + LOAD_HANDLERS * (LOAD_NAME + 72), "on the wire");
