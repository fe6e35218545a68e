/* apps/httpd/main.c - the web server as a program: serves the archive it was given, on port 80.
 * SPDX-License-Identifier: ISC */
#include <stdio.h>
#include "apps/httpd/server.h"
#include "libnet/exos/args.h"
#include "libnet/nic.h"
#include "libnet/stack.h"

enum { PORT = 80 };

int main(void)
{
	long error = stack_start();

	if (error < 0) {
		printf("httpd: no interface: error %ld\n", -error);
		return 1;
	}
	if (!nic_file()) {
		printf("httpd: nothing to serve: no archive was given\n");
		return 1;
	}
	if (!server_start(nic_file(), exos_args()->file_size, PORT)) {
		printf("httpd: no memory for a listener\n");
		return 1;
	}
	if ((error = stack_reserve(STACK_TCP, PORT)) < 0) {
		printf("httpd: port %d is not to be had: error %ld\n", PORT, -error);
		return 1;
	}
	for (;;)
		stack_turn();
}
