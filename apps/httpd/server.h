/* apps/httpd/server.h - the web server: static files over lwIP's raw TCP.
 *
 * Bounded in every way: SERVER_CONNECTIONS connections, one buffer of requests each, an
 * end to waiting for slow peers, which comes sooner when others wait for their place.
 * Layer: apps. SPDX-License-Identifier: ISC
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SERVER_CONNECTIONS = 64,
	SERVER_IDLE_S = 20,    /* a connection without a request */
	SERVER_REQUEST_S = 10, /* from the first byte of a request to its last: then 408 */
	SERVER_STALL_S = 30,   /* an answer that makes no progress */
	SERVER_YIELD_S = 2,    /* no progress, and all places are taken: who comes gets this one */
	SERVER_LINGER_S = 5,   /* after our end: for the peer to read, and to end too */
};

/* Serve the files of a tar archive, which stays where it is. Returns false if lwIP has
 * no memory for the listener or the port is taken. */
bool server_start(const char *archive, size_t size, uint16_t port);
