/* dpf/tool/linux.h - a classic program in the Linux kernel's just-in-time compiler.
 * SPDX-License-Identifier: ISC */
#pragma once
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>

/* Load a program as the kernel itself translates classic ones: register for register, with
 * the loads that its compiler makes calls of. Type SCHED_CLS, which sees the Ethernet
 * header. Returns a descriptor; -1: no privilege, or an instruction that is not known. */
int linux_load(const struct bpf_program *p);

/* Run it on a frame, which was captured whole, `repeat` times (BPF_PROG_TEST_RUN). The
 * return value, and the kernel's nanoseconds for one run. False: refused. */
bool linux_run(int fd, const uint8_t *frame, uint32_t length, uint32_t repeat,
               uint32_t *verdict, uint32_t *ns);
