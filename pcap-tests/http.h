/* pcap-tests/http.h - the responses in a server's stream.
 * Layer: host tool. SPDX-License-Identifier: ISC */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct http_response {
	int status;
	const uint8_t *body;
	uint32_t body_length;
	uint32_t length; /* of all of it */
};

/* The response at the beginning of stream[length]. `ended`: nothing more will come, which
 * ends a body without a length. `head`: there is no body. Returns 1 when it is whole,
 * 0 when more must come, -1 when it is no HTTP response (or is chunked, which is not read). */
int http_next(struct http_response *r, const uint8_t *stream, uint32_t length, bool ended,
              bool head);

/* How many whole responses there are; -1 as above. */
int http_count(const uint8_t *stream, uint32_t length, bool ended, bool head);

/* NULL, or how the responses of `got` differ from those of `want` (both streams ended). */
const char *http_differs(const uint8_t *want, uint32_t want_length, const uint8_t *got,
                         uint32_t got_length, bool head);
