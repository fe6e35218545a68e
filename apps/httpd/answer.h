/* apps/httpd/answer.h - answers to requests, and those given before.
 *
 * What a server of files answers depends on the bytes of the request alone: who asks again in the same
 * words gets the same answer, and nobody parses anything.
 *
 * Layer: apps, pure. Source: RFC 9110, RFC 9112. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "apps/httpd/request.h"

enum {
	ANSWER_HEAD_MAX = 256,
	ANSWER_TEXT_MAX = 1024,  /* a head, and the body too if both fit */
	ANSWERS_KEPT = 8,
	ANSWER_REQUEST_MAX = 512, /* longer requests are parsed each time */
};

struct answer {
	int status;
	bool closing;       /* the connection ends with it */
	size_t length;      /* of text */
	const char *body;   /* what text does not hold */
	size_t body_length;
	char text[ANSWER_TEXT_MAX];
};

/* The archive that files are taken from (tar.h), and the last answers. Zero but for the archive. */
struct answers {
	const char *archive;
	size_t size;
	uint32_t next; /* of kept, to be replaced */
	struct {
		size_t length; /* of request; 0: none */
		char request[ANSWER_REQUEST_MAX];
		struct answer answer;
	} kept[ANSWERS_KEPT];
};

/* The answer to the request that begins at text[0, n), and how much of it was used. Returns
 *   REQUEST_MORE  its head is not all there
 *   its status    *a is the answer, and *skip bytes of the request's body follow; after an error other
 *                 than 404 nothing after it is of use, and a->closing is set */
int answer_request(struct answers *s, struct answer *a, const char *text, size_t n, size_t *used,
                   uint32_t *skip);

/* An error in words; all but 404 end the connection. */
void answer_error(struct answer *a, int status, bool only_head);
