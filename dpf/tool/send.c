/* dpf/tool/send.c - see send.h. packet(7). SPDX-License-Identifier: ISC */
#include "dpf/tool/send.h"
#include "dpf/tool/complain.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FULL_WAIT_MS = 1 };

/* Protocol 0: the socket receives nothing. */
int send_open(const char *interface)
{
	unsigned index = if_nametoindex(interface);
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)index };
	int s = index ? socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) : -1;

	if (s >= 0 && bind(s, (struct sockaddr *)&to, sizeof to) == 0)
		return s;
	complain("%s: %s", interface, strerror(errno));
	if (s >= 0)
		close(s);
	return -1;
}

int send_frame(int socket, const uint8_t *frame, size_t n, uint64_t *retries)
{
	for (;;) {
		struct pollfd room = { .fd = socket, .events = POLLOUT };

		if (send(socket, frame, n, 0) >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != ENOBUFS && errno != EAGAIN)
			return errno;
		++*retries;
		poll(&room, 1, FULL_WAIT_MS);
	}
}
