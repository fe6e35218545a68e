/* boot/linux/xdp.c - the first program of a Linux guest that runs one of our handlers as XDP.
 *
 * /handler is an object file, the same that the appliance loads; ash/object.h links it, and what
 * comes out goes to Linux's verifier as it is, and to eth0's driver (native mode). For each
 * byte on the console the line of /proc/net/dev about eth0 is printed: it counts every frame,
 * dropped and sent back ones too. SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "ash/object.h"

enum { OBJECT_MAX = 1 << 20 };

static const char device[] = "eth0";

static void need(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1); /* the first program's end is a panic */
	}
}

static void link_object(struct ash_object *o)
{
	static uint8_t bytes[OBJECT_MAX], data[ASH_DATA_MAX];
	static struct ash_insn insn[ASH_INSN_MAX];
	static uint32_t entry[ASH_FUNCTION_MAX];
	int file = open("/handler", O_RDONLY);
	ssize_t n = file < 0 ? -1 : read(file, bytes, sizeof bytes);

	need(n > 0, "/handler");
	o->file = bytes;
	o->size = (size_t)n;
	o->insn = insn;
	o->data = data;
	o->entry = entry;
	if (ash_object_link(o)) {
		printf("xdp: /handler: %s\n", ash_object_bad_text(o->bad));
		exit(1);
	}
}

static int load(const struct ash_object *o)
{
	static char log[65536];
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_XDP,
		                .insns = (uintptr_t)o->insn,
		                .insn_cnt = o->ninsn,
		                .license = (uintptr_t)"Dual BSD/GPL",
		                .log_buf = (uintptr_t)log,
		                .log_size = sizeof log,
		                .log_level = 1 };
	int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);

	if (program < 0)
		puts(log);
	need(program >= 0, "BPF_PROG_LOAD");
	return program;
}

static void bring_up(void)
{
	struct ifreq r = { .ifr_flags = IFF_UP };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	strcpy(r.ifr_name, device);
	need(s >= 0 && ioctl(s, SIOCSIFFLAGS, &r) == 0, device);
	close(s);
}

static void attach(int program)
{
	union bpf_attr attr = { .link_create = { .prog_fd = (uint32_t)program,
		                                 .target_ifindex = if_nametoindex(device),
		                                 .attach_type = BPF_XDP,
		                                 .flags = XDP_FLAGS_DRV_MODE } };

	need(syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof attr) >= 0, "BPF_LINK_CREATE");
}

static void print_counters(void)
{
	char line[512];
	FILE *f = fopen("/proc/net/dev", "r");

	need(f != NULL, "/proc/net/dev");
	while (fgets(line, sizeof line, f))
		if (strstr(line, device))
			fputs(line, stdout);
	fclose(f);
}

int main(void)
{
	struct ash_object object = { .program = NULL };

	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir("/proc", 0555);
	need(mount("proc", "/proc", "proc", 0, NULL) == 0, "/proc");
	link_object(&object);
	int program = load(&object);
	bring_up();
	attach(program);
	puts("xdp: ready");
	while (getchar() != EOF)
		print_counters();
	return 1;
}
