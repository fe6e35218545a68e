/* pcap-tests/wire.c - frames over QEMU's stream socket, or a tap.
 *
 * Source: QEMU's net/stream.c (the length before each frame); Linux's tuntap.rst.
 * SPDX-License-Identifier: ISC */
#include "pcap-tests/wire.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool ready(int fd, int milliseconds)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, milliseconds) == 1;
}

static const char *open_socket(struct wire *w, const char *path, int seconds)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	if (s < 0)
		return "socket";
	if (strlen(path) >= sizeof a.sun_path)
		return "the path of the socket is too long";
	strcpy(a.sun_path, path);
	unlink(path);
	if (bind(s, (struct sockaddr *)&a, sizeof a) < 0 || listen(s, 1) < 0)
		return "cannot listen on the socket";
	if (!ready(s, seconds * 1000))
		return "nobody connects to the socket";
	w->fd = accept(s, NULL, NULL);
	close(s);
	w->framed = true;
	return w->fd < 0 ? "accept" : NULL;
}

static const char *open_tap(struct wire *w, const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };

	if (strlen(name) >= sizeof r.ifr_name)
		return "the name of the tap is too long";
	strcpy(r.ifr_name, name);
	w->fd = open("/dev/net/tun", O_RDWR);
	if (w->fd < 0)
		return "cannot open /dev/net/tun";
	w->framed = false;
	return ioctl(w->fd, TUNSETIFF, &r) < 0 ? "cannot attach to the tap" : NULL;
}

const char *wire_open(struct wire *w, const char *spec, int seconds)
{
	memset(w, 0, sizeof *w);
	if (strncmp(spec, "unix:", 5) == 0)
		return open_socket(w, spec + 5, seconds);
	if (strncmp(spec, "tap:", 4) == 0)
		return open_tap(w, spec + 4);
	errno = EINVAL;
	return "a wire is unix:PATH or tap:NAME";
}

static bool write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

bool wire_send(struct wire *w, const uint8_t *frame, uint32_t length)
{
	uint8_t head[4] = { (uint8_t)(length >> 24), (uint8_t)(length >> 16),
		            (uint8_t)(length >> 8), (uint8_t)length };

	if (w->framed && !write_all(w->fd, head, sizeof head))
		return false;
	w->sent++;
	/* Linux refuses frames that are shorter than a header: lost, as on a wire. */
	return write_all(w->fd, frame, length) || (!w->framed && errno == EINVAL);
}

static bool read_all(int fd, uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t k = read(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

int wire_receive(struct wire *w, uint8_t *frame, int milliseconds)
{
	uint8_t head[4];

	if (!ready(w->fd, milliseconds))
		return 0;
	if (!w->framed)
		return (int)read(w->fd, frame, WIRE_FRAME_MAX);
	if (!read_all(w->fd, head, sizeof head))
		return -1;
	uint32_t n = (uint32_t)head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3];

	if (n == 0 || n > WIRE_FRAME_MAX || !read_all(w->fd, frame, n))
		return -1;
	return (int)n;
}
