/* dpf/test/fuzz/capture_target.c - the readers of files: captures, whose frames a classifier then
 * gets, and tcpprep's cache files. Input: the file. SPDX-License-Identifier: ISC */
#include "dpf/test/fuzz/target.h"
#include "dpf/tool/capture.h"
#include "dpf/tool/filters.h"
#include "dpf/tool/host.h"
#include "dpf/tool/split.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WAYS = 64, FRAMES_MAX = 4096 };

/* A file of the system's with these bytes, and its path. */
static int file_of(const uint8_t *data, size_t n, char path[40])
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	snprintf(path, 40, "/proc/self/fd/%d", fd);
	return fd;
}

static void classify_all(pcap_t *in, const char *path)
{
	char *words[] = { (char[]){ "tcp port 80" }, (char[]){ "arp or len > 100" }, NULL };
	struct options o = { .rest = words, .nrest = 2 };
	struct filters f;
	struct pcap_pkthdr *h;
	const uint8_t *data;
	uint32_t ids[2];

	if (!filters_read(&f, &o))
		abort();
	filters_share(&f);
	struct dpf *d = filters_compile(&f, in) ? filters_merge(&f, &host_memory) : NULL;
	for (int i = 0; i < FRAMES_MAX && capture_next(in, path, &h, &data) == 1; i++)
		for (int k = 0; d && k < 2; k++) {
			uint32_t n = dpf_match_set(d, data, h->caplen, h->len, ids, 2);
			bool got = false;

			for (uint32_t j = 0; j < n; j++)
				got |= ids[j] == f.e[k].id;
			must_equal("dpf, libpcap", got,
			           bpf_filter(f.e[k].program.bf_insns, data, h->len, h->caplen) != 0);
		}
	if (d)
		dpf_destroy(d);
	filters_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t way[WAYS];
	char path[40];

	int fd = file_of(data, n, path);
	pcap_t *in = capture_open(path);
	if (in) {
		classify_all(in, path);
		pcap_close(in);
	}
	split_read(path, way, WAYS);
	close(fd);
	return 0;
}
