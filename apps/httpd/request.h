/* apps/httpd/request.h - HTTP/1.x requests, from untrusted bytes.
 *
 * Source: RFC 9110, RFC 9112. Layer: apps, pure. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REQUEST_PATH_MAX = 255,  /* decoded; longer: 414 */
	REQUEST_HEAD_MAX = 4096, /* request line and fields together; longer: 431 */
	REQUEST_BODY_MAX = 65536, /* longer: 413; a body is read and thrown away */
};

struct request {
	bool head;       /* HEAD: no body in the answer */
	bool keep_alive;
	uint32_t body;   /* bytes of body that follow the head */
	char path[REQUEST_PATH_MAX + 1]; /* decoded, begins with '/', no "." or ".." part */
};

enum { REQUEST_MORE = 0, REQUEST_GOOD = 200 };

/* Parse the request that begins at text[0, n). Returns
 *   REQUEST_MORE  its head is not all there; n < REQUEST_HEAD_MAX
 *   REQUEST_GOOD  *r is set, *used is the length of the head
 *   400           malformed; or HTTP/1.1 without exactly one Host
 *   405           a method of HTTP that is neither GET nor HEAD
 *   413 414 431   body, path or head too long
 *   501           no method of HTTP, or a transfer coding
 *   505           neither HTTP/1.0 nor HTTP/1.1
 * After an error the connection cannot be used further. */
int request_parse(struct request *r, const char *text, size_t n, size_t *used);
